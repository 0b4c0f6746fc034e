"""Boxes and sizes: what every layer needs of them."""

import numpy as np


def box_corners(boxes: np.ndarray) -> np.ndarray:
    """(n, 4) boxes x1, y1, x2, y2 -> (n, 4, 2) corners, clockwise from the upper left."""
    return boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2)


def shared_areas(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(M, 4) and (K, 4) boxes x1, y1, x2, y2 -> (M, K) areas that each shares with each, 0 where they do not meet."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    return np.clip(high - low, 0, None).prod(axis=2)


def size_of(image: np.ndarray) -> tuple[int, int]:
    """(height, width) of an image (H, W) or (H, W, C)."""
    height, width = image.shape[:2]
    return height, width
