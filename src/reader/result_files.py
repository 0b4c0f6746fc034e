"""The results of reading as files: JSON and drawn image beside each other, and one CSV for all.

The JSON of `a/photo.jpg` is `a/photo.jpg.json`, the drawn image `a/photo.jpg.drawn.jpg`, so that images which
differ in their ending only do not collide. A name never leads out of the output folder.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from src.common.atomic_file import write_atomically
from src.common.errors import UserError
from src.common.inner_path import inner_path
from src.reader.growing_file import GrowingFile
from src.reader.result import ReadResult
from src.visualize.fonts import FontChooser
from src.visualize.image_sheet import write_image

CSV_COLUMNS = ("image", "line", "x1", "y1", "x2", "y2", "score", "text", "text_score")


def result_path(folder: Path, name: str, ending: str) -> Path:
    """The file with `ending` for the image `name`, inside `folder`."""
    inner = inner_path(name)
    return folder / inner.with_name(f"{inner.name}{ending}")


def write_json(result: ReadResult, folder: Path) -> Path:
    path = result_path(folder, result.image, ".json")
    with _naming_the_option():
        write_atomically(path, [result.to_json().encode(), b"\n"], sync=False)
    return path


def write_drawn(result: ReadResult, folder: Path, fonts: FontChooser | None = None) -> Path:
    path = result_path(folder, result.image, ".drawn.jpg")
    with _naming_the_option():
        write_image(path, result.draw(fonts))
    return path


class CsvWriter:
    """`lines.csv` with one row a line, UTF-8; rows are there as soon as their image is read."""

    def __init__(self, folder: Path):
        self.path = folder / "lines.csv"
        self._file = GrowingFile(self.path)
        self._writer = csv.writer(self._file)
        self._writer.writerow(CSV_COLUMNS)

    def add(self, result: ReadResult) -> None:
        for number, line in enumerate(result.lines, start=1):
            box = [f"{value:.1f}" for value in line.box]
            read = ["", ""] if line.text is None else [_harmless(line.text), f"{line.text_score:.4f}"]
            self._writer.writerow([_harmless(result.image), number, *box, f"{line.score:.4f}", *read])
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def _harmless(text: str) -> str:
    """A text that a spreadsheet does not take for a formula: those get an apostrophe in front."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t") else text


@contextmanager
def _naming_the_option() -> Iterator[None]:
    try:
        yield
    except UserError as error:
        raise UserError(f"output_dir: {error}") from None
