"""Where texts go on an image: beside their lines, on nothing that was found, and on no other text."""

import math
from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from PIL import ImageDraw

from src.visualize.fonts import FontChooser, shorten

RIM_COLOR = (16, 16, 16)
Box = tuple[float, float, float, float]

_SIZES = (1.0, 0.8, 0.65)  # of the font, the largest that finds room
_SMALLEST_FONT = 8  # pixels
_CELLS = 1000  # the image is looked at in so many cells along its longer side, at most


class Labels:
    """Places texts on an image, each where it hides nothing.

    Attributes:
        without_room: texts for which no such place was found; they are not drawn.
    """

    def __init__(
        self,
        pen: ImageDraw.ImageDraw,
        size: tuple[int, int],
        fonts: FontChooser,
        shapes: Iterable[np.ndarray],
        all_texts: str,
    ):
        """`size`: width and height of the image. `shapes`: polygons (P, 2) that are not to be hidden."""
        self._pen, self._fonts, self._all_texts = pen, fonts, all_texts
        self._width, self._height = size
        self._font_size = max(12, round(math.sqrt(size[0] * size[1]) / 45))
        self._scale = min(1.0, _CELLS / max(size))
        cells = (math.ceil(self._height * self._scale) + 1, math.ceil(self._width * self._scale) + 1)
        self._taken = np.zeros(cells, np.uint8)
        for shape in shapes:
            corners = np.clip(np.round(shape * self._scale), -30_000, 30_000).astype(np.int32)
            cv2.fillPoly(self._taken, [corners], (1,))
            cv2.polylines(self._taken, [corners], True, (1,))
        self._sums = cv2.integral(self._taken)
        self.without_room: list[str] = []

    def beside(self, text: str, line: Box, color: tuple[int, int, int]) -> None:
        """Write a label next to its line: above it, below it or at its ends, in the largest font that has room."""
        for share in _SIZES:
            size = max(_SMALLEST_FONT, round(self._font_size * share))
            font = self._fonts.choose(text, size, self._all_texts)
            pad = max(2, size // 6)
            shown = shorten(text, self._width - 2 * pad, font)
            wide, high = math.ceil(font.getlength(shown)) + 2 * pad, math.ceil(size * 1.25) + 2 * pad
            box = next(filter(self._is_free, self._spots(line, wide, high, pad)), None)
            if box is not None:
                self._take(box)
                self._pen.rectangle(_pixels(box), fill=RIM_COLOR, outline=color)
                place = (box[0] + pad, (box[1] + box[3]) / 2)
                self._pen.text(place, shown, fill=(255, 255, 255), font=font, anchor="lm")
                return
        self.without_room.append(text)

    def legend(self, entries: Sequence[tuple[str, tuple[int, int, int]]]) -> None:
        """Name the colors in the corner that hides least of the shapes."""
        text = "   ".join(name for name, _ in entries)
        font = self._fonts.choose(text, self._font_size)
        square, pad = self._font_size, max(2, self._font_size // 6)
        widths = [square + font.getlength(name) + 2 * pad for name, _ in entries]
        wide, high = sum(widths) + 2 * pad, math.ceil(self._font_size * 1.25) + 2 * pad
        if wide > self._width or high > self._height / 3:
            return  # on a thumbnail it would hide the image
        corners = [(x, y) for y in (0, self._height - high) for x in (0, self._width - wide)]
        box = min(((x, y, x + wide, y + high) for x, y in corners), key=self._hidden)
        self._take(box)
        self._pen.rectangle(_pixels(box), fill=RIM_COLOR)
        x, middle = box[0] + pad, (box[1] + box[3]) / 2
        for (name, color), advance in zip(entries, widths, strict=True):
            swatch = (x, middle - square / 3, x + square * 2 / 3, middle + square / 3)
            self._pen.rectangle(_pixels(swatch), fill=color)
            self._pen.text((x + square, middle), name, fill=(255, 255, 255), font=font, anchor="lm")
            x += advance

    def _spots(self, line: Box, wide: float, high: float, gap: float) -> Iterable[Box]:
        """Places around a line for a label of this size, the best first; a label is moved along its line only."""
        left, top, right, bottom = line
        for x in (left, right - wide, (left + right - wide) / 2, left - wide / 2, right - wide / 2):
            inside = max(0.0, min(x, self._width - wide))
            for y in (top - high - gap - 1, bottom + gap + 1):
                yield inside, y, inside + wide, y + high
        for y in (top, bottom - high, (top + bottom - high) / 2):
            inside = max(0.0, min(y, self._height - high))
            for x in (right + gap + 1, left - wide - gap - 1):
                yield x, inside, x + wide, inside + high

    def _is_free(self, box: Box) -> bool:
        inside = box[0] >= 0 and box[1] >= 0 and box[2] <= self._width and box[3] <= self._height
        return inside and self._hidden(box) == 0

    def _hidden(self, box: Box) -> int:
        """Cells of `box` that hold something already."""
        left, top, right, bottom = self._cells(box)
        sums = self._sums
        return int(sums[bottom, right]) - int(sums[top, right]) - int(sums[bottom, left]) + int(sums[top, left])

    def _take(self, box: Box) -> None:
        left, top, right, bottom = self._cells(box)
        self._taken[top:bottom, left:right] = 1
        self._sums = cv2.integral(self._taken)

    def _cells(self, box: Box) -> tuple[int, int, int, int]:
        low = [max(0, math.floor(value * self._scale)) for value in box[:2]]
        rows, columns = self._taken.shape
        return (
            low[0],
            low[1],
            min(columns, math.ceil(box[2] * self._scale)),
            min(rows, math.ceil(box[3] * self._scale)),
        )


def _pixels(box: Box) -> tuple[int, int, int, int]:
    """Inclusive pixel corners of an area."""
    return round(box[0]), round(box[1]), round(box[2]) - 1, round(box[3]) - 1
