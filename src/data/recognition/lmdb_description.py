"""The first two pages of an LMDB, which describe it: how long must the file be, and where is its data?

They are written in turn, and the newer one counts: a page header of 16 bytes, magic and version (4 bytes each),
address and map size (8 each), two trees of 48 bytes (that of free pages, whose first number is the size of a page,
and that of the data), the last page and the number of the transaction (8 each), little-endian.
"""

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_MAGIC, _VERSION = 0xBEEFC0DE, 1
_DESCRIPTION = struct.Struct("<16x II 16x I36xQ 4xH26xQQQQ")


class Description(NamedTuple):
    """Numbers of interest in one of the first two pages."""

    magic: int
    version: int
    page_bytes: int
    free_root: int
    flags: int
    entries: int
    root: int
    last_page: int
    transaction: int


def cut_short(data_file: Path) -> str:
    """What is missing of a data.mdb that was cut off, "" for a whole one and for what is none.

    Raises:
        OSError: the file cannot be read.
    """
    with data_file.open("rb") as file:
        found = list(descriptions(file.fileno()))
        length = os.fstat(file.fileno()).st_size
    newest = max(found, key=lambda description: description.transaction, default=None)
    promised = (newest.last_page + 1) * newest.page_bytes if newest else 0
    if length >= promised:
        return ""
    return f"{data_file.name} is cut off: it has {length} bytes, {promised} by its own header; copy it again"


def descriptions(file: int) -> Iterator[Description]:
    """Those at the beginning of a file; none of what is no LMDB."""
    position = 0
    for _ in range(2):
        data = os.pread(file, _DESCRIPTION.size, position)
        if len(data) < _DESCRIPTION.size:
            return
        found = Description(*_DESCRIPTION.unpack(data))
        sound = 256 <= found.page_bytes <= 65536 and not found.page_bytes & (found.page_bytes - 1)
        if (found.magic, found.version) != (_MAGIC, _VERSION) or not sound:
            return
        yield found
        position = found.page_bytes
