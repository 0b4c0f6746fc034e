"""Which narrow lines are text: a digit in a table, a quantity, a price of two digits. Pure NumPy.

A line of one or two proposals is more often a window or a leaf than text, and the published filter drops all of
them. Those that stand in a row with text that is beyond doubt are kept, and those that are beyond doubt themselves.
K candidates, M lines; boxes are x1, y1, x2, y2.
"""

import numpy as np

from src.common.boxes import shared_areas

SURE_SCORE = 0.98  # of two proposals at least: text wherever it stands
REACH = 15.0  # heights of the line, beside it
SAME_ROW = 0.6  # share of the lower one's height that both have in common
SAME_SIZE = 0.5  # the lower one's height to the other's
TALLEST = 45.0  # pixels: a letter that is taller is wider than that, or one of a large word
LEAST_RATIO = 0.12  # width to height of an "l" or "1"
TAKEN = 0.25  # share of a candidate's area on a line, from which it is a part of that
STRAIGHT = 4.0  # width to height of a line whose tilt can be trusted


def narrow_text(
    boxes: np.ndarray, scores: np.ndarray, counts: np.ndarray, lines: np.ndarray, corners: np.ndarray
) -> np.ndarray:
    """Which candidates to keep, (K,) bool.

    Args:
        boxes, scores: (K, 4), (K,) of the candidates.
        counts: (K,) proposals of each.
        lines: (M, 4) boxes that are text. corners: (M, 4, 2) of them, along their tilt.
    """
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 1e-6)
    possible = (sides[:, 0] / sides[:, 1] > LEAST_RATIO) & (sides[:, 1] < TALLEST)
    keep = possible & (scores > SURE_SCORE) & (counts > 1)
    if not len(lines) or not len(boxes):
        return keep
    on_line = shared_areas(boxes, lines) > TAKEN * sides.prod(axis=1)[:, None]
    keep |= possible & _in_row(boxes, lines, corners).any(axis=1)
    return keep & ~on_line.any(axis=1)


def _in_row(boxes: np.ndarray, lines: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """(K, M) bool: beside a line, where its top and bottom go on to, and of about its height."""
    across = np.maximum(corners[:, 1, 0] - corners[:, 0, 0], 1e-6)
    height = (corners[:, 3, 1] - corners[:, 0, 1] + corners[:, 2, 1] - corners[:, 1, 1]) / 2
    height = np.maximum(height, 1e-6)
    slope = (corners[:, 1, 1] - corners[:, 0, 1] + corners[:, 2, 1] - corners[:, 3, 1]) / 2 / across
    slope = np.where(across > STRAIGHT * height, slope, 0.0)
    middle = corners[:, :, 1].mean(axis=1)
    x = (boxes[:, 0] + boxes[:, 2])[:, None] / 2
    there = middle + slope * (x - corners[:, :, 0].mean(axis=1))  # (K, M)
    own = (boxes[:, 3] - boxes[:, 1])[:, None]
    common = np.minimum(boxes[:, 3, None], there + height / 2) - np.maximum(boxes[:, 1, None], there - height / 2)
    lower, taller = np.minimum(own, height), np.maximum(own, height)
    away = np.maximum(lines[:, 0] - boxes[:, 2, None], boxes[:, 0, None] - lines[:, 2])
    return (common > SAME_ROW * lower) & (lower > SAME_SIZE * taller) & (away < REACH * height)
