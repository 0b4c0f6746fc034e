"""Tilted text: how far an image is tilted, which lines follow that, and where they would stand if it were level.

A slope is pixels down per pixel to the right. M lines, boxes x1, y1, x2, y2, polygons of four corners, clockwise from
the top left. Pure NumPy.
"""

from typing import Literal

import numpy as np

from src.common.boxes import box_corners
from src.text_connector.detector import TextLines

LONG = 3.0  # width to height of a line whose slope can be trusted
FEWEST = 3  # such lines that make the tilt of an image
TILTED = 0.012  # slope of 0.7 degrees, and measured slopes are rather too small: from here on all lines follow it
RISE = 0.35  # line heights between its ends: from here on a line is tilted, whatever the others are


def slopes(polygons: np.ndarray) -> np.ndarray:
    """(M,) of the middle lines."""
    left, right = (polygons[:, 0] + polygons[:, 3]) / 2, (polygons[:, 1] + polygons[:, 2]) / 2
    return (right[:, 1] - left[:, 1]) / np.maximum(right[:, 0] - left[:, 0], 1e-6)


def line_heights(polygons: np.ndarray) -> np.ndarray:
    """(M,) between the top and the bottom of each line."""
    return np.maximum((polygons[:, 3, 1] - polygons[:, 0, 1] + polygons[:, 2, 1] - polygons[:, 1, 1]) / 2, 1e-6)


def image_tilt(polygons: np.ndarray) -> float:
    """The slope that the long lines of an image have in common; 0 where there are too few."""
    widths = polygons[:, 1, 0] - polygons[:, 0, 0]
    trusted = widths > LONG * line_heights(polygons)
    if trusted.sum() < FEWEST:
        return 0.0
    values, weights = slopes(polygons)[trusted], widths[trusted]
    order = np.argsort(values)
    half = np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)
    return float(values[order][half])


def followed(lines: TextLines, tilt: float, oriented: bool | Literal["auto"]) -> TextLines:
    """Lines whose polygons follow their tilt: all, none, or with "auto" those whose tilt shows."""
    if oriented is True or not len(lines):
        return lines
    level = np.ones(len(lines), bool)
    if oriented == "auto":
        widths = lines.polygons[:, 1, 0] - lines.polygons[:, 0, 0]
        heights = line_heights(lines.polygons)
        rise = np.abs(slopes(lines.polygons)) * widths
        level = (rise < RISE * heights) | (widths < 2 * heights)
        if abs(tilt) >= TILTED:
            level &= np.abs(slopes(lines.polygons) - tilt) > abs(tilt)
    polygons = lines.polygons.copy()
    polygons[level] = box_corners(lines.boxes[level])
    return TextLines(lines.boxes, lines.scores, polygons)


def level_boxes(lines: TextLines, tilt: float) -> np.ndarray:
    """(M, 4): where the lines would be, had the image been turned by its tilt."""
    if not tilt or not len(lines):
        return lines.boxes.astype(np.float64)
    angle = np.arctan(tilt)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    corners = np.asarray(lines.polygons, np.float64) @ turn.T
    middle = corners.mean(axis=1)
    width = np.linalg.norm(corners[:, 1] - corners[:, 0], axis=1)
    height = line_heights(np.asarray(lines.polygons, np.float64))
    size = np.stack([width, height], axis=1) / 2
    return np.concatenate([middle - size, middle + size], axis=1)
