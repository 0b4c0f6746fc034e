"""How far a page is tilted whose lines are so steep that a detector of level lines mixes their rows. NumPy, OpenCV.

What it found shows where text is, not where its lines are. So all ink is looked at together: at the right slope the
upper and lower edges of letters fall into few rows of the page. A slope is pixels down per pixel to the
right; boxes are x1, y1, x2, y2.
"""

from itertools import pairwise

import cv2
import numpy as np

STEEPEST, STEP = 0.4, 0.01  # slope of 22 degrees, and between slopes that are tried first
LEAST = 0.1  # slope from which rows are mixed
FEWEST = 12  # lines of a page; those of a photograph are fewer, and its edges have slopes of their own
SEEN = 1000  # pixels of the longer side of the image when it is looked at
STRIPS = 4  # parts of the width that are looked at each on its own: their rows bear a slope that is a little off
CLEAR = 1.4  # by how much more the rows must tell at the best slope than at most others
POINTS = 5_000  # edges that are looked at, at most
EDGE, FAINT = 0.3, 16  # share of strong changes of gray values, and gray values, of an edge at least


def steep_tilt(gray: np.ndarray, boxes: np.ndarray) -> float:
    """The slope of the rows of a page, 0 where they are level, about level, or not clear.

    Args:
        gray: the image, uint8 (H, W). boxes: (M, 4) where its text is.
    """
    if len(boxes) < FEWEST:
        return 0.0
    edges = _edges(gray, boxes)
    if edges is None:
        return 0.0
    tried = np.arange(-STEEPEST, STEEPEST + STEP / 2, STEP)
    told = np.sum([_sharpness(part, tried) for part in _strips(edges)], axis=0)
    best = tried[np.argmax(told)]
    if told.max() < CLEAR * np.median(told) or not LEAST <= abs(best) < STEEPEST - STEP / 2:
        return 0.0
    for step in (STEP / 3, STEP / 9):
        tried = best + step * np.arange(-3, 4)
        best = tried[np.argmax(_sharpness(edges, tried))]
    return float(best)


def _edges(gray: np.ndarray, boxes: np.ndarray) -> np.ndarray | None:
    """x, y and kind, (3, n), of pixels in the boxes where ink begins (0) or ends (1) from above."""
    scale = min(1.0, SEEN / max(gray.shape))
    size = tuple(max(2, round(side * scale)) for side in gray.shape[::-1])
    small = cv2.resize(gray, size, interpolation=cv2.INTER_AREA).astype(np.int16)
    change = np.diff(small, axis=0)
    inside = np.zeros(change.shape, bool)
    for x1, y1, x2, y2 in np.maximum(np.round(boxes * scale), 0).astype(int).tolist():
        inside[y1 : y2 + 1, x1 : x2 + 1] = True
    if not inside.any():
        return None
    strong = max(FAINT, EDGE * float(np.percentile(np.abs(change[inside]), 99)))
    y, x = np.nonzero(inside & (np.abs(change) > strong))
    if not len(x):
        return None
    chosen = slice(None, None, -(-len(x) // POINTS))
    return np.stack([x, y, change[y, x] < 0])[:, chosen]


def _strips(edges: np.ndarray) -> list[np.ndarray]:
    """The edges, those of each part of the width together."""
    bounds = np.linspace(edges[0].min(), edges[0].max() + 1, STRIPS + 1)
    return [edges[:, (edges[0] >= low) & (edges[0] < high)] for low, high in pairwise(bounds)]


def _sharpness(edges: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """How unevenly edges (3, n) fall into rows of each slope (S,): (S,)."""
    x, y, kind = edges
    told = np.empty(len(slopes))
    for index, slope in enumerate(slopes.tolist()):
        rows = ((y - slope * x) / np.hypot(1, slope)).round().astype(np.int64)
        rows -= rows.min(initial=0)
        counts = np.bincount(2 * rows + kind)
        # Rows of two pixels: those of the level image would be the only ones without rounding.
        told[index] = ((counts[2:] + counts[:-2]).astype(np.float64) ** 2).sum()
    return told
