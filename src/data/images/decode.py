"""Any image file -> the upright 8-bit RGB image a viewer shows, or one named reason why not."""

import io
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import simplejpeg
from PIL import Image

from src.common.errors import UserError

DEFAULT_MAX_PIXELS = 64_000_000
# A closed list: Pillow would otherwise also try formats that start other programs (EPS) or only name stubs.
ACCEPTED_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "PPM", "TIFF", "WEBP", "JPEG2000")
IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".png", ".gif", ".bmp", ".ppm", ".pgm", ".tif", ".tiff", ".webp", ".jp2"}
)
_ORIENTATION_TAG = 0x0112


class ImageError(UserError):
    """A file that does not give an image.

    `reason` is one of "missing", "unreadable", "empty file", "not an image", "truncated", "too large",
    "unsupported"; the message names the file and the reason.
    """

    def __init__(self, reason: str, name: str, detail: str = "") -> None:
        super().__init__(f"{name}: {reason}" + (f" ({detail})" if detail else ""))
        self.reason = reason
        self.name = name
        self.detail = detail

    def __reduce__(self) -> tuple:  # so that worker processes can hand it back whole
        return type(self), (self.reason, self.name, self.detail)


@dataclass(frozen=True)
class ImageHeader:
    """What a file says about its image before any pixel is decoded.

    height, width: size in pixels as shown (EXIF orientation applied).
    orientation: EXIF orientation 1..8, 1 where the file has none.
    mode: Pillow's pixel mode as stored. has_alpha: whether the pixels or the palette carry transparency.
    has_color_profile: whether an ICC profile is embedded (it is not applied).
    """

    format: str
    mode: str
    height: int
    width: int
    orientation: int
    has_alpha: bool
    has_color_profile: bool


def read_bytes(path: Path | str) -> bytes:
    """The file's bytes; ImageError "missing", "unreadable" or "empty file" otherwise."""
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise ImageError("missing", str(path)) from None
    except OSError as error:
        raise ImageError("unreadable", str(path), error.strerror or str(error)) from None
    if not data:
        raise ImageError("empty file", str(path))
    return data


def read_header(source: bytes | Path | str, *, max_pixels: int = DEFAULT_MAX_PIXELS, name: str = "") -> ImageHeader:
    """Format, shown size and orientation, from the header alone; ImageError as `decode_image`."""
    data, name = _source(source, name)
    with _open(data, max_pixels, name) as image:
        return _header(image)


def image_size(
    source: bytes | Path | str, *, max_pixels: int = DEFAULT_MAX_PIXELS, name: str = ""
) -> tuple[int, int]:
    """(height, width) in pixels as the image is shown, from the header alone."""
    header = read_header(source, max_pixels=max_pixels, name=name)
    return header.height, header.width


def decode_image(source: bytes | Path | str, *, max_pixels: int = DEFAULT_MAX_PIXELS, name: str = "") -> np.ndarray:
    """Decode an image to contiguous uint8 (H, W, 3) RGB, as a viewer shows it.

    EXIF orientation is applied; an animation gives its first frame; transparency lies on white; 16-bit
    samples keep their high byte; gray, palette and CMYK become RGB. The size is checked in the header,
    so a file that claims more than `max_pixels` costs no memory. (Pillow itself refuses more than about
    179 million pixels.) `name` stands for bytes in messages. Raises ImageError.
    """
    data, name = _source(source, name)
    with _open(data, max_pixels, name) as image:
        pixels = _sound_jpeg(data, image)
        if pixels is None:
            try:
                image.load()
            except Exception as error:  # decoders fail on broken data with any exception class
                raise ImageError("truncated", name, str(error)) from None
            try:
                pixels = _to_rgb(image)
            except (ValueError, OSError, NotImplementedError) as error:
                raise ImageError("unsupported", name, f"mode {image.mode}: {error}") from None
        orientation = _orientation(image)
    return _UPRIGHT[orientation](pixels) if orientation in _UPRIGHT else pixels


def _sound_jpeg(data: bytes, image: Image.Image) -> np.ndarray | None:
    """Pixels of an ordinary JPEG without any fault, as Pillow would give them, in half its time; else None.

    The same decoder is behind both, but here it writes where the pixels stay. Whatever it complains of is left to
    Pillow, so that it alone decides what a damaged file gives.
    """
    if image.format != "JPEG" or image.mode not in ("RGB", "L"):
        return None
    try:
        return simplejpeg.decode_jpeg(data, "RGB", fastdct=False, fastupsample=False, strict=True)
    except ValueError:
        return None


def _source(source: bytes | Path | str, name: str) -> tuple[bytes, str]:
    if isinstance(source, (str, Path)):
        return read_bytes(source), name or str(source)
    data = bytes(source)
    name = name or "image bytes"
    if not data:
        raise ImageError("empty file", name)
    return data, name


def _open(data: bytes, max_pixels: int, name: str) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(data), formats=ACCEPTED_FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError("too large", name, str(error)) from None
    except Image.UnidentifiedImageError:
        # A signature that is known with a header that cannot be read is a cut file, not a foreign one.
        reason = "truncated" if _known_signature(data) else "not an image"
        raise ImageError(reason, name) from None
    except Exception as error:  # decoders fail on broken data with any exception class
        raise ImageError("truncated", name, str(error)) from None
    if image.width * image.height > max_pixels:
        image.close()
        detail = f"{image.width}x{image.height}, at most {max_pixels} pixels are accepted"
        raise ImageError("too large", name, detail)
    if image.width < 1 or image.height < 1:
        image.close()
        raise ImageError("not an image", name, f"{image.width}x{image.height} pixels")
    return image


def _known_signature(data: bytes) -> bool:
    return data.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF8", b"II*\x00", b"MM\x00*")) or (
        data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    )


def _header(image: Image.Image) -> ImageHeader:
    orientation = _orientation(image)
    width, height = image.size
    if orientation >= 5:  # 5..8 exchange rows and columns
        width, height = height, width
    return ImageHeader(
        format=image.format or "",
        mode=image.mode,
        height=height,
        width=width,
        orientation=orientation,
        has_alpha=image.has_transparency_data,
        has_color_profile="icc_profile" in image.info,
    )


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:  # a broken EXIF block must not cost a good image
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


# By EXIF orientation: from the pixels as stored to those that are shown.
_UPRIGHT = {
    2: lambda pixels: cv2.flip(pixels, 1),
    3: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_180),
    4: lambda pixels: cv2.flip(pixels, 0),
    5: cv2.transpose,
    6: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_CLOCKWISE),
    7: lambda pixels: cv2.flip(cv2.transpose(pixels), -1),
    8: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_COUNTERCLOCKWISE),
}


def _to_rgb(image: Image.Image) -> np.ndarray:
    if image.mode.startswith("I") or image.mode == "F":
        image = Image.fromarray(_deep_gray_to_8_bit(np.asarray(image), image.mode))
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        image = Image.new("RGB", rgba.size, (255, 255, 255))
        image.paste(rgba, mask=rgba.getchannel("A"))
    elif image.mode != "RGB":
        image = image.convert("RGB")
    return np.array(image, dtype=np.uint8)  # a copy: writable, contiguous


def _deep_gray_to_8_bit(samples: np.ndarray, mode: str) -> np.ndarray:
    if mode.startswith("I;16"):
        return (samples.astype(np.uint16) >> 8).astype(np.uint8)
    if mode == "F":
        samples = np.nan_to_num(samples)
        scale = 255.0 if samples.size and samples.max() <= 1.0 else 1.0
        return np.clip(samples * scale, 0, 255).astype(np.uint8)
    samples = np.clip(samples, 0, 65535)  # mode "I": 16-bit samples in 32-bit cells, or 8-bit ones
    return (samples >> 8 if samples.max() > 255 else samples).astype(np.uint8)
