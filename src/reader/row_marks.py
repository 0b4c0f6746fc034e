"""Single characters that stand alone in a row of found text: the "1" in a column of quantities.

A detector of lines is easily blind to one thin character. Between and beside the lines of a row on a
plain ground, though, ink of a character's size is a character, and recognition shows whether it is one.
So is ink of a word's size in a column of lines: the price that was missed among others, and the cells of a row of
which no line was found.
M lines, boxes x1, y1, x2, y2 in pixels of the image.
"""

from dataclasses import dataclass, field

import numpy as np

from src.common.warp import can_be_warped
from src.reader.ink import ground_level, ink_contrast, is_ink, least_contrast
from src.reader.missed_rows import aligned, missed_rows
from src.reader.page_marks import page_marks
from src.reader.tilt import level_boxes, level_image, tilted_corners
from src.text_connector.detector import TextLines

FEWEST_LINES, FEWEST_ROWS = 4, 3  # of a table or form
SAME_ROW = 0.6  # share of the lower line's height that two lines of a row have in common
ROOM = 2.0  # line heights between two lines, without which nothing stands alone between them
NARROWEST, WIDEST = 0.08, 1.5  # line heights
SHORTEST = 0.4  # share of the line's height that a character has
APART = 0.5  # line heights around a character; what is nearer is a part of it, or another digit
MOST_INK, MOST_IN_TABLE = 0.3, 0.6  # share of the columns between two lines, or of a row of a table: more is no text
LONGEST = 12.0  # line heights of a word in a column of lines
REACH, COLUMN = 2.0, 3  # line heights beyond all lines; further off are columns of so many marks, or one all alone
WORD_GAP = 0.6  # line heights between words of one line, at most
MARK_SCORE = 0.5  # of a character that no network detected


def with_marks(lines: TextLines, gray: np.ndarray, tilt: float) -> TextLines:
    """The lines of an image, and behind them single characters in their rows.

    Args:
        gray: the image, uint8 (H, W). tilt: the slope of its rows.
    """
    boxes, origin = level_boxes(lines, tilt), np.zeros(2)
    if not _are_rows(boxes, _rows(boxes)) or (tilt and not can_be_warped(gray)):
        return lines
    if tilt:
        gray, origin = level_image(gray, tilt)
    marks: np.ndarray = lone_marks(gray, boxes + np.tile(origin, 2)) - np.tile(origin, 2)
    corners = tilted_corners(marks, tilt).astype(np.float32)
    return TextLines(
        np.concatenate([lines.boxes, np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)]),
        np.concatenate([lines.scores, np.full(len(marks), MARK_SCORE, np.float32)]),
        np.concatenate([lines.polygons, corners]),
    )


def lone_marks(gray: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Boxes (K, 4) of what may be single characters in the rows of text lines.

    Args:
        gray: the image, uint8 (H, W). boxes: (M, 4) lines of a level image.
    """
    rows = _rows(boxes)
    if not _are_rows(boxes, rows):
        return np.empty((0, 4), np.float32)
    left, right = boxes[:, 0].min(), boxes[:, 2].max()
    found: list[tuple[float, float, float, float]] = []
    words: list[tuple[float, float, float, float]] = []
    alone: list[bool] = []
    contrasts = []
    for row in rows:
        members = boxes[row][np.argsort(boxes[row, 0])]
        top, bottom = np.median(members[:, 1]), np.median(members[:, 3])
        height = bottom - top
        reach = np.maximum.accumulate(members[:, 2])
        begins, ends = np.concatenate([[0.0], reach]), np.concatenate([members[:, 0], [float(gray.shape[1])]])
        ink = _contrast(gray, members)
        contrasts.append(ink)
        for begin, end in zip(begins, ends, strict=True):
            if end - begin < ROOM * height or height < 6:
                continue
            between = _ink_between(gray, (begin, top, end, bottom), ink)
            if not between.runs:  # what surrounds a page is no plain ground
                near = max(begin, left - REACH * height), min(end, right + REACH * height)
                between = _ink_between(gray, (near[0], top, near[1], bottom), ink)
            marks_here = between.boxes(APART, NARROWEST, WIDEST, APART)
            found += marks_here
            alone += [len(between.runs) == 1] * len(marks_here)
            words += between.boxes(WORD_GAP, WIDEST, LONGEST, ROOM / 2)
    contrast = float(np.median(contrasts))
    numbers = page_marks(gray, boxes, least_contrast(contrast))
    found += numbers
    alone += [True] * len(numbers)
    for top, bottom in missed_rows(gray, boxes, least_contrast(contrast)):
        beside = REACH * (bottom - top)
        between = _ink_between(gray, (left - beside, top, right + beside, bottom), contrast, MOST_IN_TABLE)
        words += between.boxes(WORD_GAP, NARROWEST, LONGEST, ROOM / 2)
    marks, missed = (np.array(places, np.float32).reshape(-1, 4) for places in (found, words))
    kept = marks[_near(marks, boxes) | _in_columns(marks) | np.array(alone, bool)]
    return np.concatenate([kept, missed[_below_lines(missed, boxes)]])


def _are_rows(boxes: np.ndarray, rows: list) -> bool:
    """Whether there are enough lines and rows for what stands beside them to be told."""
    return len(boxes) >= FEWEST_LINES and len(rows) >= FEWEST_ROWS


def _below_lines(words: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """(K,) bool: in a column of lines, as a price that was missed is."""
    return aligned(words, boxes).sum(axis=1) >= COLUMN


def _near(marks: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """(K,) bool: not far to the left or right of all lines."""
    room = REACH * (marks[:, 3] - marks[:, 1])
    return (marks[:, 2] > boxes[:, 0].min() - room) & (marks[:, 0] < boxes[:, 2].max() + room)


def _in_columns(marks: np.ndarray) -> np.ndarray:
    """(K,) bool: with others above or below it."""
    room = (marks[:, 3] - marks[:, 1])[:, None] / 2
    above = (marks[:, None, 0] - room < marks[:, 2]) & (marks[:, None, 2] + room > marks[:, 0])
    return above.sum(axis=1) >= COLUMN


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
    inside = gray[max(y1, 0) : y2 + 1, max(x1, 0) : x2 + 1]
    return ink_contrast(inside, ground_level(inside)) if inside.size else 255.0


@dataclass(frozen=True)
class _Between:
    """The ink of a part of a row: its place in the image, (H, W) bool, and its runs of columns."""

    place: tuple[float, float, float, float]
    x: int = 0
    ink: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), bool))
    runs: tuple[tuple[int, int], ...] = ()

    def boxes(
        self, together: float, narrowest: float, widest: float, apart: float
    ) -> list[tuple[float, float, float, float]]:
        """Runs that may be characters, with those nearer than `together` joined; all in heights of the row."""
        height, found = self.place[3] - self.place[1], []
        runs = _runs(self.ink.any(axis=0), together * height) if self.runs else []
        for index, (first, last) in enumerate(runs):
            before = first - runs[index - 1][1] if index else apart * height
            after = runs[index + 1][0] - last if index + 1 < len(runs) else apart * height
            rows = np.flatnonzero(self.ink[:, first:last].any(axis=1))
            whole = rows[0] > 0 and rows[-1] < len(self.ink) - 1  # a rule or an edge goes on beyond the row
            fits = narrowest * height <= last - first <= widest * height and rows[-1] - rows[0] >= SHORTEST * height
            if whole and fits and min(before, after) >= apart * height:
                found.append((float(self.x + first - 1), self.place[1], float(self.x + last), self.place[3]))
        return found


def _ink_between(
    gray: np.ndarray, place: tuple[float, float, float, float], contrast: float, most: float = MOST_INK
) -> _Between:
    """What stands in a part of a row; without runs where that is no plain ground."""
    height = place[3] - place[1]
    margin = 0.2 * height
    x1, x2 = (int(np.clip(x, 0, gray.shape[1])) for x in (place[0] + 0.3 * height, place[2] - 0.3 * height))
    y1, y2 = (int(np.clip(y, 0, gray.shape[0])) for y in (place[1] - margin, place[3] + margin))
    band = gray[y1:y2, x1:x2]
    if min(band.shape) < 4:
        return _Between(place)
    ink = is_ink(band, ground_level(band), least_contrast(contrast))
    columns = ink.any(axis=0)
    if not columns.any() or columns.mean() > most:
        return _Between(place)
    return _Between(place, x1, ink, tuple(_runs(columns, APART * height)))


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
