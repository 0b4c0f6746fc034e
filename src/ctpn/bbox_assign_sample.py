"""Which anchors are text, which are background, and which of them take part in one training step.

A slice of text lies exactly in one column of anchors, so the overlap of two boxes is that of two vertical
intervals, and only the anchors of the slice's own column can meet it: the table of overlaps has
S * M entries, not S * N.

Shapes: H, W feature rows and columns; A anchors per position; N = H * W * A; S slices;
M anchors of one column that lie wholly inside the image.
"""

from dataclasses import dataclass

import numpy as np

from src.ctpn.bbox_coder import encode_boxes, encode_sides
from src.ctpn.options import AssignOptions
from src.ctpn.topology import STRIDE


@dataclass(frozen=True)
class Candidates:
    """Which anchors of an image may be trained as what.

    Attributes:
        text, background: (W, M) bool.
        best_slice: (W, M) int, the slice that each anchor overlaps most, -1 where it meets none.
        index: (W, M) int, place of each anchor in the order y, x, anchor.
    """

    text: np.ndarray
    background: np.ndarray
    best_slice: np.ndarray
    index: np.ndarray


def assign_targets(
    anchors: np.ndarray,
    slices: np.ndarray,
    ignored_slices: np.ndarray,
    image_size: tuple[int, int],
    options: AssignOptions | None = None,
    *,
    rng: np.random.Generator,
    line_ends: np.ndarray | None = None,
    side_distance: float = 32.0,
    stride: int = STRIDE,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, delta targets and delta weights of one image: `find_candidates`, sampled and coded.

    At random at most `num_expected_pos` text anchors are kept; background fills up to `num_expected_neg` in all.
    dx and dw stay out of the loss because the decoder does not use them, except with `line_ends`: anchors whose
    center is within `side_distance` pixels of an end learn dx = its offset (Tian et al. 2016, section 3.3).

    Args:
        anchors: (N, 4) in the order of `make_anchors`.
        slices, ignored_slices: (S, 4) each, on columns of `stride` pixels, inclusive corners.
        image_size: (height, width).
        options: thresholds and counts.
        rng: chooses the sample.
        line_ends: (S, 2) true x1 and x2 of each slice's line.

    Returns:
        labels (N,) int32: 1 text, 0 background, -1 not sampled. targets and weights (N, 4) float32; weights are 1
        for dy and dh of text.

    Raises:
        ValueError: anchors, slices and image do not fit together.
    """
    options = options or AssignOptions()
    found = find_candidates(anchors, slices, ignored_slices, image_size, options, stride=stride)
    text = _sample(np.flatnonzero(found.text), options.num_expected_pos, rng)
    background = _sample(np.flatnonzero(found.background), options.num_expected_neg - len(text), rng)
    labels = np.full(len(anchors), -1, np.int32)
    labels[found.index.flat[background]] = 0
    index, matched = found.index.flat[text], found.best_slice.flat[text]
    labels[index] = 1
    targets = np.zeros((len(anchors), 4), np.float32)
    weights = np.zeros((len(anchors), 4), np.float32)
    if len(index):
        targets[index] = encode_boxes(anchors[index], np.asarray(slices)[matched])
        weights[index, 1] = weights[index, 3] = 1
        if line_ends is not None:
            offsets, near = _side_targets(anchors[index], np.asarray(line_ends)[matched], side_distance)
            targets[index, 0] = np.where(near, offsets, 0)
            weights[index, 0] = near
    return labels, targets, weights


def find_candidates(
    anchors: np.ndarray,
    slices: np.ndarray,
    ignored_slices: np.ndarray,
    image_size: tuple[int, int],
    options: AssignOptions,
    *,
    stride: int = STRIDE,
) -> Candidates:
    """Match anchors and slices by the rules of the reference network (after Faster R-CNN):

    - anchors that reach beyond the image are not trained;
    - text: IoU with a slice of at least `pos_iou_thr`, or equal to the best that this slice has (if that is
      at least `min_pos_iou`), so that every slice has an anchor; coded against the slice it overlaps most;
    - background: IoU below `neg_iou_thr` with every slice; what lies between is not trained;
    - an anchor is neither text nor background when at least `ignore_overlap_thr` of its own area lies in an
      ignored slice, or when it is the best anchor of an ignored slice, even where it also meets text.

    Args and errors as of `assign_targets`.
    """
    height, width = image_size
    rows, columns = height // stride, width // stride
    per_position = len(anchors) // max(rows * columns, 1)
    if not per_position or per_position * rows * columns != len(anchors):
        raise ValueError(f"{len(anchors)} anchors do not fit a {height}x{width} image with stride {stride}")
    grid = anchors.reshape(rows, columns, per_position, 4)
    intervals = grid[:, 0, :, [1, 3]].transpose(1, 2, 0).reshape(-1, 2).astype(np.float64)  # (H * A, 2)
    inside = np.flatnonzero((intervals[:, 0] >= 0) & (intervals[:, 1] <= height - 1))
    intervals = intervals[inside]  # (M, 2)

    min_best = max(options.min_pos_iou, float(np.finfo(np.float64).tiny))  # a slice that meets no anchor chooses none
    overlap, best_slice, is_best = _match(intervals, slices, columns, stride, min_best)  # each (W, M)
    text = (overlap >= options.pos_iou_thr) | is_best
    excluded = _match(intervals, ignored_slices, columns, stride, min_best)[2]
    excluded |= _covered(intervals, ignored_slices, columns, stride) >= options.ignore_overlap_thr
    row, anchor = np.divmod(inside, per_position)
    index = (row * columns + np.arange(columns)[:, None]) * per_position + anchor  # (W, M)
    return Candidates(text & ~excluded, ~text & ~excluded & (overlap < options.neg_iou_thr), best_slice, index)


def _sample(candidates: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    if len(candidates) <= count:
        return candidates
    return candidates[rng.choice(len(candidates), max(count, 0), replace=False)]


def _columns_of(slices: np.ndarray, columns: int, stride: int) -> np.ndarray:
    column = np.floor(slices[:, 0] / stride).astype(np.int64)
    if len(column) and (column.min() < 0 or column.max() >= columns):
        raise ValueError(f"slices must lie in columns 0 to {columns - 1}, got x1 = {slices[:, 0].tolist()}")
    if np.any(slices[:, 0] != column * stride):
        raise ValueError(f"slices must begin at multiples of {stride} (see split_boxes)")
    return column


def _common_height(intervals: np.ndarray, slices: np.ndarray) -> np.ndarray:
    """Pixels shared by every slice and every anchor of its column, (S, M)."""
    top = np.maximum(slices[:, 1:2], intervals[:, 0])
    bottom = np.minimum(slices[:, 3:4], intervals[:, 1])
    return np.maximum(bottom - top + 1, 0)


def _match(
    intervals: np.ndarray, slices: np.ndarray, columns: int, stride: int, min_best: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Best IoU, its slice (the first of equals) and "is the best anchor of some slice", each (W, M)."""
    overlap = np.zeros((columns, len(intervals)))
    best_slice = np.full((columns, len(intervals)), -1, np.int64)
    is_best = np.zeros((columns, len(intervals)), bool)
    slices = np.asarray(slices, np.float64).reshape(-1, 4)
    if len(slices) and len(intervals):
        column = _columns_of(slices, columns, stride)
        order = np.argsort(column, kind="stable")
        used, starts, counts = np.unique(column[order], return_index=True, return_counts=True)
        ordered = slices[order]  # slices of one column side by side
        common = _common_height(intervals, ordered)
        heights = intervals[:, 1] - intervals[:, 0] + 1
        iou = common / ((ordered[:, 3:4] - ordered[:, 1:2] + 1) + heights - common)  # (S, M)
        overlap[used] = np.maximum.reduceat(iou, starts)
        of_group = np.repeat(np.arange(len(used)), counts)
        rank = np.where(iou == overlap[used][of_group], order[:, None], len(order))
        best_slice[used] = np.minimum.reduceat(rank, starts)
        own_best = iou.max(axis=1, keepdims=True)
        is_best[used] = np.logical_or.reduceat((iou == own_best) & (own_best >= min_best), starts)
    return overlap, best_slice, is_best


def _covered(intervals: np.ndarray, slices: np.ndarray, columns: int, stride: int) -> np.ndarray:
    """Largest share of each anchor's area that one slice covers, (W, M)."""
    share = np.zeros((columns, len(intervals)))
    slices = np.asarray(slices, np.float64).reshape(-1, 4)
    if len(slices) and len(intervals):
        common = _common_height(intervals, slices)
        np.maximum.at(share, _columns_of(slices, columns, stride), common / (intervals[:, 1] - intervals[:, 0] + 1))
    return share


def _side_targets(anchors: np.ndarray, ends: np.ndarray, distance: float) -> tuple[np.ndarray, np.ndarray]:
    """Offset to the nearer end of each anchor's line, (n,), and whether that end is near, (n,) bool."""
    center = (anchors[:, 0] + anchors[:, 2]) / 2
    gaps = np.abs(ends - center[:, None])
    side_x = np.take_along_axis(ends, gaps.argmin(axis=1)[:, None], axis=1)[:, 0]
    return encode_sides(anchors, side_x), gaps.min(axis=1) <= distance
