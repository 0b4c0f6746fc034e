"""Text lines cut out of an image, upright, as the recognizer wants them."""

from dataclasses import dataclass

import cv2
import numpy as np

from src.common.warp import LONGEST_SIDE, part_to_warp

_UPRIGHT = 0.02  # of the longer side, at least a pixel: a polygon so near to its box is cut without resampling
_FINE = 64  # pixels of height up to which a line is resampled by cubics: a taller one is made much smaller anyway


@dataclass(frozen=True)
class LineCrop:
    """A line that was cut out.

    Attributes:
        pixels: uint8 (H, W) or (H, W, 3), as the image it was cut out of.
        begin, end: where its left and right edge are along the line, as shares of the line's length: below 0 and
            above 1 where there is a margin.
        top, bottom: the same of its upper and lower edge, as shares of the line's height.
    """

    pixels: np.ndarray
    begin: float = 0.0
    end: float = 1.0
    top: float = 0.0
    bottom: float = 1.0

    def along_line(self, share: float) -> float:
        """Share of the line's length at a share of the crop's width."""
        return self.begin + share * (self.end - self.begin)

    def part_of_line(self, left: float, right: float) -> np.ndarray:
        """The pixels between two shares of the crop's width, without the margins above and below; maybe none."""
        height, width = self.pixels.shape[:2]
        tall = max(self.bottom - self.top, 1e-6)
        first, last = (round(height * (share - self.top) / tall) for share in (0.0, 1.0))
        return self.pixels[max(0, first) : last, round(left * width) : round(right * width)]


def cut_line(image: np.ndarray, polygon: np.ndarray, margin: float = 0.0) -> LineCrop:
    """The line in `polygon` (4, 2), clockwise from its top left, of `image`, uint8 (H, W) or (H, W, 3).

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
        sides = np.maximum(high - low, 1e-6)
        (begin, top), (end, bottom) = (np.array([[x1, y1], [x2 - 1, y2 - 1]]) - low) / sides
        return LineCrop(image[y1:y2, x1:x2], float(begin), float(end), float(top), float(bottom))
    return _rectified(image, polygon, margin)


def _rectified(image: np.ndarray, polygon: np.ndarray, margin: float) -> LineCrop:
    right = polygon[1] - polygon[0] + polygon[2] - polygon[3]
    down = polygon[3] - polygon[0] + polygon[2] - polygon[1]
    right, down = right / max(np.linalg.norm(right), 1e-6), down / max(np.linalg.norm(down), 1e-6)
    sides = np.linalg.norm(np.roll(polygon, -1, axis=0) - polygon, axis=1)  # top, right, bottom, left
    pad = margin * (sides[1] + sides[3]) / 2
    signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float64)
    corners = polygon + pad * (signs[:, :1] * right + signs[:, 1:] * down)
    longest = min(2 * max(image.shape[:2]), LONGEST_SIDE)
    new_width = int(np.clip(round((sides[0] + sides[2]) / 2 + 2 * pad), 1, longest))
    new_height = int(np.clip(round((sides[1] + sides[3]) / 2 + 2 * pad), 1, longest))
    target = np.array([[0, 0], [new_width, 0], [new_width, new_height], [0, new_height]], np.float32)
    image, origin = part_to_warp(image, corners)
    matrix = cv2.getPerspectiveTransform((corners - origin).astype(np.float32), target)
    how = cv2.INTER_CUBIC if new_height <= _FINE else cv2.INTER_LINEAR
    pixels = cv2.warpPerspective(image, matrix, (new_width, new_height), flags=how, borderMode=cv2.BORDER_REPLICATE)
    along, down_share = (float(2 * pad / max(sides[i] + sides[i + 2], 1e-6)) for i in (0, 1))
    return LineCrop(pixels, -along, 1 + along, -down_share, 1 + down_share)


def level_strip(gray: np.ndarray, polygon: np.ndarray, scale: float, above: int = 0, beside: int = 0) -> np.ndarray:
    """A line of the image (H, W) turned level and made smaller, to be looked at, with so many pixels around it."""
    along, down = polygon[1] - polygon[0], polygon[3] - polygon[0]
    width, height = (max(1, round(scale * float(np.linalg.norm(side)))) for side in (along, down))
    steps = np.stack([along / width, down / height], axis=1)  # in the image, for a pixel of the strip
    start = polygon[0] - steps @ (beside, above)
    size = min(width + 2 * beside, LONGEST_SIDE), height + 2 * above
    gray, origin = part_to_warp(gray, start + np.array([[0, 0], [size[0], 0], size, [0, size[1]]]) @ steps.T)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    matrix = np.concatenate([steps, (start - origin)[:, None]], axis=1).astype(np.float64)
    return cv2.warpAffine(gray, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)


def part_of_height(polygon: np.ndarray, rows: tuple[float, float]) -> np.ndarray:
    """The part (4, 2) of a line (4, 2), clockwise from its top left, from one share of its height to another."""
    left, right = polygon[3] - polygon[0], polygon[2] - polygon[1]
    top, bottom = rows
    return np.stack(
        [polygon[0] + top * left, polygon[1] + top * right, polygon[1] + bottom * right, polygon[0] + bottom * left]
    )
