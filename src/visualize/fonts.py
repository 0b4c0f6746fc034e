"""A font that can show a text: a given file, the best of a given folder, or Pillow's built-in one."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from PIL import Image, ImageDraw, ImageFont

from src.common.options import OptionError

FONT_SUFFIXES = (".ttf", ".otf", ".ttc", ".otc")

_NEVER_ASSIGNED = "\U0010fffe"  # a noncharacter: every font shows it as its "missing" glyph


class FontChooser:
    """Chooses a font for every text by the glyphs it has, and keeps what it opened.

    Args:
        fonts: a font file, a folder of them (searched with its sub-folders), or None.

    Raises:
        UserError: `fonts` is not there, not a font, or a folder without one.
    """

    def __init__(self, fonts: str | Path | None = None):
        self._files: list[Path | None] = [None]  # None is Pillow's own, which has Latin letters only
        self._opened: dict[tuple[Path | None, int], ImageFont.FreeTypeFont] = {}
        self._has: dict[tuple[Path | None, str], bool] = {}
        if fonts is None:
            return
        path = Path(fonts)
        if path.is_dir():
            found = sorted(
                file for file in path.rglob("*") if file.suffix.lower() in FONT_SUFFIXES and file.is_file()
            )
            self._files = [*[file for file in found if self._opens(file)], None]
            if len(self._files) == 1:
                raise OptionError(f"no font ({', '.join(FONT_SUFFIXES)}) in folder {path}")
        elif self._opens(path):
            self._files = [path, None]
        else:
            raise OptionError(f"not a font file: {path}")

    def choose(self, text: str, size: int, also: str = "") -> ImageFont.FreeTypeFont:
        """The font with most characters of the text; of equal ones that with most of `also`, then the first.

        `also` is what else is written on the same image, so that all of it comes in one font if it can.
        """
        letters, others = _letters(text), _letters(also)
        best, best_missing = self._files[0], (len(letters) + 1, 0)
        for file in self._files:
            missing = (self._missing(file, letters), self._missing(file, others))
            if missing < best_missing:
                best, best_missing = file, missing
            if missing == (0, 0):
                break
        return self._open(best, max(size, 1))

    def _missing(self, file: Path | None, letters: set[str]) -> int:
        return sum(not self._has_glyph(file, letter) for letter in letters)

    def _open(self, file: Path | None, size: int) -> ImageFont.FreeTypeFont:
        if (file, size) not in self._opened:
            font = (
                cast(ImageFont.FreeTypeFont, ImageFont.load_default(size))
                if file is None
                else ImageFont.truetype(str(file), size)
            )
            self._opened[file, size] = font
        return self._opened[file, size]

    def _opens(self, file: Path) -> bool:
        try:
            self._open(file, 16)
        except OSError:
            return False
        return True

    def _has_glyph(self, file: Path | None, letter: str) -> bool:
        if (file, letter) not in self._has:
            font = self._open(file, 24)
            self._has[file, letter] = _image(font, letter) != _image(font, _NEVER_ASSIGNED)
        return self._has[file, letter]


def _letters(text: str) -> set[str]:
    return {letter for letter in text if not letter.isspace()}


def _image(font: ImageFont.FreeTypeFont, letter: str) -> tuple[float, bytes]:
    canvas = Image.new("L", (48, 48))
    ImageDraw.Draw(canvas).text((8, 4), letter, fill=255, font=font)
    return font.getlength(letter), canvas.tobytes()


def shorten(text: str, width: float, font: ImageFont.FreeTypeFont) -> str:
    """The text, or as much of its beginning as fits into `width` pixels with an ellipsis."""
    if font.getlength(text) <= width:
        return text
    low, high = 0, len(text)
    while low < high:  # the longest beginning that fits
        middle = (low + high + 1) // 2
        if font.getlength(text[:middle] + "…") <= width:
            low = middle
        else:
            high = middle - 1
    return text[:low] + "…"


def one_line(text: str) -> str:
    """The text with line ends and control characters made visible as spaces."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def texts_or_none(texts: Sequence[str] | None, count: int) -> Sequence[str]:
    """`count` texts, empty ones where none are given; ValueError when there are not as many as shapes."""
    if texts is None:
        return [""] * count
    if len(texts) != count:
        raise ValueError(f"there are {count} shapes, but {len(texts)} texts")
    return texts
