"""Anchors of CTPN: boxes of one fixed width and several heights at every position of the feature map.

Shapes: H, W feature rows and columns; A anchors per position (one per height); N = H * W * A.
"""

from collections.abc import Sequence

import numpy as np

from src.common.options import OptionError
from src.ctpn.topology import ANCHOR_HEIGHTS, ANCHOR_WIDTH, STRIDE


def base_anchors(
    heights: Sequence[float] = ANCHOR_HEIGHTS, stride: int = STRIDE, width: int = ANCHOR_WIDTH
) -> np.ndarray:
    """Anchors of the first position.

    Every anchor is centered on the stride x stride cell. Corners are cut to integers towards zero, as in the
    published networks, whose weights expect exactly these boxes: with the default list the inclusive heights
    are 3, 5, 8, 12, 16, 24, 34, 48, 68, 98, 140, 198, 284, 406.

    Args:
        heights: A heights in pixels.
        stride: pixels per feature position.
        width: of every anchor, in pixels.

    Returns:
        (A, 4) float32, inclusive pixel corners (x1, y1, x2, y2).

    Raises:
        OptionError: heights that are not positive numbers.
        ValueError: a stride or width below 1.
    """
    tall = np.asarray(heights, dtype=np.float64)
    if tall.ndim != 1 or tall.size == 0 or not np.all(np.isfinite(tall) & (tall > 0)):
        raise OptionError(f"anchor heights must be a list of positive numbers, got {tall.tolist()}")
    if stride < 1 or width < 1:
        raise ValueError(f"stride and anchor width must be at least 1, got {stride} and {width}")
    center = (stride - 1) / 2
    corners = np.empty((tall.size, 4))
    corners[:, 0] = center - (width - 1) / 2
    corners[:, 2] = center + (width - 1) / 2
    corners[:, 1] = center - tall / 2
    corners[:, 3] = center + tall / 2
    return np.trunc(corners).astype(np.float32)


def make_anchors(
    feature_shape: tuple[int, int],
    heights: Sequence[float] = ANCHOR_HEIGHTS,
    stride: int = STRIDE,
    width: int = ANCHOR_WIDTH,
) -> np.ndarray:
    """Anchors of a whole image; they may reach beyond it.

    Args:
        feature_shape: (H, W), the image size divided by `stride`.
        heights: see `base_anchors`.
        stride: see `base_anchors`.
        width: see `base_anchors`.

    Returns:
        (N, 4) float32 in the order y, x, anchor; inclusive pixel corners.

    Raises:
        ValueError: a feature map without rows or columns.
    """
    rows, columns = feature_shape
    if rows < 1 or columns < 1:
        raise ValueError(f"the feature map must have at least one row and column, got {feature_shape}")
    shift_y, shift_x = np.meshgrid(np.arange(rows) * stride, np.arange(columns) * stride, indexing="ij")
    shifts = np.stack([shift_x, shift_y, shift_x, shift_y], axis=-1).astype(np.float32)  # (H, W, 4)
    anchors = shifts[:, :, None, :] + base_anchors(heights, stride, width)  # (H, W, A, 4)
    return anchors.reshape(-1, 4)
