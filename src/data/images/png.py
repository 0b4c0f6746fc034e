"""What is special about PNG files: which damage costs no pixel, and what of a damaged file decoders are given.

ascend310_infer/src/png_chunks.cpp is the same in C++, so that both sides accept the same files.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from src.data.images.png_rows import Header, PngError, inflated_rows

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Encoders write 8 KiB or more in a chunk; walking over millions of empty ones takes seconds.
MOST_CHUNKS = 200_000
_END = b"\0\0\0\0IEND\xae\x42\x60\x82"
_TEXTS = {b"tEXt", b"zTXt", b"iTXt", b"iCCP"}
_OF_FRAMES = {b"fcTL", b"fdAT"}  # of an animation: each frame is an image of its own
_IS_ANCILLARY = 0x20  # bit of the first letter of a kind: decoders may do without such a chunk
_ONLY_ONCE = {b"PLTE", b"tRNS", b"eXIf"}  # decoders differ on which of two counts
_BEFORE_PIXELS = {b"PLTE", b"tRNS"}
_GRAY, _RGB, _PALETTE = 0, 2, 3  # color types
_LENGTHS = {b"pHYs": 9, b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"acTL": 8, b"fcTL": 26}  # one decoder refuses others


class Chunk(NamedTuple):
    """A chunk as it stands in the file, or what is left of it where the file ends.

    Attributes:
        whole: whether length, kind, body and checksum are there.
        sound: whether the checksum is right.
    """

    kind: bytes
    body: bytes
    stored: bytes
    whole: bool
    sound: bool


def sound_png(data: bytes) -> bytes:
    """The file without what is damaged or ambiguous outside its pixels; the same object where that is nothing.

    What was cut off is ended; ancillary chunks with a wrong checksum are left out, and so are chunks of a kind that
    comes once, but for the first; anything unknown; and all that follows a place where no chunk begins.

    Raises:
        PngError: header or palette are damaged or missing, or there are no pixels.
    """
    if not data.startswith(SIGNATURE):
        raise PngError("no signature")
    parts: list[bytes] = [SIGNATURE]
    seen: set[bytes] = set()
    header = None
    for chunk in _chunks(data):
        if header is None:
            header = _header(chunk)
        elif not _counts(chunk, header, seen):
            continue
        # A chunk that was cut off gets its length and no right checksum, so that the stream's own one counts.
        parts.append(chunk.stored if chunk.whole else _stored(chunk.kind, chunk.body)[:-4] + bytes(4))
        seen.add(chunk.kind)
    if b"IDAT" not in seen or header is None:
        raise PngError("no pixels")
    if b"IEND" not in seen:
        parts.append(_END)
    rebuilt = b"".join(parts)
    return data if data.startswith(rebuilt) else rebuilt


def _counts(chunk: Chunk, header: Header, seen: set[bytes]) -> bool:
    """Whether a chunk after the header is given to decoders."""
    kind, length = chunk.kind, len(chunk.body)
    after_pixels = b"IDAT" in seen
    if kind == b"IDAT":
        if header.color == _PALETTE and b"PLTE" not in seen:
            raise PngError("no palette")
        return b"end of pixels" not in seen
    if after_pixels:
        seen.add(b"end of pixels")
    if kind == b"PLTE" and not chunk.sound:
        raise PngError("PLTE has a wrong checksum")
    if not chunk.whole or (kind in _ONLY_ONCE and kind in seen) or _LENGTHS.get(kind, length) != length:
        return False
    if kind in _BEFORE_PIXELS:
        return chunk.sound and not after_pixels and _fits(kind, length, header.color, b"PLTE" in seen)
    return kind == b"IEND" or (bool(kind[0] & _IS_ANCILLARY) and (chunk.sound or kind in _OF_FRAMES))


def _fits(kind: bytes, length: int, color: int, has_palette: bool) -> bool:
    """Whether a palette, or what tells which colors are transparent, may be so long with this color type."""
    if kind == b"PLTE":
        return color == _PALETTE and length % 3 == 0 and 3 <= length <= 768
    return {_GRAY: length == 2, _RGB: length == 6, _PALETTE: has_palette and 1 <= length <= 256}.get(color, False)


def _header(chunk: Chunk) -> Header:
    if chunk.kind != b"IHDR" or len(chunk.body) != 13 or not chunk.whole:
        raise PngError("no header")
    if not chunk.sound:
        raise PngError("IHDR has a wrong checksum")
    header = Header(*struct.unpack(">IIBBBBB", chunk.body))
    if not header.is_known():
        raise PngError("the header cannot be")
    return header


def _chunks(data: bytes) -> Iterator[Chunk]:
    """Up to IEND, the end of the data, or a place where no chunk begins; the last may be cut off."""
    place = len(SIGNATURE)
    for number in range(MOST_CHUNKS + 1):
        kind = data[place + 4 : place + 8]
        if len(kind) < 4 or not kind.isalpha():
            return
        if number == MOST_CHUNKS:
            raise PngError(f"a PNG of more than {MOST_CHUNKS} chunks", "unsupported")
        length = int.from_bytes(data[place : place + 4], "big")
        end = place + 12 + length
        stored, body = data[place:end], data[place + 8 : place + 8 + length]
        whole = end <= len(data)
        yield Chunk(kind, body, stored, whole, whole and zlib.crc32(stored[4:-4]).to_bytes(4, "big") == stored[-4:])
        if not whole or kind == b"IEND":
            return
        place = end


def other_forms(data: bytes, *, is_animated: bool) -> Iterator[bytes]:
    """Forms of a sound file that a decoder may accept where it refused that."""
    # Pillow refuses the image where they are long.
    shorter = SIGNATURE + b"".join(chunk.stored for chunk in _chunks(data) if chunk.kind not in _TEXTS)
    if len(shorter) < len(data):
        yield shorter
    if not is_animated and (anew := _with_rows_anew(shorter)):
        yield anew


def has_right_checksums(data: bytes) -> bool:
    """Whether the pixels of a sound file are as they were written, so that nothing need be inflated to know it."""
    return all(chunk.sound for chunk in _chunks(data) if chunk.kind == b"IDAT")


def has_all_rows(data: bytes) -> bool:
    """Whether all pixels of a sound file can be inflated; Pillow takes a stream that ends early for a whole one."""
    try:
        for _ in _rows(list(_chunks(data))):
            pass
    except PngError:
        return False
    return True


def _with_rows_anew(data: bytes) -> bytes | None:
    """A sound file whose pixels are compressed anew, without what is wrong behind them; None where some are missing.

    Decoders differ on what may follow the last pixel: the end of the stream, its checksum, anything else.
    """
    chunks, compressor = list(_chunks(data)), zlib.compressobj(1)
    try:
        pixels = b"".join([compressor.compress(piece) for piece in _rows(chunks)]) + compressor.flush()
    except PngError:
        return None
    kept = (chunk.stored for chunk in chunks if chunk.kind != b"IDAT")
    return SIGNATURE + b"".join(kept).removesuffix(_END) + _stored(b"IDAT", pixels) + _END


def _rows(chunks: list[Chunk]) -> Iterator[bytes]:
    """The rows with their filters, in pieces of any length; PngError as `inflated_rows`.

    The stream's own checksum counts only where one of the file's is wrong.
    """
    pixels = [chunk for chunk in chunks if chunk.kind == b"IDAT"]
    checked = not all(chunk.sound for chunk in pixels)
    return inflated_rows(_header(chunks[0]), b"".join(chunk.body for chunk in pixels), checked)


def _stored(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
