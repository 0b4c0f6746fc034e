"""Non-maximum suppression for boxes that stand in columns.

CTPN decodes only the vertical extent of an anchor, so the boxes of one feature column share x1 and x2, and
boxes of different columns share no area. Intersection over union inside a column is that of two intervals,
and suppression falls apart into one small 1-D problem per column, here solved for all columns at once.

Shapes: n boxes, K columns, M boxes in the fullest column.
"""

import numpy as np


def suppress_columns(column: np.ndarray, top: np.ndarray, bottom: np.ndarray, threshold: float) -> np.ndarray:
    """Greedy non-maximum suppression, equal to the general one on (x1, y1, x2, y2) of the same boxes.

    Args:
        column: (n,) any value that is equal for boxes of the same column (x1, or the column's index).
        top: (n,) upper edges in pixels; boxes are given best first.
        bottom: (n,) lower edges, bottom > top.
        threshold: a box goes when its IoU with a better box that stays is above this.

    Returns:
        (n,) bool, True for the boxes that stay.
    """
    keep = np.zeros(len(column), bool)
    if not len(column):
        return keep
    # Lay the boxes out as a table, one row per column, best first; empty places are not alive.
    order = np.argsort(column, kind="stable")
    begins = np.diff(column[order], prepend=np.nan) != 0
    first, row = np.flatnonzero(begins), np.cumsum(begins) - 1
    count = np.diff(first, append=len(order))
    place = np.arange(len(order)) - first[row]
    shape = (len(first), int(count.max()))  # (K, M)
    low, high, alive = np.zeros(shape), np.ones(shape), np.zeros(shape, bool)
    low[row, place], high[row, place], alive[row, place] = top[order], bottom[order], True
    stays = np.zeros(shape, bool)

    rows = np.arange(len(first))
    while len(rows):
        # The best box left in every column stays; what overlaps it too much goes.
        best = alive.argmax(axis=1)
        picked = np.arange(len(rows)), best
        stays[rows, best] = True
        best_low, best_high = low[picked][:, None], high[picked][:, None]
        overlap = np.minimum(high, best_high) - np.maximum(low, best_low)  # (K, M)
        union = (high - low) + (best_high - best_low) - np.maximum(overlap, 0)
        alive &= overlap <= threshold * union
        alive[picked] = False
        busy = alive.any(axis=1)
        rows, low, high, alive = rows[busy], low[busy], high[busy], alive[busy]
    keep[order] = stays[row, place]
    return keep
