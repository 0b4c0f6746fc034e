"""The results of reading as files: JSON, text, hOCR and drawn image beside each other, and one CSV for all.

The JSON of `a/photo.jpg` is `a/photo.jpg.json`, the drawn image `a/photo.jpg.drawn.jpg`, so that images which
differ in their ending only do not collide. A name never leads out of the output folder (see `image_names`). Every
file is written aside and then gets its name.
"""

import csv
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from src.common.atomic_file import clear_leftovers, write_atomically
from src.common.errors import UserError
from src.common.shard import EVERYTHING, Shard
from src.reader.growing_file import GrowingFile
from src.reader.hocr import to_hocr
from src.reader.image_names import common_name, result_path
from src.reader.result import ReadResult
from src.visualize.drawing import TextsAt, write_image
from src.visualize.fonts import FontChooser

CSV_COLUMNS = ("image", "line", "x1", "y1", "x2", "y2", "score", "text", "text_score", "words")


class ImageFiles:
    """Writes the files that each image has of its own.

    Args:
        formats: as `parse_formats` gives them; "csv" has no file of an image.
        draw: whether to draw the image; "side" puts the texts beside it.

    Raises:
        UserError: a file cannot be written; the message names it.
    """

    def __init__(
        self, folder: Path, formats: Iterable[str], draw: bool | str = False, fonts: FontChooser | None = None
    ):
        self._folder, self._formats, self._draw, self._fonts = folder, frozenset(formats), draw, fonts
        self._cleared: set[Path] = set()

    def write(self, result: ReadResult) -> None:
        texts = {"json": lambda: f"{result.to_json()}\n", "hocr": lambda: to_hocr(result)}
        texts["txt"] = lambda: f"{result.text}\n" if result.text else ""
        with _naming_the_option():
            for name in sorted(self._formats & texts.keys()):
                path = self._path(result, f".{name}")
                write_atomically(path, [texts[name]().encode("utf-8", "backslashreplace")], sync=False)
            if self._draw:
                texts_at: TextsAt = "side" if self._draw == "side" else "auto"
                write_image(self._path(result, ".drawn.jpg"), result.draw(self._fonts, texts_at=texts_at))

    def _path(self, result: ReadResult, ending: str) -> Path:
        path = result_path(self._folder, result.image, ending)
        if path.parent not in self._cleared:
            clear_leftovers(path.parent)
            self._cleared.add(path.parent)
        return path


class CsvWriter:
    """`lines.csv` with one row per line, UTF-8; it gets its name when it is complete. Raises UserError.

    Its words are in the last column, as JSON has them.
    """

    def __init__(self, folder: Path, shard: Shard = EVERYTHING):
        self._file = GrowingFile(folder / common_name("lines.csv", shard))
        self.path = self._file.path
        self._writer = csv.writer(self._file)
        self._writer.writerow(CSV_COLUMNS)

    def add(self, result: ReadResult) -> None:
        for number, line in enumerate(result.lines, start=1):
            box = [f"{value:.1f}" for value in line.box]
            read = ["", "", ""]
            if line.text is not None:
                words = json.dumps([word.to_dict() for word in line.words], ensure_ascii=False)
                read = [_harmless(line.text), f"{line.text_score:.4f}", words]
            self._writer.writerow([_harmless(result.image), number, *box, f"{line.score:.4f}", *read])

    def close(self, complete: bool = True) -> None:
        self._file.close(complete)


def _harmless(text: str) -> str:
    """A text that a spreadsheet does not take for a formula: those get an apostrophe in front."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t") else text


@contextmanager
def _naming_the_option() -> Iterator[None]:
    try:
        yield
    except UserError as error:
        raise UserError(f"output_dir: {error}") from None
