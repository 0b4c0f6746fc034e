"""In which order a person reads the lines of an image. Pure NumPy.

Rows from top to bottom, lines of a row from left to right; but where running text stands in columns, each column
from its top to its bottom, and what stands above and below the columns before and after them. M lines.
"""

import numpy as np

SAME_ROW = 0.5  # share of the lower line's height that two lines of a row have in common
LONG_LINE = 5.0  # width / height: columns of shorter lines are rather a table, which is read by rows
FEWEST_LINES = 3  # of a column
GUTTER = 0.5  # narrowest space between columns, in line heights


def reading_order(boxes: np.ndarray) -> np.ndarray:
    """Indices of `boxes` (M, 4), x1, y1, x2, y2, in reading order, (M,)."""
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    return np.array(_ordered(boxes, np.arange(len(boxes))), np.int64)


def _ordered(boxes: np.ndarray, chosen: np.ndarray) -> list[int]:
    if len(chosen) < 2 * FEWEST_LINES:
        return _by_rows(boxes, chosen)
    columns = _columns(boxes, chosen)
    if columns is not None:
        return [index for column in columns for index in _ordered(boxes, column)]
    # Each block between two lines that go across may have columns of its own.
    for across in _going_across(boxes, chosen):
        above = chosen[_middle(boxes[chosen]) < _middle(boxes[across])]
        below = chosen[(_middle(boxes[chosen]) >= _middle(boxes[across])) & (chosen != across)]
        if len(above) or len(below):
            parts = (above, np.array([across]), below)
            if any(_columns(boxes, part) is not None for part in (above, below)):
                return [index for part in parts for index in _ordered(boxes, part)]
    return _by_rows(boxes, chosen)


def _columns(boxes: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """The lines left and right of the widest empty gutter with running text on either side, or None."""
    if len(chosen) < 2 * FEWEST_LINES:
        return None
    by_left = chosen[np.argsort(boxes[chosen, 0], kind="stable")]
    reach = np.maximum.accumulate(boxes[by_left, 2])[:-1]
    gutters = boxes[by_left[1:], 0] - reach
    height = np.median(boxes[chosen, 3] - boxes[chosen, 1])
    for cut in np.argsort(-gutters, kind="stable"):
        if gutters[cut] < GUTTER * height:
            return None
        sides = by_left[: cut + 1], by_left[cut + 1 :]
        if all(_is_running_text(boxes[side]) for side in sides):
            return sides
    return None


def _is_running_text(boxes: np.ndarray) -> bool:
    sizes = np.maximum(boxes[:, 2:] - boxes[:, :2], 1)
    return len(boxes) >= FEWEST_LINES and np.median(sizes[:, 0] / sizes[:, 1]) >= LONG_LINE


def _going_across(boxes: np.ndarray, chosen: np.ndarray) -> list[int]:
    """Lines wider than half of what all of them cover, widest first; a few are enough."""
    total = boxes[chosen, 2].max() - boxes[chosen, 0].min()
    widths = boxes[chosen, 2] - boxes[chosen, 0]
    widest = chosen[np.argsort(-widths, kind="stable")][:8]
    return [int(i) for i in widest if boxes[i, 2] - boxes[i, 0] > 0.5 * total]


def _by_rows(boxes: np.ndarray, chosen: np.ndarray) -> list[int]:
    rows: list[list[int]] = []
    for index in chosen[np.argsort(_middle(boxes[chosen]), kind="stable")].tolist():
        if rows and _shared_height(boxes[rows[-1][0]], boxes[index]) >= SAME_ROW:
            rows[-1].append(index)
        else:
            rows.append([index])
    return [index for row in rows for index in sorted(row, key=lambda i: (boxes[i, 0], i))]


def _middle(boxes: np.ndarray) -> np.ndarray:
    return (boxes[..., 1] + boxes[..., 3]) / 2


def _shared_height(a: np.ndarray, b: np.ndarray) -> float:
    lower = min(a[3] - a[1], b[3] - b[1])
    return (min(a[3], b[3]) - max(a[1], b[1])) / max(lower, 1e-9)
