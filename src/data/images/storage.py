"""Image file -> bytes that every decoder turns into the same upright 8-bit RGB image."""

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from src.data.images.decode import DecodedImage, ImageError, ImageFile, read_bytes
from src.data.images.header import ImageHeader
from src.data.images.options import DEFAULT_MAX_PIXELS

# One MindRecord page holds 32 MiB, less the room for the other fields.
MAX_STORED_BYTES = 33_000_000
JPEG_QUALITY = 95
_LOSSY_FORMATS = ("JPEG", "MPO", "WEBP", "JPEG2000")


class StoredImage(NamedTuple):
    """Encoded bytes, the header of the source, and why it was encoded anew ("" when kept as it is)."""

    data: bytes
    header: ImageHeader
    reencoded: str


def storable_image(path: Path, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> StoredImage:
    """Check an image file by decoding it whole, and give bytes fit for storage.

    JPEG and PNG are kept byte for byte when cv2 shows them as Pillow does. Everything else (turned by EXIF,
    transparent, CMYK, 16-bit, GIF, BMP, TIFF, WebP, ...) is encoded anew: lossy sources as JPEG of quality 95
    without chroma subsampling, others as PNG.

    Raises:
        ImageError: as `decode_image`; with reason "too large" also for bytes that no MindRecord page holds.
    """
    data = read_bytes(path)
    with ImageFile(data, max_pixels=max_pixels, name=str(path)) as file:
        header, decoded = file.header, file.decode()
    pixels = decoded.pixels
    reason = _why_not_as_is(data, header, decoded)
    if reason:
        data = _encode(pixels, lossy=header.format in _LOSSY_FORMATS, name=str(path))
    return StoredImage(data, header, reason)


def _why_not_as_is(data: bytes, header: ImageHeader, decoded: DecodedImage) -> str:
    pixels = decoded.pixels
    obstacles = {
        f"format {header.format}": header.format not in ("JPEG", "MPO", "PNG"),
        "turned by EXIF": header.orientation != 1,
        "transparency": header.has_alpha,
        f"pixel mode {header.mode}": header.mode not in ("RGB", "L", "P", "1"),
        # libpng complains about many of these at every decoding.
        "PNG with a color profile": header.has_color_profile and header.format == "PNG",
        "damaged": bool(decoded.notes),
        "file larger than a page": len(data) > MAX_STORED_BYTES,
    }
    for reason, applies in obstacles.items():
        if applies:
            return reason
    plain = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    same = plain is not None and plain.shape == pixels.shape
    return "" if same and cv2.absdiff(plain, _swap(pixels)).mean() <= 1 else "decoders disagree"


def _swap(pixels: np.ndarray) -> np.ndarray:
    """RGB <-> BGR (H, W, 3), contiguous."""
    return np.ascontiguousarray(pixels[..., ::-1])


def _encode(pixels: np.ndarray, *, lossy: bool, name: str) -> bytes:
    bgr = _swap(pixels)
    if not lossy:
        data = cv2.imencode(".png", bgr)[1].tobytes()
        if len(data) <= MAX_STORED_BYTES:
            return data
    quality = [
        cv2.IMWRITE_JPEG_QUALITY,
        JPEG_QUALITY,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ]
    if max(bgr.shape[:2]) > 65500:  # the format ends there
        raise ImageError("too large", name, f"{bgr.shape[1]}x{bgr.shape[0]} does not fit a JPEG")
    data = cv2.imencode(".jpg", bgr, quality)[1].tobytes()
    if len(data) > MAX_STORED_BYTES:
        raise ImageError("too large", name, f"{len(data)} bytes encoded, at most {MAX_STORED_BYTES}")
    return data
