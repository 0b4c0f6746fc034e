"""Limits of Pillow that this project does not want, as it has its own: of pixels, and of texts in a PNG."""

import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image

_lock = threading.Lock()
_inside = 0
_before: int | None = None

_SIGNATURE_BYTES = 8
_TEXTS = {b"tEXt", b"zTXt", b"iTXt", b"iCCP"}
_IS_ANCILLARY = 0x20  # bit of the first letter of a kind: decoders may do without such a chunk


@contextmanager
def without_pillow_limit() -> Iterator[None]:
    """Pillow refuses no image for its size, and warns of none; any number of threads may be inside at once.

    The limit is one for the whole process, so it is put back when the last of them leaves.
    """
    global _inside, _before  # noqa: PLW0603 - Pillow's limit is global, and so is who has put it aside
    with _lock:
        if not _inside:
            _before = Image.MAX_IMAGE_PIXELS
            Image.MAX_IMAGE_PIXELS = None
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                Image.MAX_IMAGE_PIXELS = _before


def without_texts(data: bytes) -> bytes:
    """The file without its texts and color profile, and without any metadata whose checksum is wrong.

    Pillow refuses the image for these when they are long, and for any wrong checksum before the pixels.
    """
    parts = [data[:_SIGNATURE_BYTES]]
    place = _SIGNATURE_BYTES
    while place + 12 <= len(data):
        end = place + 12 + int.from_bytes(data[place : place + 4], "big")
        kind = data[place + 4 : place + 8]
        if kind not in _TEXTS and not (kind[0] & _IS_ANCILLARY and _is_damaged(data[place + 4 : end])):
            parts.append(data[place:end])
        place = end
    parts.append(data[place:])
    return b"".join(parts)


def _is_damaged(chunk: bytes) -> bool:
    """Whether the checksum at the end of a chunk, which begins with its kind here, is another one's."""
    return zlib.crc32(chunk[:-4]).to_bytes(4, "big") != chunk[-4:]
