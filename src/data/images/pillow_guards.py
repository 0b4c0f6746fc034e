"""What Pillow may do here: open some formats, of any size, as this project has a limit of its own."""

import io
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from src.data.images.file_types import HEAD_BYTES, file_type, register_heic, why_not_read
from src.data.images.source import ImageError

# A closed list: Pillow would otherwise also try formats that start other programs (EPS) or only name stubs.
ACCEPTED_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "PPM", "TIFF", "WEBP", "JPEG2000", "AVIF")

_MOST_PNM_HEADER_BYTES = 1 << 16
_PNM_WORD = re.compile(rb"\s*(?:#[^\r\n]*|[^\s#]+)")
_CODESTREAM = b"\xff\x4f\xff\x51"  # the start of JPEG 2000 data, and the marker of the segment with the sizes
_BITS = 42  # bytes from there to the first component's bits per sample, less one

_lock = threading.Lock()
_inside = 0
_before: int | None = None


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


def open_with_pillow(data: bytes | BinaryIO, name: str) -> Image.Image:
    """The image whose header has been read.

    Raises:
        ImageError: the format is not read, or the header cannot be.
    """
    kind = file_type(data[:HEAD_BYTES]) if isinstance(data, bytes) else ""
    if reason := why_not_read(kind):
        raise ImageError("other format", name, reason)
    if kind == "PPM" and isinstance(data, bytes) and _pnm_header_bytes(data) > _MOST_PNM_HEADER_BYTES:
        raise ImageError("unsupported", name, f"comments of more than {_MOST_PNM_HEADER_BYTES} bytes")
    formats: tuple[str, ...] = ACCEPTED_FORMATS
    if kind == "HEIC":
        register_heic()
        formats = ("HEIF",)
    try:
        image = Image.open(io.BytesIO(data) if isinstance(data, bytes) else data, formats=formats)
        if isinstance(data, bytes) and image.format == "JPEG2000" and image.mode in ("RGB", "RGBA"):
            _check_depth(data, name)
        return image
    except UnidentifiedImageError:
        # A signature that is known with a header that cannot be read is a cut file, not a foreign one.
        known = kind not in ("", "BMP", "PPM", "PDF")  # two letters may be the beginning of anything
        detail = "or of a kind that is not supported, such as floating-point colors" if kind == "TIFF" else ""
        raise ImageError("truncated" if known else "not an image", name, detail) from None


def _pnm_header_bytes(data: bytes) -> int:
    """Bytes before the pixels of a PBM, PGM or PPM, which Pillow reads one by one: much of it takes minutes."""
    place, numbers = 2, 2 if data[1:2] in b"14" else 3
    while numbers and place <= _MOST_PNM_HEADER_BYTES:
        found = _PNM_WORD.match(data, place)
        if not found:
            break
        numbers -= not found[0].lstrip().startswith(b"#")
        place = found.end()
    return place


def _check_depth(jpeg2000: bytes, name: str) -> None:
    """Pillow rounds deep colors to 8 bits, and what is rounded to 256 becomes 0: white turns black."""
    place = jpeg2000.find(_CODESTREAM) + _BITS
    bits = (jpeg2000[place] & 0x7F) + 1 if _BITS <= place < len(jpeg2000) else 8
    if bits > 8:
        detail = f"colors of {bits} bits in JPEG 2000; save it with 8 bits, or as PNG or TIFF"
        raise ImageError("unsupported", name, detail)
