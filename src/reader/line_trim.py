"""Lines that are much taller than their text, as where a detector saw the bubble or button around it. OpenCV, NumPy.

The rows of text change along the line, those of plain ground, of a frame or of a rule do not. M lines, boxes x1, y1,
x2, y2.
"""

import cv2
import numpy as np

from src.common.boxes import shared_areas
from src.common.quantiles import quantile
from src.common.resize import resized
from src.reader.line_crops import cut_line, level_strip, part_of_height
from src.reader.tilt import are_level
from src.text_connector.detector import TextLines

SEEN = (64, 400)  # rows and columns that are looked at, at most
LOWEST = 12  # pixels of a line that is looked at
QUIET, PLAIN = 0.04, 0.4  # share of the change in busy rows, and gray values, below which a row has no text
BETWEEN = 0.15  # share of the line's height between parts of letters: the dot of an "i"
MUCH = 0.65  # share of the height: text that fills more of it is left as it is
LEAST = 0.2  # the same: what fills less is no text
MARGIN = 0.12  # of the text's height, above and below
REPEATED = 0.6  # share of a trimmed line that lies on another one


def trimmed(lines: TextLines, gray: np.ndarray) -> TextLines:
    """The lines, those that are much too tall as tall as their text; without those that then lie on others.

    Args:
        gray: the image, uint8 (H, W).
    """
    boxes, polygons = lines.boxes.copy(), lines.polygons.copy()
    changed = np.zeros(len(lines), bool)
    heights = np.linalg.norm(polygons[:, 3] - polygons[:, 0], axis=1)
    level = are_level(lines)
    for index in np.flatnonzero(heights >= LOWEST):
        scale = min(1.0, SEEN[0] / float(heights[index]))
        polygon = polygons[index]
        rows = _text_rows(cut_line(gray, polygon).pixels if level[index] else level_strip(gray, polygon, scale))
        if rows is not None:
            polygons[index] = part_of_height(polygons[index], rows)
            boxes[index] = np.concatenate([polygons[index].min(axis=0), polygons[index].max(axis=0)])
            changed[index] = True
    if not changed.any():
        return lines
    keep = ~(changed & _on_another(boxes))
    return TextLines(boxes, lines.scores, polygons).take(keep)


def _text_rows(crop: np.ndarray) -> tuple[float, float] | None:
    """Where the text of an upright line begins and ends, as shares of its height, if it is much lower."""
    if min(crop.shape) < 4:
        return None
    height, width = min(crop.shape[0], SEEN[0]), min(crop.shape[1], SEEN[1])
    small = resized(crop, (height, width))
    change = cv2.absdiff(small[:, 1:], small[:, :-1]).mean(axis=1)
    active = change > max(PLAIN, QUIET * quantile(np.sort(change), 0.85))
    if not active.any():
        return None
    edges = np.flatnonzero(np.diff(np.concatenate([[False], active, [False]]).astype(np.int8)))
    first, last = edges[0], edges[1]
    best = (0.0, 0, 0)
    for begin, end in [*zip(edges[2::2], edges[3::2], strict=True), (10 * height, 10 * height)]:
        if begin - last > BETWEEN * height:
            best = max(best, (float(change[first:last].sum()), int(first), int(last)))
            first = begin
        last = end
    _, first, last = best
    if not LEAST * height <= last - first <= MUCH * height:
        return None
    margin = MARGIN * (last - first)
    return max(0.0, (first - margin) / height), min(1.0, (last + margin) / height)


def _on_another(boxes: np.ndarray) -> np.ndarray:
    """(M,) bool: lies on another line that is at least as long."""
    shared = shared_areas(boxes, boxes)
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 1e-6)
    longer = sides[None, :, 0] >= sides[:, None, 0]
    np.fill_diagonal(longer, False)
    return ((shared > REPEATED * sides.prod(axis=1)[:, None]) & longer).any(axis=1)
