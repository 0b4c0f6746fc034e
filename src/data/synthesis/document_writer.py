"""Whole documents: pages, receipts, screens and tables, each with what stands on it."""

from collections.abc import Callable

from src.data.synthesis.document_parts import DocumentParts
from src.data.synthesis.document_sheet import LINE_HEIGHT, Type
from src.data.synthesis.lexicon import DIGITS


class DocumentWriter(DocumentParts):
    """Fills one sheet with a kind of document."""

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
            y = self.heading(self.margin, y, sheet.width - 2 * self.margin, 1.3 + rng.random())
        columns = 1 + int(rng.random() < 0.45) + int(rng.random() < 0.1)
        space = 1.5 * em
        width = (sheet.width - 2 * self.margin - space * (columns - 1)) / columns
        foot = sheet.height - 2.5 * em
        for column in range(columns):
            x, line = self.margin + column * (width + space), y
            while line < foot - 2 * em:
                if rng.random() < 0.12:
                    line = self.image(x, line, width, min(foot, line + width * (0.3 + 0.4 * rng.random())))
                elif rng.random() < 0.2:
                    line = self.heading(x, line, width, 1.0 + 0.4 * rng.random())
                line = self.paragraph(x, line, width, foot, 2 + int(rng.random() * 8))
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
            sheet.write_line(self.margin, y, self.words(4), self.type, align=0.5, width=width)
        y = self.separator(y)
        foot = sheet.height - 4 * em
        while y < foot:
            if rng.random() < 0.1:
                y = self.separator(y)
            type_ = Type(self.face(), int(1.4 * em), self.ink) if rng.random() < 0.06 else self.type
            size = type_.em
            y += LINE_HEIGHT * size * (1 + 0.4 * rng.random())
            start = self.margin
            if rng.random() < 0.4:
                start = sheet.write_line(start, y, [DIGITS[int(rng.random() * 10)]], type_) + 1.5 * size
            end = sheet.write_line(start, y, self.words(3), type_)
            price = f"{10 ** (rng.random() * 3):.2f}"
            place = sheet.width - self.margin - sheet.word_width(price, type_)
            if place > end + 0.5 * size:
                sheet.write_line(place, y, [price], type_)
        sheet.write_line(self.margin, y + LINE_HEIGHT * em, self.words(4), self.type, align=0.5, width=width)

    def _screen(self) -> None:
        rng, sheet, em = self.rng, self.sheet, self.em
        bar = 2.2 * em
        sheet.fill(0, 0, sheet.width, bar, self.shade(0.1 + 0.3 * rng.random()))
        x: float = em
        while x < sheet.width - 6 * em:  # a menu
            x = sheet.write_line(x, 0.65 * bar, self.words(2), self.type) + em * (1 + 1.5 * rng.random())
        side = sheet.width * (0.18 + 0.1 * rng.random()) if rng.random() < 0.6 else 0.0
        sheet.fill(0, bar, side, sheet.height, self.shade(0.06))
        y = bar + em
        while side and y < sheet.height - 2 * em:
            y += em * (1.5 + rng.random())
            if rng.random() < 0.5:
                sheet.fill(0.5 * em, y - 0.8 * em, 1.3 * em, y, self.shade(0.5))
            words = self.words(2)
            sheet.write_line(
                2 * em, y, words if sheet.line_width(words, self.type) < side - 2.5 * em else [], self.type
            )
        x, y, width = side + 1.5 * em, bar + em, sheet.width - side - 3 * em
        while y < sheet.height - 3 * em:
            choice = rng.random()
            if choice < 0.2:
                y = self.heading(x, y, width, 1.2 + 0.6 * rng.random())
            elif choice < 0.45:
                y = self.buttons(x, y + 0.8 * em, width)
            elif choice < 0.6:
                y = self.table(x, y + em, width, y + (3 + 7 * rng.random()) * 1.8 * em)
            elif choice < 0.7:
                y = self.image(x, y, width * (0.3 + 0.7 * rng.random()), y + em * (4 + 6 * rng.random()))
            else:
                y = self.paragraph(x, y, width, sheet.height - em, 1 + int(rng.random() * 4))

    def _table_page(self) -> None:
        rng, sheet, em = self.rng, self.sheet, self.em
        x, y, width = self.margin, self.margin, sheet.width - 2 * self.margin
        while y < sheet.height - 4 * em:
            if rng.random() < 0.5:
                y = self.heading(x, y, width, 1.0 + 0.5 * rng.random())
            if rng.random() < 0.3:
                y = self.form_rows(x, y, width)
            y = self.table(x, y + em, width, y + (4 + 12 * rng.random()) * 1.8 * em) + em
