"""Text as strips, the shape that CTPN learns, and words joined into the lines that it finds.

A strip has vertical ends, a height that does not change along it, and a tilt: `boxes` (K, 4) float32 are inclusive
x1, y1, x2, y2 with y1 and y2 at its middle, `tilts` (K,) dy / dx, 0 for level text. `split_boxes` cuts strips into
16-pixel slices, which follow the tilt.
"""

from typing import NamedTuple

import numpy as np

STEEPEST = 1.0  # dy / dx; steeper text does not run through columns of 16 pixels
MOST_GAP = 1.0  # between words of a line, in heights of the taller word
LEAST_OVERLAP = 0.6  # of two words where they meet, as a share of the lower one's height
LEAST_SIMILARITY = 0.45  # of two heights: "on" beside "Typing" is still one line
MOST_TILT_CHANGE = 0.2  # between neighbors
MOST_GROWTH = 1.45  # of a line over its tallest word


class TextStrips(NamedTuple):
    """boxes float32 (K, 4), tilts float32 (K,), ignored bool (K,): neither text to find nor background."""

    boxes: np.ndarray
    tilts: np.ndarray
    ignored: np.ndarray


def strips_of_quads(quads: np.ndarray, ignored: np.ndarray) -> TextStrips:
    """Strips of words with four corner points each, (K, 4, 2), clockwise from the top left as it is read.

    Text that is steeper than 45 degrees cannot be learned as columns: the upright box around it is ignored.
    """
    quads = np.asarray(quads, np.float64).reshape(-1, 4, 2)
    left, right = (quads[:, 0] + quads[:, 3]) / 2, (quads[:, 1] + quads[:, 2]) / 2
    top, bottom = (quads[:, 0] + quads[:, 1]) / 2, (quads[:, 2] + quads[:, 3]) / 2
    run, rise = (right - left).T
    steep = np.abs(rise) > STEEPEST * np.abs(run)
    tilts = np.divide(rise, run, out=np.zeros(len(quads)), where=~steep & (run != 0))
    middle = (left + right) / 2
    height = np.abs((bottom[:, 1] - top[:, 1]) - tilts * (bottom[:, 0] - top[:, 0]))
    x1, x2 = np.minimum(left[:, 0], right[:, 0]), np.maximum(left[:, 0], right[:, 0])
    boxes = np.stack([x1, middle[:, 1] - height / 2, x2, middle[:, 1] + height / 2], axis=1)
    upright = np.concatenate([quads.min(axis=1), quads.max(axis=1)], axis=1)
    boxes = np.where(steep[:, None], upright, boxes)
    return TextStrips(boxes.astype(np.float32), tilts.astype(np.float32), np.asarray(ignored, bool) | steep)


def join_words(words: TextStrips) -> TextStrips:
    """Words that stand close on one line become one strip; the others, and ignored regions, stay as they are.

    Two words are neighbors on a line when the gap between them is at most `MOST_GAP` of the taller one's height, they
    overlap vertically by `LEAST_OVERLAP` of the lower one's height where they meet, their heights differ by no more
    than `LEAST_SIMILARITY` and their tilts by no more than `MOST_TILT_CHANGE`; of several, the nearest. The strip of
    a line is as tall as its words reach above and below its direction: their mean tilt or, where that makes it more
    than `MOST_GROWTH` times as tall as its tallest word, the line through their middles. Where that does not help,
    the words stay single.
    """
    boxes = np.asarray(words.boxes, np.float64).reshape(-1, 4)
    tilts = np.asarray(words.tilts, np.float64)
    strips = [(boxes[i], tilts[i], True) for i in np.flatnonzero(words.ignored)]
    for line in _chains(_right_neighbors(boxes, tilts, words.ignored), words.ignored):
        joined = _joined(boxes[line], tilts[line]) if len(line) > 1 else None
        strips += [(*joined, False)] if joined else [(boxes[i], tilts[i], False) for i in line]
    return TextStrips(
        np.array([strip[0] for strip in strips], np.float32).reshape(-1, 4),
        np.array([strip[1] for strip in strips], np.float32),
        np.array([strip[2] for strip in strips], bool),
    )


def _right_neighbors(boxes: np.ndarray, tilts: np.ndarray, ignored: np.ndarray) -> dict[int, int]:
    """The right neighbor of each word that has one; no word is the right neighbor of two."""
    heights = boxes[:, 3] - boxes[:, 1] + 1
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    gaps = boxes[None, :, 0] - boxes[:, None, 2] - 1  # from row to column
    meeting = (boxes[None, :, 0] + boxes[:, None, 2]) / 2
    own = middles[:, None, 1] + tilts[:, None] * (meeting - middles[:, None, 0])
    other = middles[None, :, 1] + tilts[None, :] * (meeting - middles[None, :, 0])
    lower, taller = np.minimum.outer(heights, heights), np.maximum.outer(heights, heights)
    overlap = np.minimum((heights[:, None] + heights[None, :]) / 2 - np.abs(own - other), lower)
    fits = (gaps <= MOST_GAP * taller) & (gaps >= -0.5 * lower) & (overlap >= LEAST_OVERLAP * lower)
    fits &= (lower >= LEAST_SIMILARITY * taller) & (np.abs(tilts[:, None] - tilts[None, :]) <= MOST_TILT_CHANGE)
    fits &= (middles[None, :, 0] > middles[:, None, 0]) & ~ignored[:, None] & ~ignored[None, :]
    right: dict[int, int] = {}
    taken: set[int] = set()
    rows, columns = np.nonzero(fits)
    for pair in np.argsort(gaps[rows, columns], kind="stable"):
        row, column = int(rows[pair]), int(columns[pair])
        if row not in right and column not in taken:
            right[row] = column
            taken.add(column)
    return right


def _chains(right: dict[int, int], ignored: np.ndarray) -> list[list[int]]:
    """Words of each line, from left to right."""
    chains = []
    for first in sorted(set(np.flatnonzero(~ignored).tolist()) - set(right.values())):
        chain = [first]
        while chain[-1] in right:
            chain.append(right[chain[-1]])
        chains.append(chain)
    return chains


def _joined(boxes: np.ndarray, tilts: np.ndarray) -> tuple[np.ndarray, float] | None:
    widths = boxes[:, 2] - boxes[:, 0] + 1
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    heights = boxes[:, 3] - boxes[:, 1]
    mean_tilt = float(np.average(tilts, weights=widths))
    fitted = float(np.polyfit(middles[:, 0], middles[:, 1], 1)[0])
    x1, x2 = boxes[:, 0].min(), boxes[:, 2].max()
    for tilt in (mean_tilt, fitted):
        offsets = middles[:, 1] - tilt * (middles[:, 0] - (x1 + x2) / 2)
        y1, y2 = (offsets - heights / 2).min(), (offsets + heights / 2).max()
        if y2 - y1 + 1 <= MOST_GROWTH * (heights.max() + 1) and abs(tilt) <= STEEPEST:
            return np.array([x1, y1, x2, y2]), tilt
    return None
