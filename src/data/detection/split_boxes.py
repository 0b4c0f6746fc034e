"""Text boxes cut into the vertical slices that CTPN learns: one a 16-pixel column."""

import numpy as np


def split_boxes(
    boxes: np.ndarray, stride: int = 16, *, min_cover: float = 0.0, tilt: float | np.ndarray = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Cut boxes (K, 4), inclusive pixel corners, into slices (S, 4) float32 and the box of each, (S,) int64.

    x1 is floored and x2 is raised to a multiple of `stride`; each slice is [x0, y1, x0 + stride - 1, y2] with
    the height of the whole box. A box always gives at least one slice; slices come box by box, left to right.

    `min_cover` is the share of a column that a box must cover: 0 counts every column that is touched, which
    widens a word by half a column at each end on average; 0.5 makes the widening zero on average. The column
    that a box covers most is always kept.
    `tilt` is dy / dx of the lines, one number or (K,) (0 = level): slices then follow the line up or down from the
    box's middle.
    """
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    if not np.isfinite(boxes).all() or (boxes[:, 2:] < boxes[:, :2]).any():
        raise ValueError("boxes must be finite with x1 <= x2 and y1 <= y2")
    first = np.floor(boxes[:, 0] / stride).astype(np.int64)
    end = np.maximum(np.ceil(boxes[:, 2] / stride).astype(np.int64), first + 1)
    counts = end - first
    box_index = np.repeat(np.arange(len(boxes)), counts)
    within_box = np.arange(len(box_index)) - np.repeat(np.cumsum(counts) - counts, counts)
    left = (first[box_index] + within_box) * stride
    source = boxes[box_index]

    if min_cover > 0:
        covered = np.minimum(left + stride, source[:, 2] + 1) - np.maximum(left, source[:, 0])
        most = np.full(len(boxes), -np.inf)
        np.maximum.at(most, box_index, covered)
        keep = (covered >= min_cover * stride) | (covered == most[box_index])
        left, source, box_index = left[keep], source[keep], box_index[keep]

    rise = np.broadcast_to(tilt, len(boxes))[box_index] * (
        left + (stride - 1) / 2 - (source[:, 0] + source[:, 2]) / 2
    )
    slices = np.stack([left, source[:, 1] + rise, left + stride - 1, source[:, 3] + rise], axis=1)
    return slices.astype(np.float32), box_index
