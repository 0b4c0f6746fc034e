"""The parts of a document: headings, running text, tables, forms, buttons, images. Sizes in pixels."""

from functools import partial

import numpy as np

from src.common.options import OptionError
from src.data.synthesis.backgrounds import Backgrounds
from src.data.synthesis.document_sheet import LINE_HEIGHT, Sheet, Type
from src.data.synthesis.fonts import Face
from src.data.synthesis.lexicon import DIGITS, PRINTABLE, TextSampler

TYPE_SIZE = (10, 26)  # em of running text in pixels; small ones are more frequent


class DocumentParts:
    """Draws parts on a sheet; each method returns the y where its part ends."""

    def __init__(
        self, rng: np.random.Generator, sheet: Sheet, sampler: TextSampler, backgrounds: Backgrounds, *, dark: bool
    ):
        self.rng, self.sheet, self.sampler, self.backgrounds = rng, sheet, sampler, backgrounds
        low, high = TYPE_SIZE
        self.em = int(low + (high - low) * rng.random() ** 1.7)
        self.shade = partial(sheet.shade, rng, dark)
        self.ink = self.shade(0.85)
        self.type = Type(self.face(), self.em, self.ink)
        self.margin = self.em * (1.5 + 2 * rng.random())

    def heading(self, x: float, y: float, width: float, scale: float) -> float:
        size = int(self.em * scale)
        align = 0.5 if self.rng.random() < 0.3 else 0.0
        y += 0.5 * size + LINE_HEIGHT * size
        self.sheet.write_line(x, y, self.words(4), Type(self.face(), size, self.ink), align=align, width=width)
        return y

    def paragraph(self, x: float, y: float, width: float, foot: float, count: int) -> float:
        """Up to `count` lines of running text above `foot`; returns where they end."""
        rng, sheet, em = self.rng, self.sheet, self.em
        leading = LINE_HEIGHT * em * (1 + 0.5 * rng.random() ** 2)
        gap = 0.25 + 0.12 * rng.random()
        for line in range(count):
            if y + leading > foot:
                return foot
            y += leading
            room = width * (1.0 if line + 1 < count else 0.2 + 0.8 * rng.random())
            words = self._running_words(room, gap)
            sheet.write_line(x, y, words, self.type, gap=gap)
        return y + 0.6 * em * rng.random()

    def _running_words(self, room: float, gap: float) -> list[str]:
        """Words of running text, mostly small letters, as many as go into `room` pixels."""
        found: list[str] = []
        while True:
            for word in self.words(6):
                shown = word.lower() if self.rng.random() < 0.7 else word
                room -= self.sheet.word_width(shown, self.type) + gap * self.em
                if room < 0:
                    return found
                found.append(shown)

    def separator(self, y: float) -> float:
        y += 0.8 * self.em
        end = self.sheet.width - self.margin
        self.sheet.rule(self.margin, end, y, self.ink, dash=int(self.rng.random() * 8))
        return y + 0.3 * self.em

    def image(self, x: float, y: float, width: float, foot: float) -> float:
        """A photograph or a plain field, without text."""
        x1, x2 = max(round(x), 0), min(round(x + width), self.sheet.width)
        y1, y2 = max(round(y + 0.5 * self.em), 0), min(round(foot), self.sheet.height)
        if x2 - x1 > 8 and y2 - y1 > 8:
            self.sheet.canvas[y1:y2, x1:x2] = self.backgrounds.image(self.rng, y2 - y1, x2 - x1)
        return foot + 0.5 * self.em

    def table(self, x: float, y: float, width: float, foot: float) -> float:
        """Rows of cells: numbers, single digits, words, nothing; returns where it ends."""
        rng, sheet, em = self.rng, self.sheet, self.em
        columns = 2 + int(rng.random() * 6)
        edges = x + width * np.concatenate([[0], np.cumsum(rng.dirichlet(np.full(columns, 4.0)))])
        kinds = ["words", *(("digit", "number", "price", "words")[int(k)] for k in rng.integers(0, 4, columns - 1))]
        height = em * (1.4 + 0.8 * rng.random())
        lines, full = self.shade(0.3 + 0.5 * rng.random()), rng.random() < 0.6
        if rng.random() < 0.5:
            sheet.fill(x, y, x + width, y + height, self.shade(0.15))
        row, foot = 0, min(foot, sheet.height - em)
        while y + height < foot:
            for column, kind in enumerate(kinds):
                left, right = edges[column], edges[column + 1]
                if full:
                    sheet.frame(left, y, right + 1, y + height + 1, lines)
                text = self.words(2) if row == 0 or kind == "words" else self._cell(kind)
                room = right - left - 0.6 * em
                while text and sheet.line_width(text, self.type) > room:
                    text = text[:-1]
                align = 0.0 if kind == "words" else 0.5 if full else 1.0
                base = y + 0.5 * height + 0.35 * em
                sheet.write_line(left + 0.3 * em, base, text, self.type, align=align, width=room)
            y += height
            row += 1
        return y

    def _cell(self, kind: str) -> list[str]:
        if self.rng.random() < 0.15:
            return []
        if kind == "digit":
            return [DIGITS[int(self.rng.random() * 10)]]
        return [f"{10 ** (self.rng.random() * 4):.{2 if kind == 'price' else 0}f}"]

    def form_rows(self, x: float, y: float, width: float) -> float:
        """Labels with a line or a field after them."""
        rng, sheet, em = self.rng, self.sheet, self.em
        for _ in range(1 + int(rng.random() * 5)):
            y += 2 * em
            if y > sheet.height - em:
                break
            end = sheet.write_line(x, y, [*self.words(2)[:-1], self.words(1)[0] + ":"], self.type)
            stop = x + width * (0.6 + 0.4 * rng.random())
            if end + 2 * em < stop:
                sheet.rule(end + 0.5 * em, stop, y + 0.2 * em, self.shade(0.5))
                if rng.random() < 0.5:
                    sheet.write_line(end + em, y, self.words(2), self.type._replace(color=self.shade(0.8)))
        return y + em

    def buttons(self, x: float, y: float, width: float) -> float:
        rng, sheet, em = self.rng, self.sheet, self.em
        end, stop, height = x, x + width, em * (1.7 + 0.6 * rng.random())
        for _ in range(1 + int(rng.random() * 4)):
            words = self.words(2)
            room = sheet.line_width(words, self.type) + em * (1 + rng.random())
            if end + room > stop or y + height > sheet.height:
                break
            face = (rng.random(3) * 255).astype(np.float32)
            sheet.fill(end, y, end + room, y + height, face)
            ink = np.full(3, 250.0 if face.mean() < 128 else 15.0, np.float32)
            sheet.write_line(
                end, y + 0.5 * height + 0.35 * em, words, self.type._replace(color=ink), align=0.5, width=room
            )
            end += room + em
        return y + height

    def words(self, most: int) -> list[str]:
        for _ in range(20):
            words = self.sampler.line(self.rng, most).split()
            if words and self.sheet.book.can_draw(self.type.face, "".join(words)):
                return words
        return ["the"]

    def face(self) -> Face:
        face = self.sheet.book.pick(self.rng, PRINTABLE[1:]) or self.sheet.book.builtin[0]
        if not self.sheet.book.can_draw(face, "the"):
            raise OptionError("no font can draw English words")
        return face
