"""Lines whose ink goes on beyond their ends: the last letters that a detector did not see.

On a plain ground, what follows a line no further than its letters do is its text; where that goes on to the next
line, both are one, of which a word was missed. Whether it is so shows when the longer line is recognized too. Boxes
are x1, y1, x2, y2 in pixels of the image.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from src.common.boxes import box_corners
from src.reader.ink import ground_and_contrast, is_ink
from src.reader.text_recognizer import LineText
from src.reader.tilt import are_level
from src.text_connector.detector import TextLines

LOWEST = 8  # pixels of a line that is looked at
LEAST, FURTHEST = 0.25, 6.0  # line heights that a line is lengthened by
# The same by a letter that stands apart, an "I"; less of one that does not is inside the margin of a crop.
THIN = 0.15
GAP = 0.4  # line heights between letters, at most
NEXT_LINE = 0.15  # line heights before the line that follows, at least
AROUND = 0.2  # line heights above and below, which text leaves free and rules, frames and photographs do not
SAME_ROW = 0.3  # share of the lower line's height from which another line is in the way
SOLID, STROKE = 0.85, 0.2  # share of the box of what follows: letters fill less, but for an "I" of such a width
SAME_HEIGHT, COMMON = 0.6, 0.6  # ratio of the heights of two parts of one line, and share that they have in common
SURE, BELOW = 0.9, 0.02  # score of the longer text, and by how much it may be below that of the shorter one


@dataclass(frozen=True)
class LongerLine:
    """A line `index`, and the corners (4, 2) it may really have; with `other`, the next line is a part of it."""

    index: int
    polygon: np.ndarray
    other: int | None = None

    @property
    def box(self) -> np.ndarray:
        return np.concatenate([self.polygon.min(axis=0), self.polygon.max(axis=0)])

    def is_better(self, parts: Sequence[LineText], longer: LineText) -> bool:
        """Whether the same text as in its parts, but for their last letters, was read with more letters."""
        sure = longer.score >= max(SURE, min(part.score for part in parts) - BELOW)
        place = 0
        for part in parts:
            found = longer.text.find(part.text[1:-1], place)
            if len(part.text) <= 2 or found < 0:
                return False
            place = found + len(part.text) - 1
        return sure and len(longer.text) > sum(len(part.text) for part in parts)


def longer_lines(lines: TextLines, gray: np.ndarray) -> list[LongerLine]:
    """The level lines beyond whose ends there is ink.

    Args:
        gray: the image, uint8 (H, W).
    """
    boxes = lines.boxes.astype(np.float64)
    level = are_level(lines)
    found = []
    for index in np.flatnonzero(level & (boxes[:, 3] - boxes[:, 1] >= LOWEST)).tolist():
        x1, y1, x2, y2 = boxes[index].tolist()
        common = np.minimum(boxes[:, 3], y2) - np.maximum(boxes[:, 1], y1)
        in_row = common > SAME_ROW * np.minimum(boxes[:, 3] - boxes[:, 1], y2 - y1)
        behind = np.flatnonzero(in_row & (boxes[:, 0] > x1) & (boxes[:, 2] > x2))
        right = boxes[behind, 0].min(initial=gray.shape[1])
        left = boxes[in_row & (boxes[:, 2] < x2) & (boxes[:, 0] < x1), 2].max(initial=-1.0)
        last = gray.shape[1] - 1
        begin, _ = _end(gray[:, ::-1], np.array([last - x2, y1, last - x1, y2]), last - left)
        end, goes_on = _end(gray, boxes[index], right)
        if begin is not None or end is not None:
            box = x1 if begin is None else last - begin, y1, x2 if end is None else end, y2
            found.append(LongerLine(index, box_corners(np.array([box], np.float32))[0]))
        if goes_on and len(behind):
            other = int(behind[np.argmin(boxes[behind, 0])])
            if level[other] and _are_alike(boxes[index], boxes[other]):
                low, high = np.minimum(boxes[index], boxes[other])[:2], np.maximum(boxes[index], boxes[other])[2:]
                found.append(LongerLine(index, box_corners(np.array([[*low, *high]], np.float32))[0], other))
    return found


def _are_alike(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether two boxes may be parts of one line, by where they begin and end from above."""
    lower, taller = sorted((first[3] - first[1], second[3] - second[1]))
    common = min(first[3], second[3]) - max(first[1], second[1])
    return bool(lower > SAME_HEIGHT * taller and common > COMMON * taller)


def _end(gray: np.ndarray, box: np.ndarray, limit: float) -> tuple[float | None, bool]:
    """Of the ink that goes on at the right end of a line: its last column, None where there is none or it is no text.

    And whether it goes on to the next line, at `limit`.
    """
    height = box[3] - box[1]
    x1, y1, x2, y2 = np.maximum(np.round(box), 0).astype(int).tolist()
    inside = gray[y1 : y2 + 1, x1 : x2 + 1]
    stop = int(min(limit, x2 + FURTHEST * height, gray.shape[1]))
    margin = max(1, round(AROUND * height))
    if inside.size == 0 or stop - x2 < THIN * height or y1 < margin or y2 + margin >= len(gray):
        return None, False
    ground, contrast = ground_and_contrast(inside)
    beyond = gray[y1 - margin : y2 + margin + 1, x2 + 1 : stop]
    near = is_ink(beyond[:, : int(GAP * height) + 1], ground, contrast)
    # Most lines end on plain ground, those of a photograph beside what goes on above and below.
    if not near.any() or near[0].any() or near[-1].any():
        return None, False
    ink = is_ink(beyond, ground, contrast)
    columns = np.flatnonzero(ink.any(axis=0))
    apart = np.flatnonzero(np.diff(columns) > GAP * height)
    if len(apart):
        columns = columns[: apart[0] + 1]
    whole = _text_end(ink, columns, x2, height)
    is_near = not len(apart) and ink.shape[1] - columns[-1] <= GAP * height and stop >= int(limit)
    if columns[-1] + 1 < ink.shape[1]:
        return whole, is_near and whole is not None
    if not is_near:
        return None, False  # it goes on further than letters that were missed
    # The first letter of the next line, whose box begins a little late.
    own = np.flatnonzero(np.diff(columns) > NEXT_LINE * height)
    return _text_end(ink, columns[: own[-1] + 1] if len(own) else columns[:0], x2, height), whole is not None


def _text_end(ink: np.ndarray, columns: np.ndarray, x2: int, height: float) -> float | None:
    """Where the ink in some columns behind x2 ends, None where it cannot be text."""
    last = int(columns[-1]) if len(columns) else -1
    new = ink[:, : last + 1]
    rows = np.flatnonzero(new.any(axis=1))
    stands_apart = (np.diff(columns, prepend=-1) > 2).any()
    if last < (THIN if stands_apart else LEAST) * height or rows[0] == 0 or rows[-1] == len(new) - 1:
        return None
    is_stroke = len(columns) <= STROKE * height
    return None if new[rows[0] : rows[-1] + 1, columns].mean() > SOLID and not is_stroke else float(x2 + 1 + last)
