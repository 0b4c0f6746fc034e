"""Which layout the lines of a data set have, decided over many of them, and which foreign format they are."""

import re

from src.data.detection.annotations.label_lines import (
    HEADS,
    NUMBER,
    NUMBERS,
    THOUSANDS,
    leading_numbers,
)

# Longer layouts stand before shorter ones: a line of eight numbers also begins with four.
ALL_LAYOUTS = ("mlt", "polygon", "quad", "size", "corners")
# The scripts of MLT 2017 and 2019.
SCRIPTS = frozenset(
    ["arabic", "bangla", "chinese", "hindi", "japanese", "korean", "latin", "mixed", "none", "symbols"]
)
_SHARE = r"(?:0?\.\d+(?:[eE]-?\d+)?|[01](?:\.0*)?)"
_YOLO = re.compile(rf"\s*\d+(?:\s+{_SHARE}){{4,}}\s*")
_CLASS_FIRST = re.compile(rf"\s*[01](?:\s+{NUMBER}){{4,5}}\s*|\s*[01](?:\s+{NUMBER}){{8,9}}\s*")
_PADDLE = re.compile(r"[^\t]+\t\s*\[\s*[{\]].*")
_RARE = 20  # one line in so many of six points and more makes a set one of polygons


def detect_layout(lines: list[str], candidates: tuple[str, ...]) -> str:
    """The first candidate that at least half of the sampled lines of a data set fit; else the last one.

    "size" is distinguished from "corners" by widths and heights smaller than the position: as corners, more than a
    tenth of the lines would be reversed. A set of polygons may hold mostly quadrilaterals.
    """
    for layout in candidates[:-1]:
        if layout == "polygon":
            if lines and _are_polygons(lines):
                return layout if _have_text(lines) else "outline"
        elif lines and 2 * sum(_fits(line, layout) for line in lines) >= len(lines):
            if layout == "size" and not _looks_like_sizes(lines):
                continue
            return layout
    return candidates[-1]


def foreign_format(lines: list[str]) -> str:
    """The name of a format that is known but not one of these layouts, with what to do; "" for others."""
    for name, pattern in (
        ("YOLO labels (class and shares of the sides); convert them to pixels, x1,y1,x2,y2,text", _YOLO),
        ("boxes behind the number of a class; write x1,y1,x2,y2,text without it", _CLASS_FIRST),
        ("lines of a PaddleOCR label file; give that file itself in place of the folder", _PADDLE),
    ):
        if len(lines) > (pattern is _CLASS_FIRST) and 2 * sum(map(bool, map(pattern.fullmatch, lines))) > len(lines):
            return name
    return ""


def _fits(line: str, layout: str) -> bool:
    match = HEADS[NUMBERS[layout]].match(line)
    if match is None:
        return False
    if layout == "mlt":
        return line[match.end() :].partition(",")[0].strip().lower() in SCRIPTS
    return True


def _are_polygons(lines: list[str]) -> bool:
    counts = [_count_points(line) for line in lines]
    many = sum(count >= 6 for count in counts)
    return _RARE * many >= len(lines) or 2 * sum(count >= 5 for count in counts) >= len(lines)


def _count_points(line: str) -> int:
    values, places = leading_numbers(line, commas_only=True)
    if len(values) > 9 and THOUSANDS.fullmatch(line[places[8] :].strip()):
        return 4  # and a price
    return len(values) // 2


def _have_text(lines: list[str]) -> bool:
    found = [leading_numbers(line, commas_only=True) for line in lines]
    with_text = sum(
        len(values) % 2 == 1 or places[-1] < len(line.rstrip())
        for line, (values, places) in zip(lines, found, strict=True)
    )
    return 2 * with_text >= len(lines)


def _looks_like_sizes(lines: list[str]) -> bool:
    matches = [match for line in lines if (match := HEADS[4].match(line))]
    values = [[float(value) for value in match.groups()] for match in matches]
    reversed_lines = sum(x2 < x1 or y2 < y1 for x1, y1, x2, y2 in values)
    return reversed_lines * 10 > len(values)
