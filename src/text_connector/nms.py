"""Greedy non-maximum suppression of text proposals or lines, in NumPy.

Shapes: N boxes, K kept ones. A box is (x1, y1, x2, y2) with inclusive pixel corners, so a side is x2 - x1 + 1.
"""

from itertools import pairwise

import numpy as np

_PAIRS_AT_ONCE = 1 << 18


def by_score(scores: np.ndarray) -> np.ndarray:
    """Indices from the best score to the worst; equal scores keep their order."""
    return np.argsort(-scores, kind="stable")


def suppress(boxes: np.ndarray, scores: np.ndarray, threshold: float) -> np.ndarray:
    """Keep the best of every group of boxes that cover the same place.

    A box is dropped when its intersection over union with a better box *that is kept* is at least
    `threshold`; of equal scores the earlier box is the better one.

    Args:
        boxes: (N, 4), finite, not inverted.
        scores: (N,).
        threshold: in (0, 1].

    Returns:
        (K,) int64 indices of the kept boxes, best first.
    """
    order = by_score(scores)
    better, worse = _overlapping_pairs(boxes[order], threshold)
    # Pairs sorted by their better box: one pass down the scores decides about every box before it is reached.
    by_better = np.argsort(better, kind="stable")
    worse = worse[by_better]
    ends = np.cumsum(np.bincount(better, minlength=len(order))).tolist()
    kept = np.ones(len(order), dtype=bool)
    start = 0
    for rank, end in enumerate(ends):
        if end > start and kept[rank]:
            kept[worse[start:end]] = False
        start = end
    return order[kept]


def _overlapping_pairs(boxes: np.ndarray, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """All pairs (i < j) whose IoU is at least `threshold`, as two index arrays.

    Only boxes that share a pixel column can overlap: after sorting by x1 the partners of a box are one run,
    which for CTPN's 16-pixel columns leaves a few percent of all pairs to compute.
    """
    by_x = np.argsort(boxes[:, 0], kind="stable")
    x1, y1, x2, y2 = np.asarray(boxes, dtype=np.float64)[by_x].T.copy()
    area = (x2 - x1 + 1) * (y2 - y1 + 1)
    first = np.arange(len(by_x)) + 1
    last = np.searchsorted(x1, x2 + 1, side="right")  # exclusive; x1[j] <= x2[i] + 1
    counts = np.maximum(last - first, 0)
    found: list[tuple[np.ndarray, np.ndarray]] = []
    for begin, end in _row_blocks(counts):
        a, b = expand_runs(first[begin:end], counts[begin:end])
        a += begin
        height = np.minimum(y2[a], y2[b]) - np.maximum(y1[a], y1[b]) + 1
        touching = height > 0  # most pairs of a column are not, and need no more work
        a, b, height = a[touching], b[touching], height[touching]
        width = np.maximum(np.minimum(x2[a], x2[b]) - np.maximum(x1[a], x1[b]) + 1, 0.0)
        shared = width * height
        close = shared / (area[a] + area[b] - shared) >= threshold
        a, b = by_x[a[close]], by_x[b[close]]
        found.append((np.minimum(a, b), np.maximum(a, b)))
    if not found:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    return np.concatenate([pair[0] for pair in found]), np.concatenate([pair[1] for pair in found])


def _row_blocks(counts: np.ndarray) -> list[tuple[int, int]]:
    """Cut the rows so that a block holds about `_PAIRS_AT_ONCE` pairs: bounded memory whatever the input."""
    total = np.cumsum(counts)
    cuts = np.flatnonzero(np.diff(total // _PAIRS_AT_ONCE, prepend=0)).tolist()
    edges = [0, *(cut for cut in cuts if cut > 0), len(counts)]
    return [(begin, end) for begin, end in pairwise(edges) if end > begin]


def expand_runs(starts: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of runs to pairs: row i with start s and count c gives (i, s), (i, s + 1) ... (i, s + c - 1)."""
    row = np.repeat(np.arange(len(starts)), counts)
    shift = starts - (np.cumsum(counts) - counts)
    return row, np.arange(len(row)) + np.repeat(shift, counts)
