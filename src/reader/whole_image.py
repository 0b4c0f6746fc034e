"""Images that are one line or word themselves: when to read one as a whole, and when that is the surer prediction.

M lines, boxes x1, y1, x2, y2 in pixels of the image.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from src.common.boxes import box_corners, size_of
from src.text_connector.detector import TextLines

SMALL = 100  # pixels of the longer side: an image so small is a word, whatever its shape
FLAT, LOW = 1.2, 256  # width to height of a line, in an image up to so many pixels high
VERY_FLAT = 3.0  # the same, in an image of any height
SAME_ROW = 0.5  # share of the lower line's height that two pieces of a row have in common
FILLS = 0.3  # share of the image's height that the text of a cut-out line has at least
LEAST_SCORE = 0.8  # of the whole, where nothing was found
NEXT_TO_NOTHING = 0.01  # share of the image: where lines cover less of it, it may be one line, whatever its shape
SURE = 0.9  # score of such a whole at least
INK = 32  # gray values by which ink differs from a plain ground at least
PLAIN = 0.9  # share of the image's rim that a plain ground is
MARGIN = 0.15  # heights of the ink, around it


@dataclass(frozen=True)
class WholeImage:
    """The one line that an image may be.

    Attributes:
        box: of the image, or of all ink on its plain ground.
        has_shape: whether the image has the shape of a line; another one must be read more surely.
        least_length: characters of a text that it must have; a scene as a whole is easily taken for one letter.
    """

    box: tuple[int, int, int, int]
    has_shape: bool
    least_length: int = 1

    def cut(self, pixels: np.ndarray) -> np.ndarray:
        x1, y1, x2, y2 = self.box
        return pixels[y1 : y2 + 1, x1 : x2 + 1]

    def lines(self) -> TextLines:
        return _one_line(self.box)

    def wins(self, whole: tuple[str, float], parts: Sequence[tuple[str, float]]) -> bool:
        """Whether (text, score) of the whole is surer than those of the lines that were found in it."""
        text, score = whole
        characters = sum(len(part) for part, _ in parts)
        if len(text) < self.least_length or not (self.has_shape or (score >= SURE and len(text) >= characters)):
            return False
        if not characters:
            return score >= LEAST_SCORE
        return score >= sum(len(part) * part_score for part, part_score in parts) / characters


def as_one_line(gray: np.ndarray, boxes: np.ndarray) -> WholeImage | None:
    """The line that an image may be as a whole, where lines `boxes` (M, 4) were found in it.

    Args:
        gray: the image, uint8 (H, W).
    """
    size = size_of(gray)
    if may_be_one_line(size, boxes):
        return WholeImage((0, 0, size[1] - 1, size[0] - 1), has_shape=True)
    covered = float((boxes[:, 2:] - boxes[:, :2]).clip(0).prod(axis=1).sum())
    if covered > NEXT_TO_NOTHING * size[0] * size[1]:
        return None
    return _without_shape(gray)


def _without_shape(gray: np.ndarray) -> WholeImage | None:
    """What stands on a plain ground, which the rim of the image shows; the image where that is not plain."""
    height, width = gray.shape
    rim = np.concatenate([gray[0], gray[-1], gray[:, 0], gray[:, -1]])
    ground = int(np.median(rim))
    if np.count_nonzero(np.abs(rim.astype(np.int16) - ground) < INK) < PLAIN * len(rim):
        return WholeImage((0, 0, width - 1, height - 1), has_shape=False, least_length=2)
    ink = np.abs(gray.astype(np.int16) - ground) >= INK
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not len(rows):
        return None
    margin = round(MARGIN * (rows[-1] - rows[0] + 1))
    box = (
        max(0, int(columns[0]) - margin),
        max(0, int(rows[0]) - margin),
        min(width - 1, int(columns[-1]) + margin),
        min(height - 1, int(rows[-1]) + margin),
    )
    return WholeImage(box, has_shape=False)


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


def whole_image(pixels: np.ndarray) -> TextLines:
    """The one line that an image as a whole is."""
    height, width = pixels.shape[:2]
    return _one_line((0, 0, width - 1, height - 1))


def _one_line(box: tuple[int, int, int, int]) -> TextLines:
    boxes = np.array([box], np.float32)
    return TextLines(boxes, np.ones(1, np.float32), box_corners(boxes))
