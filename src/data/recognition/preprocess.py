"""One picture of a word -> the network's input. Training, evaluation, export and reading all go through here.

H is the input height (32); W one of the input widths (100, or a few of them for long text).
"""

from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image

DEFAULT_HEIGHT = 32
DEFAULT_WIDTHS = (100,)


def to_grey(image: np.ndarray) -> np.ndarray:
    """uint8 grey (h, w), or RGB (h, w, 3) -> uint8 grey (h, w)."""
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or 0 in image.shape:
        raise ValueError(f"word picture {image.shape} {image.dtype}; expected uint8 (h, w) or (h, w, 3)")
    if image.ndim == 2:
        return image
    return image[:, :, 0] if image.shape[2] == 1 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


def kept_ratio_width(image_height: int, image_width: int, height: int = DEFAULT_HEIGHT) -> int:
    """Width of the picture when it is resized to `height` with its proportions kept, at least 1."""
    return max(1, round(image_width * height / image_height))


def bucket_width(natural_width: int, widths: Sequence[int]) -> int:
    """The narrowest of the ascending `widths` that holds `natural_width`, else the widest."""
    return next((width for width in widths if width >= natural_width), widths[-1])


def resize_word(grey: np.ndarray, height: int, width: int, *, keep_ratio: bool) -> np.ndarray:
    """Grey (h, w) -> grey (height, width), uint8, bicubic.

    Stretched to the whole width, or, with `keep_ratio`, only as wide as its proportions say (never wider than
    `width`) and filled up on the right with the median of its upper and lower edge, which is mostly background.
    Pillow's bicubic filter widens with the shrinking factor, as in the reference; OpenCV's would alias.
    """
    fitted = min(width, kept_ratio_width(*grey.shape, height)) if keep_ratio else width
    if grey.shape != (height, fitted):
        picture = Image.fromarray(np.ascontiguousarray(grey))
        grey = np.asarray(picture.resize((fitted, height), Image.Resampling.BICUBIC))
    if fitted < width:
        edges = np.sort(grey[[0, -1]], axis=None)
        median = (int(edges[fitted - 1]) + int(edges[fitted])) // 2  # np.median takes four times as long
        filled = np.full((height, width), median, np.uint8)
        filled[:, :fitted] = grey
        return filled
    return grey


def normalise(grey: np.ndarray) -> np.ndarray:
    """uint8 of any shape -> float32 in [-1, 1]: (x / 255 - 0.5) / 0.5."""
    return grey.astype(np.float32) * np.float32(2.0 / 255.0) - np.float32(1.0)


def preprocess_word(
    image: np.ndarray, *, height: int = DEFAULT_HEIGHT, widths: Sequence[int] = DEFAULT_WIDTHS
) -> np.ndarray:
    """A word picture, uint8 (h, w) or RGB (h, w, 3) -> float32 (1, height, W).

    With one width the picture is stretched to it; with several (ascending), proportions are kept and W is the
    narrowest that holds the picture.
    """
    grey = to_grey(image)
    width = bucket_width(kept_ratio_width(*grey.shape, height), widths)
    return normalise(resize_word(grey, height, width, keep_ratio=len(widths) > 1))[None]
