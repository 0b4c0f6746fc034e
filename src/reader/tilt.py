"""Tilted text: how far an image is tilted, which lines follow that, and where they would stand if it were level.

A slope is pixels down per pixel to the right. M lines, boxes x1, y1, x2, y2, polygons of four corners, clockwise from
the top left. Pure NumPy and OpenCV.
"""

from typing import Literal

import cv2
import numpy as np

from src.common.boxes import box_corners
from src.reader.ink_tilt import line_slopes
from src.text_connector.detector import TextLines

TILTED = 0.01  # slope of 0.6 degrees of an image: from here on its lines follow it
EXACT = 0.001  # slope by which a line that was found in the level image is off the tilt, for want of digits
ASTRAY = 0.3  # line heights that the end of a line is off the tilt of its image, if it has a tilt of its own
MIXED, ENOUGH = 0.5, 4  # line heights that a line rises, and how many such lines, from which rows are easily mixed up
RISE = 0.35  # line heights between its ends: from here on a line is tilted, whatever the others are


def slopes(polygons: np.ndarray) -> np.ndarray:
    """(M,) of the middle lines."""
    left, right = (polygons[:, 0] + polygons[:, 3]) / 2, (polygons[:, 1] + polygons[:, 2]) / 2
    return (right[:, 1] - left[:, 1]) / np.maximum(right[:, 0] - left[:, 0], 1e-6)


def line_heights(polygons: np.ndarray) -> np.ndarray:
    """(M,) between the top and the bottom of each line."""
    return np.maximum((polygons[:, 3, 1] - polygons[:, 0, 1] + polygons[:, 2, 1] - polygons[:, 1, 1]) / 2, 1e-6)


def are_level(lines: TextLines) -> np.ndarray:
    """(M,) bool: whose polygons are their boxes."""
    return (lines.polygons == box_corners(lines.boxes)).all(axis=(1, 2))


def followed(lines: TextLines, tilt: float, gray: np.ndarray, oriented: bool | Literal["auto"]) -> TextLines:
    """Lines whose polygons follow their tilt: all, none, or with "auto" those whose tilt shows.

    Where the image is tilted and a line about as much, it is as the image is: many lines tell more than one.

    Args:
        lines: with polygons by their proposals, which say little about the slope of a short line.
        tilt: slope that the lines of the image have in common.
        gray: the image, uint8 (H, W).
    """
    if not len(lines) or oriented is False:
        return TextLines(lines.boxes, lines.scores, box_corners(lines.boxes))
    polygons = np.asarray(lines.polygons, np.float64)
    widths, heights = lines.boxes[:, 2] - lines.boxes[:, 0], line_heights(polygons)
    own = slopes(polygons)
    found_level = (np.abs(own - tilt) < EXACT) & (abs(tilt) >= TILTED)  # nothing is left to be measured
    measured = ~found_level
    own[measured] = line_slopes(gray, lines.boxes[measured], heights[measured], own[measured])
    common = found_level | (np.abs(own - tilt) * widths < ASTRAY * heights) & (abs(tilt) >= TILTED)
    polygons = _along(polygons, widths, np.where(common, tilt, own))
    if oriented == "auto":
        level = (np.abs(own) * widths < RISE * heights) & ~common
        polygons[level] = box_corners(lines.boxes[level])
    return TextLines(lines.boxes, lines.scores, polygons.astype(np.float32))


def rows_may_mix(lines: TextLines, tilt: float) -> bool:
    """Whether an image is tilted so that its boxes reach into other rows: it is better turned before it is read."""
    if abs(tilt) < TILTED or len(lines) < ENOUGH:
        return False
    sides = lines.boxes[:, 2:] - lines.boxes[:, :2]
    rise = sides[:, 0] * abs(tilt)
    return int((rise > MIXED * np.maximum(sides[:, 1] - rise, 1.0)).sum()) >= ENOUGH


def _along(polygons: np.ndarray, widths: np.ndarray, along: np.ndarray) -> np.ndarray:
    """Rectangles with the middles and heights of `polygons` (M, 4, 2), as wide as their boxes, along slopes (M,)."""
    right = np.stack([np.ones(len(along)), along], axis=1) / np.hypot(1, along)[:, None]
    down = np.stack([-right[:, 1], right[:, 0]], axis=1)
    across = line_heights(polygons) * right[:, 0]
    length = np.maximum(widths - across * np.abs(right[:, 1]), across) / right[:, 0]
    half_right, half_down = length[:, None] / 2 * right, across[:, None] / 2 * down
    steps = (-half_right - half_down, half_right - half_down, half_right + half_down, half_down - half_right)
    return polygons.mean(axis=1)[:, None] + np.stack(steps, axis=1)


def _turn(tilt: float) -> np.ndarray:
    """(2, 2), by which points (x, y) come to where they would be in a level image."""
    angle = np.arctan(tilt)
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def level_boxes(lines: TextLines, tilt: float) -> np.ndarray:
    """(M, 4): where the lines would be, had the image been turned by its tilt."""
    if not tilt or not len(lines):
        return lines.boxes.astype(np.float64)
    corners = np.asarray(lines.polygons, np.float64) @ _turn(tilt).T
    middle = corners.mean(axis=1)
    width = np.linalg.norm(corners[:, 1] - corners[:, 0], axis=1)
    height = line_heights(np.asarray(lines.polygons, np.float64))
    size = np.stack([width, height], axis=1) / 2
    return np.concatenate([middle - size, middle + size], axis=1)


def level_image(image: np.ndarray, tilt: float) -> tuple[np.ndarray, np.ndarray]:
    """An image (H, W[, 3]) turned by its tilt, and where in it the point (0, 0) of `level_boxes` is, x and y."""
    height, width = image.shape[:2]
    turn = _turn(tilt)
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]]) @ turn.T
    origin = -corners.min(axis=0)
    size = np.ceil(corners.max(axis=0) + origin).astype(int)
    matrix = np.concatenate([turn, origin[:, None]], axis=1)
    return cv2.warpAffine(image, matrix, tuple(size.tolist()), borderMode=cv2.BORDER_REPLICATE), origin


def tilted_corners(boxes: np.ndarray, tilt: float) -> np.ndarray:
    """(M, 4, 2): corners in the image of boxes (M, 4) that are as `level_boxes`."""
    return box_corners(boxes) @ _turn(tilt)
