"""What stands on a document: running text, headings, items with prices, menus, buttons, tables and forms."""

from collections.abc import Callable
from functools import partial

import numpy as np

from src.common.errors import UserError
from src.data.synthesis.backgrounds import Backgrounds
from src.data.synthesis.document_sheet import LINE_HEIGHT, Sheet, Type
from src.data.synthesis.fonts import Face
from src.data.synthesis.lexicon import DIGITS, PRINTABLE, TextSampler

TYPE_SIZE = (10, 26)  # em of running text in pixels; small ones are more frequent


class DocumentWriter:
    """Fills one sheet with what a kind of document shows."""

    def __init__(
        self, rng: np.random.Generator, sheet: Sheet, sampler: TextSampler, backgrounds: Backgrounds, *, dark: bool
    ):
        self.rng, self.sheet, self.sampler, self.backgrounds = rng, sheet, sampler, backgrounds
        low, high = TYPE_SIZE
        self.em = int(low + (high - low) * rng.random() ** 1.7)
        self._shade = partial(sheet.shade, rng, dark)
        self.ink = self._shade(0.85)
        self.type = Type(self._face(), self.em, self.ink)
        self.margin = self.em * (1.5 + 2 * rng.random())

    def draw(self, kind: str) -> None:
        draw: dict[str, Callable[[], None]] = {
            "page": self._page,
            "receipt": self._receipt,
            "screen": self._screen,
            "table": self._table_page,
        }
        draw[kind]()

    def _page(self) -> None:
        rng, sheet, em = self.rng, self.sheet, self.em
        y = self.margin
        if rng.random() < 0.5:
            y = self._heading(self.margin, y, sheet.width - 2 * self.margin, 1.3 + rng.random())
        columns = 1 + int(rng.random() < 0.45) + int(rng.random() < 0.1)
        space = 1.5 * em
        width = (sheet.width - 2 * self.margin - space * (columns - 1)) / columns
        foot = sheet.height - 2.5 * em
        for column in range(columns):
            x, line = self.margin + column * (width + space), y
            while line < foot - 2 * em:
                if rng.random() < 0.12:
                    line = self._picture(x, line, width, min(foot, line + width * (0.3 + 0.4 * rng.random())))
                elif rng.random() < 0.2:
                    line = self._heading(x, line, width, 1.0 + 0.4 * rng.random())
                line = self._paragraph(x, line, width, foot, 2 + int(rng.random() * 8))
        if rng.random() < 0.6:  # the page's number
            words = [str(1 + int(rng.random() * 400))]
            sheet.write_line(
                self.margin,
                sheet.height - 0.8 * em,
                words,
                self.type,
                align=(0.0, 0.5, 1.0)[int(rng.random() * 3)],
                width=sheet.width - 2 * self.margin,
            )

    def _receipt(self) -> None:
        rng, sheet, em = self.rng, self.sheet, self.em
        width, y = sheet.width - 2 * self.margin, self.margin
        for _ in range(1 + int(rng.random() * 4)):
            y += LINE_HEIGHT * em
            sheet.write_line(self.margin, y, self._words(4), self.type, align=0.5, width=width)
        y = self._separator(y)
        foot = sheet.height - 4 * em
        while y < foot:
            if rng.random() < 0.1:
                y = self._separator(y)
            type_ = Type(self._face(), int(1.4 * em), self.ink) if rng.random() < 0.06 else self.type
            size = type_.em
            y += LINE_HEIGHT * size * (1 + 0.4 * rng.random())
            start = self.margin
            if rng.random() < 0.4:
                start = sheet.write_line(start, y, [DIGITS[int(rng.random() * 10)]], type_) + 1.5 * size
            end = sheet.write_line(start, y, self._words(3), type_)
            price = f"{10 ** (rng.random() * 3):.2f}"
            place = sheet.width - self.margin - sheet.word_width(price, type_)
            if place > end + 0.5 * size:
                sheet.write_line(place, y, [price], type_)
        sheet.write_line(self.margin, y + LINE_HEIGHT * em, self._words(4), self.type, align=0.5, width=width)

    def _screen(self) -> None:
        rng, sheet, em = self.rng, self.sheet, self.em
        bar = 2.2 * em
        sheet.fill(0, 0, sheet.width, bar, self._shade(0.1 + 0.3 * rng.random()))
        x: float = em
        while x < sheet.width - 6 * em:  # a menu
            x = sheet.write_line(x, 0.65 * bar, self._words(2), self.type) + em * (1 + 1.5 * rng.random())
        side = sheet.width * (0.18 + 0.1 * rng.random()) if rng.random() < 0.6 else 0.0
        sheet.fill(0, bar, side, sheet.height, self._shade(0.06))
        y = bar + em
        while side and y < sheet.height - 2 * em:
            y += em * (1.5 + rng.random())
            if rng.random() < 0.5:
                sheet.fill(0.5 * em, y - 0.8 * em, 1.3 * em, y, self._shade(0.5))
            words = self._words(2)
            sheet.write_line(
                2 * em, y, words if sheet.line_width(words, self.type) < side - 2.5 * em else [], self.type
            )
        x, y, width = side + 1.5 * em, bar + em, sheet.width - side - 3 * em
        while y < sheet.height - 3 * em:
            choice = rng.random()
            if choice < 0.2:
                y = self._heading(x, y, width, 1.2 + 0.6 * rng.random())
            elif choice < 0.45:
                y = self._buttons(x, y + 0.8 * em, width)
            elif choice < 0.6:
                y = self._table(x, y + em, width, y + (3 + 7 * rng.random()) * 1.8 * em)
            elif choice < 0.7:
                y = self._picture(x, y, width * (0.3 + 0.7 * rng.random()), y + em * (4 + 6 * rng.random()))
            else:
                y = self._paragraph(x, y, width, sheet.height - em, 1 + int(rng.random() * 4))

    def _table_page(self) -> None:
        rng, sheet, em = self.rng, self.sheet, self.em
        x, y, width = self.margin, self.margin, sheet.width - 2 * self.margin
        while y < sheet.height - 4 * em:
            if rng.random() < 0.5:
                y = self._heading(x, y, width, 1.0 + 0.5 * rng.random())
            if rng.random() < 0.3:
                y = self._form_rows(x, y, width)
            y = self._table(x, y + em, width, y + (4 + 12 * rng.random()) * 1.8 * em) + em

    def _table(self, x: float, y: float, width: float, foot: float) -> float:
        """Rows of cells: numbers, single digits, words, nothing; returns where it ends."""
        rng, sheet, em = self.rng, self.sheet, self.em
        columns = 2 + int(rng.random() * 6)
        edges = x + width * np.concatenate([[0], np.cumsum(rng.dirichlet(np.full(columns, 4.0)))])
        kinds = ["words", *(("digit", "number", "price", "words")[int(k)] for k in rng.integers(0, 4, columns - 1))]
        height = em * (1.4 + 0.8 * rng.random())
        lines, full = self._shade(0.3 + 0.5 * rng.random()), rng.random() < 0.6
        if rng.random() < 0.5:
            sheet.fill(x, y, x + width, y + height, self._shade(0.15))
        row, foot = 0, min(foot, sheet.height - em)
        while y + height < foot:
            for column, kind in enumerate(kinds):
                left, right = edges[column], edges[column + 1]
                if full:
                    sheet.frame(left, y, right + 1, y + height + 1, lines)
                text = self._words(2) if row == 0 or kind == "words" else self._cell(kind)
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

    def _form_rows(self, x: float, y: float, width: float) -> float:
        """Labels with a line or a field after them."""
        rng, sheet, em = self.rng, self.sheet, self.em
        for _ in range(1 + int(rng.random() * 5)):
            y += 2 * em
            if y > sheet.height - em:
                break
            end = sheet.write_line(x, y, [*self._words(2)[:-1], self._words(1)[0] + ":"], self.type)
            stop = x + width * (0.6 + 0.4 * rng.random())
            if end + 2 * em < stop:
                sheet.rule(end + 0.5 * em, stop, y + 0.2 * em, self._shade(0.5))
                if rng.random() < 0.5:
                    sheet.write_line(end + em, y, self._words(2), self.type._replace(color=self._shade(0.8)))
        return y + em

    def _buttons(self, x: float, y: float, width: float) -> float:
        rng, sheet, em = self.rng, self.sheet, self.em
        end, stop, height = x, x + width, em * (1.7 + 0.6 * rng.random())
        for _ in range(1 + int(rng.random() * 4)):
            words = self._words(2)
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

    def _heading(self, x: float, y: float, width: float, scale: float) -> float:
        size = int(self.em * scale)
        align = 0.5 if self.rng.random() < 0.3 else 0.0
        y += 0.5 * size + LINE_HEIGHT * size
        self.sheet.write_line(x, y, self._words(4), Type(self._face(), size, self.ink), align=align, width=width)
        return y

    def _paragraph(self, x: float, y: float, width: float, foot: float, count: int) -> float:
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
            for word in self._words(6):
                shown = word.lower() if self.rng.random() < 0.7 else word
                room -= self.sheet.word_width(shown, self.type) + gap * self.em
                if room < 0:
                    return found
                found.append(shown)

    def _separator(self, y: float) -> float:
        y += 0.8 * self.em
        end = self.sheet.width - self.margin
        self.sheet.rule(self.margin, end, y, self.ink, dash=int(self.rng.random() * 8))
        return y + 0.3 * self.em

    def _picture(self, x: float, y: float, width: float, foot: float) -> float:
        """A photograph or a plain field, without text."""
        x1, x2 = max(round(x), 0), min(round(x + width), self.sheet.width)
        y1, y2 = max(round(y + 0.5 * self.em), 0), min(round(foot), self.sheet.height)
        if x2 - x1 > 8 and y2 - y1 > 8:
            self.sheet.canvas[y1:y2, x1:x2] = self.backgrounds.image(self.rng, y2 - y1, x2 - x1)
        return foot + 0.5 * self.em

    def _words(self, most: int) -> list[str]:
        for _ in range(20):
            words = self.sampler.line(self.rng, most).split()
            if words and self.sheet.book.can_draw(self.type.face, "".join(words)):
                return words
        return ["the"]

    def _face(self) -> Face:
        face = self.sheet.book.pick(self.rng, PRINTABLE[1:]) or self.sheet.book.builtin[0]
        if not self.sheet.book.can_draw(face, "the"):
            raise UserError("no font can draw English words")
        return face
