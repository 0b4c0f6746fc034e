"""The rows of a PNG, from their compressed stream: are they all there?"""

import zlib
from collections.abc import Iterator
from typing import NamedTuple

_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}  # by color type
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))  # Adam7
_PIECE = 1 << 16


class Header(NamedTuple):
    """Content of the chunk IHDR."""

    width: int
    height: int
    depth: int
    color: int
    compression: int
    filtering: int
    interlace: int

    def rows(self) -> Iterator[tuple[int, int]]:
        """(rows, bytes of a row with its filter) of the image, or of each of its passes."""
        bits = self.depth * _CHANNELS[self.color]
        for x, y, dx, dy in _PASSES if self.interlace else ((0, 0, 1, 1),):
            width, height = -(-(self.width - x) // dx), -(-(self.height - y) // dy)
            if width > 0 and height > 0:
                yield height, 1 + (width * bits + 7) // 8

    def is_known(self) -> bool:
        """Whether the format has such images."""
        right_depth = self.depth in _DEPTHS.get(self.color, ())
        return right_depth and not self.compression and not self.filtering and self.interlace <= 1


class PngError(ValueError):
    """The file gives no image; `reason` is one of ImageError's."""

    def __init__(self, detail: str, reason: str = "truncated") -> None:
        super().__init__(detail)
        self.reason = reason


def inflated_rows(header: Header, stream: bytes, checked: bool) -> Iterator[bytes]:
    """The rows with their filters, in pieces of any length.

    Raises:
        PngError: rows are missing, a filter is unknown, or the stream is wrong: then the pixels may be, too. Its
            checksum counts if it is to be `checked`.
    """
    rows = list(header.rows())
    expected, place = sum(count * length for count, length in rows), 0
    for piece in _inflated(stream, expected + 1, checked):
        if _has_unknown_filter(piece, place, rows):
            raise PngError("an unknown filter")
        yield piece[: max(expected - place, 0)]
        place += len(piece)
    if place < expected:
        raise PngError("the pixels end early")


def _has_unknown_filter(piece: bytes, place: int, rows: list[tuple[int, int]]) -> bool:
    """Whether a row that begins in this piece of the pixels, which begins at `place`, has no known filter."""
    start = 0
    for count, length in rows:
        end = start + count * length
        first = start + -(-max(place - start, 0) // length) * length
        if piece[first - place : max(end - place, 0) : length].strip(b"\0\1\2\3\4"):
            return True
        start = end
    return False


def _inflated(data: bytes, most: int, checked: bool) -> Iterator[bytes]:
    """What comes out of a stream, which may be cut off, up to `most` bytes, piece by piece; PngError for errors."""
    first, flags = data[0] if data else 0, data[1] if len(data) > 1 else 0
    if first & 15 != zlib.DEFLATED or first >> 4 > 7 or flags & 32 or (first * 256 + flags) % 31:
        raise PngError("the pixels are not compressed as they should be")
    stream = zlib.decompressobj(zlib.MAX_WBITS if checked else -zlib.MAX_WBITS)
    pending, place = b"", 0 if checked else 2
    while most and not stream.eof and (pending or place < len(data)):
        if not pending:
            pending, place = data[place : place + _PIECE], place + _PIECE
        try:
            found = stream.decompress(pending, min(most, _PIECE))
        except zlib.error as error:
            raise PngError(str(error)) from None
        pending = stream.unconsumed_tail
        most -= len(found)
        yield found
