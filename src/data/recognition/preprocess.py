"""One image of a word -> the network's input. Training, evaluation, export and reading all go through here.

H is the input height (32); W one of the input widths (100, or a few of them for long text).
"""

from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image


def to_gray(image: np.ndarray) -> np.ndarray:
    """uint8 gray (H, W), or RGB (H, W, 3) -> uint8 gray (H, W)."""
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or 0 in image.shape:
        raise ValueError(f"word image {image.shape} {image.dtype}; expected uint8 (H, W) or (H, W, 3)")
    if image.ndim == 2:
        return image
    return image[:, :, 0] if image.shape[2] == 1 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


def kept_ratio_width(image_height: int, image_width: int, height: int) -> int:
    """Width of the image when it is resized to `height` with its proportions kept, at least 1."""
    return max(1, round(image_width * height / image_height))


def bucket_width(natural_width: int, widths: Sequence[int]) -> int:
    """The narrowest of the ascending `widths` that holds `natural_width`, else the widest."""
    return next((width for width in widths if width >= natural_width), widths[-1])


def resize_word(gray: np.ndarray, height: int, width: int, *, keep_ratio: bool) -> np.ndarray:
    """Gray (H, W) -> gray (height, width), uint8, bicubic.

    Stretched to the whole width, or, with `keep_ratio`, only as wide as its proportions (never wider than
    `width`) and filled up on the right with the median of its upper and lower edge, which is mostly background.
    Pillow's bicubic filter widens with the shrinking factor, as in the reference; OpenCV's would alias.
    """
    fitted = min(width, kept_ratio_width(gray.shape[0], gray.shape[1], height)) if keep_ratio else width
    if gray.shape != (height, fitted):
        image = Image.fromarray(np.ascontiguousarray(gray))
        gray = np.asarray(image.resize((fitted, height), Image.Resampling.BICUBIC))
    if fitted < width:
        edges = np.sort(gray[[0, -1]], axis=None)
        median = (int(edges[fitted - 1]) + int(edges[fitted])) // 2  # np.median takes four times as long
        filled = np.full((height, width), median, np.uint8)
        filled[:, :fitted] = gray
        return filled
    return gray


def normalize(gray: np.ndarray) -> np.ndarray:
    """uint8 of any shape -> float32 in [-1, 1]: (x / 255 - 0.5) / 0.5."""
    return gray.astype(np.float32) * np.float32(2.0 / 255.0) - np.float32(1.0)
