"""Which pages of a file are wanted: "1-3,7,10-"."""

import re
from dataclasses import dataclass

from src.common.options import OptionError

_PART = re.compile(r"\s*(\d{1,9})\s*(?:(-)\s*(\d{1,9})?\s*)?")


class PageError(OptionError):
    """Pages that are not written as they must be."""


@dataclass(frozen=True)
class PageRanges:
    """Pages from 1, as `parse_pages` makes them of a text; no ranges are all pages."""

    ranges: tuple[tuple[int, int | None], ...] = ()

    def chosen(self, count: int) -> list[int]:
        """Those of the pages 1 to `count` that are wanted, in their order in the file."""
        if not self.ranges:
            return list(range(1, count + 1))
        wanted: set[int] = set()
        for first, last in self.ranges:
            wanted.update(range(first, min(count, count if last is None else last) + 1))
        return sorted(wanted)


def parse_pages(text: str) -> PageRanges:
    """Pages as people write them: "2", "1-3", "1-3,7", "5-"; "" is all.

    Raises:
        PageError: names what is not such a part.
    """
    ranges = []
    for part in text.split(",") if text.strip() else []:
        match = _PART.fullmatch(part)
        if match is None:
            raise PageError(f"pages: '{part}' is not a page as 2, or pages as 1-3 or 5-")
        first = int(match[1])
        last = (int(match[3]) if match[3] else None) if match[2] else first
        if first < 1 or (last is not None and last < first):
            raise PageError(f"pages: '{part}' are no pages; they are counted from 1, and go up")
        ranges.append((first, last))
    return PageRanges(tuple(ranges))


def as_ranges(numbers: list[int]) -> str:
    """Page numbers, ascending, as `parse_pages` reads them."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)
