"""Tilted lines that may end within a letter: they are read again with a little more there.

A proposal is upright, so the ends of a tilted line are the least exact part of it. That a letter goes on beyond the
end shows in the ink; whether the line is better with more of it, the recognizer has to say. M lines; polygons are
corners (4, 2), clockwise from the top left.
"""

from collections.abc import Iterator

import cv2
import numpy as np

from src.reader.ink import ground_and_contrast, is_ink
from src.reader.line_crops import level_strip
from src.reader.line_ends import LOWEST, LongerLine
from src.reader.tilt import are_level, line_heights
from src.text_connector.detector import TextLines

SEEN_HEIGHT = 48  # pixels of a line when its ends are looked at, at most
# In line heights.
MORE = 0.6  # what is looked at beyond an end, and what a line is made longer by
AROUND = 0.2  # above and below a line, where a letter does not reach
WIDTH, HEIGHT = 0.1, 0.2  # what is left of a letter that was cut, at least
NEAR, TALL, WIDE = 0.4, 0.6, 1.3  # how far off a letter that was left out is at most, its least height and most width


def lines_with_cut_ends(lines: TextLines, gray: np.ndarray) -> list[LongerLine]:
    """Longer forms of tilted lines, of each end beyond which a letter shows.

    Args:
        gray: the image, uint8 (H, W).
    """
    heights = line_heights(lines.polygons)
    found = []
    for index in np.flatnonzero(~are_level(lines) & (heights >= LOWEST)).tolist():
        room = MORE * float(heights[index])
        for before, after in _cut_ends(gray, lines.polygons[index], float(heights[index])):
            longer = _lengthened(lines.polygons[index], before * room, after * room)
            end = longer[[0, 3]] if before else longer[[1, 2]]
            if not _is_inside(end.mean(axis=0), np.delete(lines.polygons, index, axis=0)).any():
                found.append(LongerLine(index, longer))
    return found


def _lengthened(polygon: np.ndarray, before: float, after: float) -> np.ndarray:
    """A line with so many pixels more before and behind it."""
    along = polygon[1] - polygon[0] + polygon[2] - polygon[3]
    along = along / max(float(np.linalg.norm(along)), 1e-6)
    return (polygon + np.array([-before, after, after, -before])[:, None] * along).astype(np.float32)


def _cut_ends(gray: np.ndarray, polygon: np.ndarray, height: float) -> Iterator[tuple[int, int]]:
    """(1, 0) where a letter goes on before the line, (0, 1) where one does behind it."""
    unit = min(height, SEEN_HEIGHT)  # a line height in pixels of the strip
    rows, columns = round(AROUND * unit), round(MORE * unit)
    strip = level_strip(gray, polygon, unit / height, rows, columns)
    inside = strip[rows : len(strip) - rows, columns : strip.shape[1] - columns]
    if not inside.size or not columns:
        return
    ink = is_ink(strip, *ground_and_contrast(inside))
    if _has_letter(ink[:, columns - 1 :: -1], unit):
        yield 1, 0
    if _has_letter(ink[:, -columns:], unit):
        yield 0, 1


def _has_letter(ink: np.ndarray, unit: float) -> bool:
    """Whether ink (h, w) from an end of a line outwards shows the rest of a letter, or a whole one."""
    stats = cv2.connectedComponentsWithStats(np.ascontiguousarray(ink).view(np.uint8))[2]
    left, top, width, height, _ = stats[1:].T
    in_row = (top > 0) & (top + height < len(ink))
    rest = (left == 0) & (width < ink.shape[1]) & (width >= WIDTH * unit) & (height >= HEIGHT * unit)
    whole = (left <= NEAR * unit) & (width <= WIDE * unit) & (height >= TALL * unit)
    return bool((in_row & (rest | whole)).any())


def _is_inside(point: np.ndarray, polygons: np.ndarray) -> np.ndarray:
    """(M,) bool: which of the polygons (M, 4, 2) a point (2,) lies in."""
    edges, to_point = np.roll(polygons, -1, axis=1) - polygons, point - polygons
    return (edges[..., 0] * to_point[..., 1] >= edges[..., 1] * to_point[..., 0]).all(axis=1)
