"""Lines that run across two columns, parted where other lines begin. Pure NumPy.

A detector joins what stands near to each other in a row: the ends and beginnings of narrow columns, a long name and
the number beside it. A wide gap behind which several other lines begin is between columns. M lines, boxes x1, y1,
x2, y2.
"""

import numpy as np

from src.common.boxes import shared_areas
from src.data.recognition.word_gaps import quiet_columns
from src.reader.line_crops import cut_line
from src.reader.tilt import level_boxes
from src.reader.word_spans import place_word
from src.text_connector.detector import TextLines

GUTTER = 0.9  # line heights of a gap between columns at least
BEGIN, SAME_PLACE = 3, 0.6  # lines that begin behind it, and line heights by which their beginnings differ
SAME_HEIGHT = 0.6  # ratio of their heights to that of the line
FIRST = 0.5  # line heights before the first gap and behind the last one
REPEATED = 0.75  # share of a part that lies on another line: what it says is there


def split_at_gutters(lines: TextLines, gray: np.ndarray, tilt: float) -> TextLines:
    """The lines, those that run across columns in several parts.

    Args:
        gray: the image, uint8 (H, W). tilt: the slope of its rows.
    """
    if len(lines) <= BEGIN:
        return lines
    level = level_boxes(lines, tilt)
    parts = [_parts(level, index, gray, lines.polygons[index]) for index in range(len(lines))]
    if all(len(spans) == 1 for spans in parts):
        return lines
    rows = [index for index, spans in enumerate(parts) for _ in spans]
    spans = [span for of_line in parts for span in of_line]
    polygons = np.stack([place_word(span, lines.polygons[row]) for row, span in zip(rows, spans, strict=True)])
    boxes = np.concatenate([polygons.min(axis=1), polygons.max(axis=1)], axis=1)
    whole = np.array([span == (0.0, 1.0) for span in spans])
    boxes[whole], polygons[whole] = lines.boxes[rows][whole], lines.polygons[rows][whole]
    parted = TextLines(boxes.astype(np.float32), lines.scores[rows], polygons.astype(np.float32))
    return parted.take(whole | ~_on_another_line(level_boxes(parted, tilt), np.array(rows)))


def _on_another_line(boxes: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(K,) bool: which parts (K, 4) of the lines `rows` (K,) lie on a part of another line that is no smaller."""
    shared, areas = shared_areas(boxes, boxes), (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    on_other = (shared > REPEATED * areas[:, None]) & (areas >= areas[:, None]) & (rows != rows[:, None])
    return on_other.any(axis=1)


def _parts(boxes: np.ndarray, index: int, gray: np.ndarray, polygon: np.ndarray) -> list[tuple[float, float]]:
    """The parts of a line as shares of its length, one (0, 1) where it is whole."""
    left, _, right, _ = boxes[index]
    heights = boxes[:, 3] - boxes[:, 1]
    height = heights[index]
    alike = np.minimum(heights, height) > SAME_HEIGHT * np.maximum(heights, height)
    begins = boxes[alike & (boxes[:, 0] > left + GUTTER * height) & (boxes[:, 0] < right), 0]
    if len(begins) < BEGIN:
        return [(0.0, 1.0)]
    pixels = cut_line(gray, polygon).pixels
    step, length = (right - left) / pixels.shape[1], right - left
    edges = np.flatnonzero(np.diff(np.concatenate([[False], quiet_columns(pixels), [False]]).astype(np.int8)))
    cuts = []
    for first, last in zip(edges[::2] * step, edges[1::2] * step, strict=True):
        is_wide = last - first >= GUTTER * height and first > FIRST * height and last < length - FIRST * height
        if is_wide and (np.abs(begins - left - last) < SAME_PLACE * height).sum() >= BEGIN:
            cuts.append((float(first / length), float(last / length)))
    return list(zip([0.0, *(end for _, end in cuts)], [*(begin for begin, _ in cuts), 1.0], strict=True))
