"""Images that are one line or word themselves: when to read one as a whole, and when that is the surer prediction."""

from collections.abc import Sequence

import numpy as np

from src.common.boxes import box_corners
from src.text_connector.detector import TextLines

SMALL = 100  # pixels of the longer side: an image so small is a word, whatever its shape
FLAT, LOW = 1.2, 256  # width to height of a line, in an image up to so many pixels high
VERY_FLAT = 3.0  # the same, in an image of any height
SAME_ROW = 0.5  # share of the lower line's height that two pieces of a row have in common
FILLS = 0.3  # share of the image's height that the text of a cut-out line has at least
LEAST_SCORE = 0.8  # of the whole, where nothing was found


def may_be_one_line(size: tuple[int, int], boxes: np.ndarray) -> bool:
    """Whether an image of `size` (height, width), in which lines `boxes` (M, 4) were found, may be one line."""
    height, width = size
    line_shaped = max(size) <= SMALL or (width >= FLAT * height and height <= LOW) or width >= VERY_FLAT * height
    if not line_shaped:
        return False
    if not len(boxes):
        return True
    heights = np.maximum(boxes[:, 3] - boxes[:, 1], 1e-6)
    common = np.minimum(boxes[:, None, 3], boxes[:, 3]) - np.maximum(boxes[:, None, 1], boxes[:, 1])
    one_row = (common > SAME_ROW * np.minimum(heights[:, None], heights)).all()
    return bool(one_row and heights.max() > FILLS * height)


def whole_wins(whole: tuple[str, float], parts: Sequence[tuple[str, float]]) -> bool:
    """Whether (text, score) of the whole image is surer than those of the lines that were found in it."""
    text, score = whole
    characters = sum(len(part) for part, _ in parts)
    if not characters:
        return bool(text) and score >= LEAST_SCORE
    return score >= sum(len(part) * part_score for part, part_score in parts) / characters


def whole_image(pixels: np.ndarray) -> TextLines:
    """The one line that an image as a whole is."""
    height, width = pixels.shape[:2]
    boxes = np.array([[0, 0, width - 1, height - 1]], np.float32)
    return TextLines(boxes, np.ones(1, np.float32), box_corners(boxes))
