"""A sheet of paper or a screen that text is set on, without perspective: fast, because most words are small."""

from typing import NamedTuple

import numpy as np

from src.data.synthesis.fonts import Face, FontBook
from src.data.synthesis.layout import draw_word
from src.data.synthesis.paint import blend
from src.data.synthesis.scene_paint import Box

LINE_HEIGHT = 1.25  # baseline to baseline, in em, of tightly set text
WORD_GAP = 0.28  # between words, in em
_LEAST_INK = (2, 3)  # width and height in pixels of a box; less is a speck

Color = np.ndarray


class Type(NamedTuple):
    """How words are set: in which face, at how many pixels per em, in which color."""

    face: Face
    em: int
    color: Color


class Sheet:
    """A canvas float32 RGB (H, W, 3) and the words and lines written on it, with their boxes."""

    def __init__(self, book: FontBook, width: int, height: int, color: Color):
        self.book, self.width, self.height = book, width, height
        self.canvas = np.empty((height, width, 3), np.float32)
        self.canvas[:] = color
        self.words: list[tuple[Box, str]] = []
        self.lines: list[tuple[Box, str]] = []

    def word_width(self, text: str, type_: Type) -> float:
        """How far the pen moves."""
        return sum(self.book.glyph(type_.face, type_.em, char).advance for char in text)

    def line_width(self, words: list[str], type_: Type, gap: float = WORD_GAP) -> float:
        """The same for words with spaces of `gap` em between them."""
        return sum(self.word_width(word, type_) for word in words) + gap * type_.em * max(len(words) - 1, 0)

    def write(self, x: float, baseline: float, text: str, type_: Type) -> float:
        """Draw one word with the pen at (x, baseline), none where it does not fit, and return where the pen ends."""
        ink = draw_word(self.book, type_.face, text, type_.em)
        left, top = round(x) + ink.left, round(baseline) - ink.top
        bottom, right = top + ink.ink.shape[0], left + ink.ink.shape[1]
        end = x + ink.advance
        if left < 1 or top < 1 or right >= self.width or bottom >= self.height:
            return end
        full = max(int(ink.ink.max()), 1)  # hairlines of small type never cover a pixel wholly
        blend(self.canvas[top:bottom, left:right], ink.ink.astype(np.float32) / full, type_.color)
        rows, columns = (np.flatnonzero((ink.ink > 0.35 * full).any(axis=axis)) for axis in (1, 0))
        if len(rows) >= _LEAST_INK[1] and len(columns) >= _LEAST_INK[0]:
            box = (left + int(columns[0]), top + int(rows[0]), left + int(columns[-1]), top + int(rows[-1]))
            self.words.append((box, text))
        return end

    def write_line(
        self,
        x: float,
        baseline: float,
        words: list[str],
        type_: Type,
        *,
        align: float = 0.0,
        width: float = 0.0,
        gap: float = WORD_GAP,
    ) -> float:
        """Draw words with spaces of `gap` em; `align` 0 to 1 places them in `width`. Returns where the pen ends."""
        if align:
            x += align * max(width - self.line_width(words, type_, gap), 0.0)
        before = len(self.words)
        for word in words:
            x = self.write(x, baseline, word, type_) + gap * type_.em
        if drawn := self.words[before:]:
            boxes = np.array([box for box, _ in drawn])
            corners = (*boxes[:, :2].min(axis=0).tolist(), *boxes[:, 2:].max(axis=0).tolist())
            self.lines.append((corners, " ".join(text for _, text in drawn)))
        return x - gap * type_.em

    def fill(self, x1: float, y1: float, x2: float, y2: float, color: Color) -> None:
        """A rectangle."""
        rows, columns = slice(max(round(y1), 0), max(round(y2), 0)), slice(max(round(x1), 0), max(round(x2), 0))
        self.canvas[rows, columns] = color

    def rule(self, x1: float, x2: float, y: float, color: Color, *, thick: int = 1, dash: int = 0) -> None:
        """A level rule, broken into dashes of so many pixels where `dash` is not 0."""
        if not dash:
            self.fill(x1, y, x2, y + thick, color)
        for start in range(round(x1), round(x2), 2 * dash) if dash else ():
            self.fill(start, y, min(start + dash, x2), y + thick, color)

    def frame(self, x1: float, y1: float, x2: float, y2: float, color: Color) -> None:
        """The outline of a rectangle, a pixel thick."""
        for y in (y1, y2 - 1):
            self.fill(x1, y, x2, y + 1, color)
        for x in (x1, x2 - 1):
            self.fill(x, y1, x + 1, y2, color)

    def shade(self, rng: np.random.Generator, dark: bool, contrast: float) -> Color:
        """A color that is this far (0 to 1) from the sheet's towards black or, on a dark one, white, with a tint."""
        ground = self.canvas[0, 0]
        goal = np.full(3, 255.0 if dark else 0.0)
        tint = rng.normal(0, 12 if rng.random() < 0.7 else 50, 3)
        return (ground + contrast * (goal - ground) + tint * contrast).clip(0, 255).astype(np.float32)
