"""What OpenCV can warp: it takes no image with a side of 32,767 pixels or more."""

import numpy as np

LONGEST_SIDE = 32_766  # pixels
_REACH = 3  # pixels around the corners that interpolation looks at


def can_be_warped(image: np.ndarray) -> bool:
    return max(image.shape[:2]) <= LONGEST_SIDE


def part_to_warp(image: np.ndarray, corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The part of an image (H, W[, 3]) around corners (n, 2), and x and y of its first pixel.

    All of it where OpenCV can warp that. A part that is too long itself ends where OpenCV's limit is.
    """
    if can_be_warped(image):
        return image, np.zeros(2)
    last = np.array(image.shape[1::-1]) - 1
    low = np.clip(np.floor(corners.min(axis=0)) - _REACH, 0, last).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0)) + _REACH, low, np.minimum(last, low + LONGEST_SIDE - 1)).astype(int)
    return image[low[1] : high[1] + 1, low[0] : high[0] + 1], low.astype(np.float64)
