"""Pillow's pixel modes to upright 8-bit RGB, as a viewer shows them."""

from collections.abc import Callable

import cv2
import numpy as np
from PIL import Image

_ORIENTATION_TAG = 0x0112
_NEAR = 7  # pixels: letters are thinner, so all of a letter on transparent ground is so near to it
_OPAQUE = 0.5  # share of the largest alpha from which a pixel is looked at
_DARK, _BRIGHT = 96, 160  # gray values: darker ones do not show on black, brighter ones not on white


def orientation(image: Image.Image) -> int:
    """EXIF orientation 1 to 8; 1 where there is none."""
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:  # a broken EXIF block must not cost a good image
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


# By EXIF orientation: from the pixels as stored to those that are shown.
_UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: lambda pixels: cv2.flip(pixels, 1),
    3: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_180),
    4: lambda pixels: cv2.flip(pixels, 0),
    5: cv2.transpose,
    6: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_CLOCKWISE),
    7: lambda pixels: cv2.flip(cv2.transpose(pixels), -1),
    8: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_COUNTERCLOCKWISE),
}


def turned_upright(pixels: np.ndarray, exif_orientation: int) -> np.ndarray:
    return _UPRIGHT[exif_orientation](pixels) if exif_orientation in _UPRIGHT else pixels


def to_rgb(image: Image.Image) -> np.ndarray:
    """(H, W, 3) uint8, writable and contiguous, not yet turned upright.

    16-bit samples keep their high byte; transparency lies on the ground of `on_ground`.
    """
    if image.mode.startswith("I") or image.mode == "F":
        image = Image.fromarray(_deep_gray_to_8_bit(np.asarray(image), image.mode))
    if image.has_transparency_data:
        rgba = np.array(image.convert("RGBA"), dtype=np.uint8)
        return on_ground(rgba[..., :3], rgba[..., 3])
    return np.array(image if image.mode == "RGB" else image.convert("RGB"), dtype=np.uint8)  # a copy


def on_ground(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Pixels (H, W, 3) laid with their alpha (H, W), both uint8, on white, or on black if that hides less of them."""
    rgb = np.ascontiguousarray(rgb)
    if alpha.min() == 255:
        return rgb
    image = Image.new("RGB", (rgb.shape[1], rgb.shape[0]), (_ground(rgb, alpha),) * 3)
    image.paste(Image.fromarray(rgb), mask=Image.fromarray(np.ascontiguousarray(alpha)))
    return np.array(image)


def _ground(rgb: np.ndarray, alpha: np.ndarray) -> int:
    """255 or 0. What counts are the pixels near to transparent ones: there letters stand on that ground."""
    opaque = (alpha > _OPAQUE * alpha.max()).astype(np.uint8)
    inner = cv2.erode(opaque, np.ones((2 * _NEAR + 1,) * 2, np.uint8), borderType=cv2.BORDER_REPLICATE)
    near = (opaque > inner) if (opaque > inner).any() else opaque > 0
    gray = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[near]
    return 0 if np.count_nonzero(gray > _BRIGHT) > np.count_nonzero(gray < _DARK) else 255


def _deep_gray_to_8_bit(samples: np.ndarray, mode: str) -> np.ndarray:
    if mode.startswith("I;16"):
        return (samples.astype(np.uint16) >> 8).astype(np.uint8)
    if mode == "F":
        samples = np.nan_to_num(samples)
        scale = 255.0 if samples.size and samples.max() <= 1.0 else 1.0
        return np.clip(samples * scale, 0, 255).astype(np.uint8)
    samples = np.clip(samples, 0, 65535)  # mode "I": 16-bit samples in 32-bit cells, or 8-bit ones
    return (samples >> 8 if samples.max() > 255 else samples).astype(np.uint8)
