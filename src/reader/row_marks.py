"""Single characters that stand alone in a row of found text: the "1" in a column of quantities. Pure NumPy.

A detector of lines is easily blind to one thin character. Between and beside the lines of a row on a
plain ground, though, ink of a character's size is a character, and recognition shows whether it is one.
M lines, boxes x1, y1, x2, y2 in pixels of the image.
"""

import numpy as np

FEWEST_LINES, FEWEST_ROWS = 4, 3  # of a table or form
SAME_ROW = 0.6  # share of the lower line's height that two lines of a row have in common
ROOM = 2.0  # line heights between two lines, without which nothing stands alone between them
NARROWEST, WIDEST = 0.08, 1.5  # line heights
SHORTEST = 0.4  # share of the line's height that a character has
APART, TOGETHER = 0.5, 0.25  # line heights around a character, and between the parts of one
MOST_INK = 0.3  # share of the columns between two lines: more is no plain ground
CONTRAST = 0.4  # share of the contrast of the row's text that its ink has at least
FAINT = 24  # gray values that ink differs from its ground by at least
SURE = 0.9  # score of its text at least


def lone_marks(gray: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Boxes (K, 4) of what may be single characters in the rows of text lines.

    Args:
        gray: the image, uint8 (H, W). boxes: (M, 4) lines of a level image.
    """
    rows = _rows(boxes)
    if len(boxes) < FEWEST_LINES or len(rows) < FEWEST_ROWS:
        return np.empty((0, 4), np.float32)
    left, right = boxes[:, 0].min(), boxes[:, 2].max()
    found: list[tuple[float, float, float, float]] = []
    for row in rows:
        members = boxes[row][np.argsort(boxes[row, 0])]
        top, bottom = np.median(members[:, 1]), np.median(members[:, 3])
        height = bottom - top
        reach = np.maximum.accumulate(members[:, 2])
        begins = np.concatenate([[left - 2 * height], reach])
        ends = np.concatenate([members[:, 0], [right + 2 * height]])
        ink = _contrast(gray, members)
        for begin, end in zip(begins, ends, strict=True):
            if end - begin >= ROOM * height and height >= 6:
                found += _marks_between(gray, (begin, top, end, bottom), ink)
    return np.array(found, np.float32).reshape(-1, 4)


def _rows(boxes: np.ndarray) -> list[np.ndarray]:
    """Indices of the lines of each row."""
    left, rows = np.argsort((boxes[:, 1] + boxes[:, 3]) / 2, kind="stable"), []
    heights = boxes[:, 3] - boxes[:, 1]
    while len(left):
        first = left[0]
        common = np.minimum(boxes[left, 3], boxes[first, 3]) - np.maximum(boxes[left, 1], boxes[first, 1])
        same = common >= SAME_ROW * np.minimum(heights[left], heights[first])
        same[0] = True
        rows.append(left[same])
        left = left[~same]
    return rows


def _contrast(gray: np.ndarray, members: np.ndarray) -> float:
    """By how much the ink of the lines of a row differs from its ground."""
    x1, y1, x2, y2 = members[np.argmax(members[:, 2] - members[:, 0])].astype(int)
    inside = gray[max(y1, 0) : y2 + 1, max(x1, 0) : x2 + 1].astype(np.int16)
    return float(np.percentile(np.abs(inside - np.median(inside)), 97)) if inside.size else 255.0


def _marks_between(
    gray: np.ndarray, place: tuple[float, float, float, float], contrast: float
) -> list[tuple[float, float, float, float]]:
    height = place[3] - place[1]
    margin = 0.2 * height
    x1, x2 = (int(np.clip(x, 0, gray.shape[1])) for x in (place[0] + 0.3 * height, place[2] - 0.3 * height))
    y1, y2 = (int(np.clip(y, 0, gray.shape[0])) for y in (place[1] - margin, place[3] + margin))
    band = gray[y1:y2, x1:x2].astype(np.int16)
    if min(band.shape) < 4:
        return []
    inked = np.abs(band - np.median(band)) > max(FAINT, CONTRAST * contrast)
    columns = inked.any(axis=0)
    if not columns.any() or columns.mean() > MOST_INK:
        return []
    marks = []
    runs = _runs(columns, TOGETHER * height)
    for index, (first, last) in enumerate(runs):
        before = first - runs[index - 1][1] if index else APART * height
        after = runs[index + 1][0] - last if index + 1 < len(runs) else APART * height
        rows = np.flatnonzero(inked[:, first:last].any(axis=1))
        whole = rows[0] > 0 and rows[-1] < len(inked) - 1  # a rule or an edge goes on beyond the row
        fits = NARROWEST * height <= last - first <= WIDEST * height and rows[-1] - rows[0] >= SHORTEST * height
        if whole and fits and min(before, after) >= APART * height:
            marks.append((float(x1 + first - 1), float(place[1]), float(x1 + last), float(place[3])))
    return marks


def _runs(flags: np.ndarray, gap: float) -> list[tuple[int, int]]:
    """First and one behind the last index of runs of true values, those that are less than `gap` apart joined."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    runs: list[tuple[int, int]] = []
    for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if runs and first - runs[-1][1] < gap:
            runs[-1] = (runs[-1][0], last)
        else:
            runs.append((first, last))
    return runs
