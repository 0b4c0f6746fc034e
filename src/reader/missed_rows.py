"""Rows of a table of which no line was found: ink in its columns, where a row may stand.

M lines, boxes x1, y1, x2, y2 in pixels of a level image.
"""

from itertools import pairwise

import numpy as np

from src.reader.ink import ground_level, is_ink

COLUMN, COLUMNS = 3, 2  # lines of a column, and columns in which a row shows
SAME_COLUMN = 0.5  # share of the narrower line's width
WINDOW = 1.6  # distances of rows beyond the first and the last line of a column that are looked at
FURTHEST = 6.0  # the largest distance of rows, in line heights
LOWEST, HIGHEST = 0.4, 1.4  # line heights of ink that may be a row
TOGETHER = 0.15  # line heights between parts of letters: the dot of an "i"
RULE = 0.8  # share of a column's width that a rule takes at least
SAME_ROW = 0.5  # line heights between the middles of what is one row


def missed_rows(gray: np.ndarray, boxes: np.ndarray, contrast: float) -> list[tuple[float, float]]:
    """Top and bottom of rows that show in several columns of lines.

    Args:
        gray: the image, uint8 (H, W). boxes: (M, 4).
        contrast: gray values by which ink differs from its ground at least.
    """
    found: list[tuple[float, float]] = []
    columns = _columns(boxes)
    if len(columns) < COLUMNS:
        return found
    height = float(np.median(boxes[:, 3] - boxes[:, 1]))
    middles = np.concatenate([_middles(gray, boxes[column], height, contrast) for column in columns])
    known = (boxes[:, 1] + boxes[:, 3]) / 2
    middles = np.sort(middles[(np.abs(middles[:, None] - known) > SAME_ROW * height).all(axis=1)])
    for group in np.split(middles, np.flatnonzero(np.diff(middles) > SAME_ROW * height) + 1):
        if len(group) >= COLUMNS:
            middle = float(np.median(group))
            found.append((middle - height / 2, middle + height / 2))
    return found


def aligned(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(K, M) bool: which boxes (K, 4) and (M, 4) stand in one column."""
    shared = np.minimum(first[:, None, 2], second[:, 2]) - np.maximum(first[:, None, 0], second[:, 0])
    widths = np.minimum(first[:, None, 2] - first[:, None, 0], (second[:, 2] - second[:, 0])[None])
    return shared > SAME_COLUMN * widths


def _columns(boxes: np.ndarray) -> list[np.ndarray]:
    """Indices of the lines of each column that has several, each line in one column."""
    left, columns = np.argsort(boxes[:, 2] - boxes[:, 0], kind="stable"), []  # a heading spans several columns
    while len(left):
        same = aligned(boxes[left[:1]], boxes[left])[0]
        same[0] = True
        if same.sum() >= COLUMN:
            columns.append(left[same])
        left = left[~same]
    return columns


def _middles(gray: np.ndarray, column: np.ndarray, height: float, contrast: float) -> np.ndarray:
    """Middles of the ink between, above and below the lines of a column that may be rows, as far as these go on."""
    column = column[np.argsort(column[:, 1])]
    x1, x2 = np.median(column[:, 0]), np.median(column[:, 2])
    distances = np.diff((column[:, 1] + column[:, 3]) / 2)
    pitch = float(distances[distances > height].min(initial=np.inf))  # rows may be missing between the others too
    if pitch > FURTHEST * height:
        return np.empty(0)
    found: list[float] = []
    for (_, _, _, above), (_, below, _, _) in pairwise(column):
        found += _rows_of_ink(gray, (x1, above, x2, below), height, contrast)
    edge, room = float(column[0, 1]), WINDOW * pitch
    while rows := _rows_of_ink(gray, (x1, edge - room, x2, edge), height, contrast):
        found += rows
        edge = min(rows) - height / 2
    edge = float(column[-1, 3])
    while rows := _rows_of_ink(gray, (x1, edge, x2, edge + room), height, contrast):
        found += rows
        edge = max(rows) + height / 2
    return np.array(found)


def _rows_of_ink(
    gray: np.ndarray, place: tuple[float, float, float, float], height: float, contrast: float
) -> list[float]:
    """Middles of ink as tall as a line of text, with plain ground above and below it."""
    limit = np.tile(gray.shape[1::-1], 2)
    x1, y1, x2, y2 = (int(edge) for edge in np.clip(np.round(place), 0, limit))
    band = gray[y1:y2, x1:x2]
    if min(band.shape) < 4:
        return []
    ink = is_ink(band, ground_level(band), contrast)
    rows = ink.any(axis=1) & (ink.mean(axis=1) < RULE)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], rows, [False]]).astype(np.int8)))
    runs: list[tuple[int, int]] = []
    for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if runs and first - runs[-1][1] < TOGETHER * height:
            runs[-1] = runs[-1][0], last
        else:
            runs.append((first, last))
    return [
        y1 + (first + last) / 2
        for first, last in runs
        if first > 0 and last < len(rows) and LOWEST * height <= last - first <= HIGHEST * height
    ]
