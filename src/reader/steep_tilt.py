"""How far a page is tilted whose lines are so steep that a detector of level lines mixes their rows. NumPy, OpenCV.

What it found shows where text is, not where its lines are. So all ink is looked at together: at the right slope the
upper and lower edges of letters fall into few rows of the page. A slope is pixels down per pixel to the
right; boxes are x1, y1, x2, y2.
"""

import math

import numpy as np

from src.common.resize import resized

STEEPEST, STEP = 0.8, 0.01  # slope of 38 degrees, and between slopes that are tried first
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
    told = _sharpness(edges, tried, _strips(edges))
    best = tried[np.argmax(told)]
    if told.max() < CLEAR * np.median(told) or not LEAST <= abs(best) < STEEPEST - STEP / 2:
        return 0.0
    for step in (STEP / 3, STEP / 9):
        tried = best + step * np.arange(-3, 4)
        best = tried[np.argmax(_sharpness(edges, tried, np.zeros(edges.shape[1], np.int64)))]
    return float(best)


def _edges(gray: np.ndarray, boxes: np.ndarray) -> np.ndarray | None:
    """x, y and kind, (3, n), of pixels in the boxes where ink begins (0) or ends (1) from above."""
    scale = min(1.0, SEEN / max(gray.shape))
    height, width = (max(2, round(side * scale)) for side in gray.shape)
    small = resized(gray, (height, width)).astype(np.int16)
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


def _strips(edges: np.ndarray) -> np.ndarray:
    """In which part of the width each edge is: (n,)."""
    x = edges[0]
    return STRIPS * (x - x.min()) // (x.max() - x.min() + 1)


def _sharpness(edges: np.ndarray, slopes: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """How unevenly edges (3, n), those of each part on their own, fall into rows of each slope (S,): (S,)."""
    x, y = edges[:2].astype(np.float64)
    told = np.empty(len(slopes))
    for index, slope in enumerate(slopes.tolist()):
        rows = np.rint((y - slope * x) / math.hypot(1, slope)).astype(np.int64)
        first, last = int(rows.min()), int(rows.max())
        rows *= 2
        counts = np.bincount(rows + (edges[2] - 2 * first + 2 * (last - first + 2) * parts))
        # Rows of two pixels: those of the level image would be the only ones without rounding.
        pairs = counts[2:] + counts[:-2]
        told[index] = pairs @ pairs
    return told
