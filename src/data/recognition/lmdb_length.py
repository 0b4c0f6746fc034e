"""How long the file of an LMDB must be, from its own first pages: reading beyond its end kills the process.

A data.mdb begins with two pages that describe it, written in turn: a page header of 16 bytes, then magic and
version (4 bytes each), address and map size (8 each), and two trees of 48 bytes, the first of which begins with
the size of a page; then the number of the last page and that of the transaction (8 bytes each), little-endian.
"""

import struct
from pathlib import Path

_MAGIC = 0xBEEFC0DE
_DESCRIPTION = struct.Struct("<16x I4x 16x I92x QQ")


def cut_short(data_file: Path) -> str:
    """What is missing of a data.mdb that was cut off, "" for a whole one and for what is none.

    Raises:
        OSError: the file cannot be read.
    """
    found = []
    with data_file.open("rb") as file:
        position = 0
        for _ in range(2):
            file.seek(position)
            data = file.read(_DESCRIPTION.size)
            if len(data) < _DESCRIPTION.size:
                break
            magic, page_size, last_page, transaction = _DESCRIPTION.unpack(data)
            if magic != _MAGIC or not 256 <= page_size <= 65536:
                break
            found.append((transaction, (last_page + 1) * page_size))
            position = page_size
    length = data_file.stat().st_size
    promised = max(found)[1] if found else 0
    if length >= promised:
        return ""
    return f"{data_file.name} is cut off: it has {length} bytes, {promised} by its own header; copy it again"
