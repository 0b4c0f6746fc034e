"""What is special about GIF files: blocks without end, and frames that enlarge the image."""

import re
import struct
from collections.abc import Iterator

MOST_BLOCKS = 50_000  # Pillow takes a microsecond for each, and a file holds millions
_BLOCK = re.compile(rb"[,!;]")
_FRAME, _END, _COMMENT, _APPLICATION = b",", b";", b"\xfe", b"\xff"
_LOOPS = b"NETSCAPE2.0"  # an application whose next block is looked at on its own


class GifError(Exception):
    """More blocks than any real file has."""


def large_frame(gif: bytes, max_pixels: int) -> tuple[int, tuple[int, int]] | None:
    """Number from 0 and size (width, height) of the first frame with which the image has more than `max_pixels`.

    A frame may lie outside the image, which Pillow then makes larger for all that follow: from some bytes, it makes
    gigabytes while it seeks a frame, before anybody can ask for the size.

    Raises:
        GifError: there are more than MOST_BLOCKS blocks.
    """
    width, height = struct.unpack_from("<HH", gif.ljust(13, b"\0"), 6)
    for number, (right, bottom) in enumerate(_frame_ends(gif)):
        width, height = max(width, right), max(height, bottom)
        if width * height > max_pixels:
            return number, (width, height)
    return None


def _frame_ends(gif: bytes) -> Iterator[tuple[int, int]]:
    """(right, bottom) of each frame, read as Pillow reads it, also where the file is damaged."""
    place = 13 + _colors(gif[10] if len(gif) > 10 else 0)
    for _ in range(MOST_BLOCKS):
        found = _BLOCK.search(gif, place)
        if not found or found[0] == _END:
            return
        place = found.end()
        if found[0] == _FRAME:
            if place + 9 > len(gif):
                return
            left, top, width, height, flags = struct.unpack_from("<HHHHB", gif, place)
            place = _after_blocks(gif, place + 9 + _colors(flags) + 1)
            yield left + width, top + height
            continue
        kind = gif[place : place + 1]
        content, place = _block(gif, place + 1)
        if kind == _APPLICATION and content.startswith(_LOOPS):
            content, place = _block(gif, place)
        if kind != _COMMENT or content:
            place = _after_blocks(gif, place)
    raise GifError(f"a GIF of more than {MOST_BLOCKS} blocks")


def _colors(flags: int) -> int:
    """Bytes of a table of colors, if there is one."""
    return 3 * (2 << (flags & 7)) if flags & 0x80 else 0


def _block(gif: bytes, place: int) -> tuple[bytes, int]:
    """Content of the data block at `place`, and where the next one is."""
    end = place + 1 + (gif[place] if place < len(gif) else 0)
    return gif[place + 1 : end], end


def _after_blocks(gif: bytes, place: int) -> int:
    """Behind the empty block that ends a row of them."""
    while place < len(gif) and gif[place]:
        place += 1 + gif[place]
    return place + 1
