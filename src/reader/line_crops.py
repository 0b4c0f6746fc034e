"""Text lines cut out of an image, upright, as the recognizer wants them."""

from dataclasses import dataclass

import cv2
import numpy as np

_UPRIGHT = 0.02  # of the longer side, at least a pixel: a polygon so near to its box is cut without resampling


@dataclass(frozen=True)
class LineCrop:
    """A line that was cut out.

    Attributes:
        pixels: (h, w, 3) uint8.
        begin, end: where its left and right edge are along the line, as shares of the line's length: below 0 and
            above 1 where there is a margin.
    """

    pixels: np.ndarray
    begin: float = 0.0
    end: float = 1.0

    def along_line(self, share: float) -> float:
        """Share of the line's length at a share of the crop's width."""
        return self.begin + share * (self.end - self.begin)


def cut_line(image: np.ndarray, polygon: np.ndarray, margin: float = 0.0) -> LineCrop:
    """The line in `polygon` (4, 2), clockwise from its top left, of `image` (H, W, 3).

    A tilted one is turned so that its text runs from left to right. At least a pixel is returned.

    Args:
        margin: added above, below, left and right, as a share of the line's height.
    """
    height, width = image.shape[:2]
    polygon = np.asarray(polygon, np.float64)
    low, high = polygon.min(axis=0), polygon.max(axis=0)
    box = np.array([low, [high[0], low[1]], high, [low[0], high[1]]])
    if np.abs(polygon - box).max() <= max(1.0, _UPRIGHT * float((high - low).max())):
        pad = margin * (high[1] - low[1])
        x1, y1 = np.clip(np.floor(low - pad), 0, (width - 1, height - 1)).astype(int)
        x2, y2 = np.clip(np.ceil(high + pad), 0, (width - 1, height - 1)).astype(int)  # inclusive
        x2, y2 = max(x2, x1) + 1, max(y2, y1) + 1
        length = max(high[0] - low[0], 1e-6)
        return LineCrop(image[y1:y2, x1:x2], float((x1 - low[0]) / length), float((x2 - 1 - low[0]) / length))
    return _rectified(image, polygon, margin)


def _rectified(image: np.ndarray, polygon: np.ndarray, margin: float) -> LineCrop:
    right = polygon[1] - polygon[0] + polygon[2] - polygon[3]
    down = polygon[3] - polygon[0] + polygon[2] - polygon[1]
    right, down = right / max(np.linalg.norm(right), 1e-6), down / max(np.linalg.norm(down), 1e-6)
    sides = np.linalg.norm(np.roll(polygon, -1, axis=0) - polygon, axis=1)  # top, right, bottom, left
    pad = margin * (sides[1] + sides[3]) / 2
    signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float64)
    corners = polygon + pad * (signs[:, :1] * right + signs[:, 1:] * down)
    longest = 2 * max(image.shape[:2])
    new_width = int(np.clip(round((sides[0] + sides[2]) / 2 + 2 * pad), 1, longest))
    new_height = int(np.clip(round((sides[1] + sides[3]) / 2 + 2 * pad), 1, longest))
    target = np.array([[0, 0], [new_width, 0], [new_width, new_height], [0, new_height]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), target)
    pixels = cv2.warpPerspective(
        image, matrix, (new_width, new_height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    share = float(pad / max((sides[0] + sides[2]) / 2, 1e-6))
    return LineCrop(pixels, -share, 1 + share)
