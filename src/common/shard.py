"""One of several equal shares of a job, for machines that divide it without talking to each other."""

import re
import zlib
from dataclasses import dataclass

from src.common.options import OptionError


@dataclass(frozen=True)
class Shard:
    """Share `number` of `count`, counted from 1. The shares are disjoint and together everything."""

    number: int = 1
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """`3/16` -> the third of sixteen; empty is everything.

        Raises:
            OptionError: anything else.
        """
        if not text:
            return cls()
        found = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text)
        if not found or not 1 <= int(found[1]) <= int(found[2]):
            raise OptionError(f"shard: '{text}' is not a share such as 3/16, from 1/16 to 16/16")
        return cls(int(found[1]), int(found[2]))

    def holds(self, name: str) -> bool:
        """Whether a thing of this name belongs to the share: the same answer on every machine and at any time."""
        return zlib.crc32(name.encode("utf-8", "surrogateescape")) % self.count == self.number - 1

    def of(self, total: int) -> range:
        """The positions of the share in a sequence of `total` things: neighbors, in their order."""
        return range(total * (self.number - 1) // self.count, total * self.number // self.count)


EVERYTHING = Shard()
