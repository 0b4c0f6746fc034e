"""Images that a Python program has in memory already: arrays and Pillow's, to upright 8-bit RGB."""

import numpy as np
from PIL import Image

from src.common.errors import UserError
from src.data.images.options import DEFAULT_MAX_PIXELS
from src.data.images.pillow_guards import without_pillow_limit
from src.data.images.rgb import on_ground, orientation, to_rgb, turned_upright
from src.data.images.source import ImageError

ACCEPTED = (
    "accepted are a path, the bytes of a file, a binary file, a Pillow image, or a uint8 array: "
    "gray (H, W), gray and alpha (H, W, 2), RGB (H, W, 3) or RGBA (H, W, 4)"
)


class NotAnImageError(UserError, TypeError):
    """Something that is no image; the message lists what is accepted."""


def array_pixels(array: np.ndarray, name: str) -> np.ndarray:
    """A uint8 array of 1 to 4 channels as contiguous RGB (H, W, 3); what has alpha is laid on `on_ground`.

    Raises:
        NotAnImageError: for any other array.
    """
    channels = array.shape[2] if array.ndim == 3 else 1
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or channels not in (1, 2, 3, 4) or not array.size:
        raise NotAnImageError(f"{name}: an array of {array.dtype} {array.shape}; {ACCEPTED}")
    if array.ndim == 2:
        array = array[..., None]
    color = array[..., :3] if channels >= 3 else np.repeat(array[..., :1], 3, axis=2)
    if channels in (2, 4):
        return on_ground(color, array[..., -1])
    return np.ascontiguousarray(color)


def pillow_pixels(image: Image.Image, name: str, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> np.ndarray:
    """A Pillow image of any mode, the frame it stands at, as upright RGB (H, W, 3); it is not changed.

    Raises:
        ImageError: it is larger than `max_pixels`, empty, or its file cannot be decoded.
    """
    width, height = image.size
    if width * height > max_pixels:
        raise ImageError(
            "too large", name, f"{width}x{height}; at most {max_pixels} pixels are accepted (max_pixels)"
        )
    if width < 1 or height < 1:
        raise ImageError("not an image", name, f"{width}x{height} pixels")
    try:
        with without_pillow_limit():
            image.load()
            return turned_upright(to_rgb(image), orientation(image))
    except Exception as error:  # decoders fail on broken data with any exception class
        raise ImageError("truncated", name, str(error)) from None
