"""What `predict.py` does: read the images that a configuration names and write what was read."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from src.common.atomic_file import clear_leftovers
from src.common.errors import UserError
from src.common.options import OptionError, unwritable
from src.common.printable import one_line
from src.common.shard import Shard
from src.reader.html_report import HtmlReport
from src.reader.input_files import describe, find_images
from src.reader.options import CommandOptions, parse_formats
from src.reader.page_numbers import parse_pages
from src.reader.result import ReadResult, Unreadable
from src.reader.result_files import CsvWriter, ImageFiles
from src.reader.text_reader import TextReader
from src.visualize.fonts import FontChooser

Results = Iterator[ReadResult | Unreadable]
ALL_READ, NONE_READ, SOME_READ = 0, 1, 3


def read_images(options: CommandOptions, inputs: Sequence[str]) -> int:
    """Read everything and write the results; the text goes to standard output, the rest to standard error.

    Returns:
        0 when every image was read and its results were written, 3 when that failed for some, 1 when for all.

    Raises:
        UserError: inputs, weights or engine are missing, or no results can be written at all.
    """
    formats = parse_formats(options.format) | ({"csv"} if options.csv else set())
    folder = _output_folder(options.output_dir)
    stdin = getattr(sys.stdin, "buffer", None)  # there is no sys.stdin where it was closed
    found = find_images(
        inputs, list_file=options.list_file, recursive=options.recursive, stdin=stdin, results_in=folder
    )
    shard = Shard.parse(options.shard)
    images = [image for image in found.images if shard.holds(image.name)]
    if not images:
        _log(f"shard {options.shard}: none of the {len(found.images)} images falls to it")
        return ALL_READ
    fonts = FontChooser(options.fonts or None)
    if options.threads:
        import cv2  # noqa: PLC0415 - resizing and turning images use its threads

        cv2.setNumThreads(options.threads)
    reader = TextReader(options)
    for note in reader.weights_notes:
        _log(note)
    of_images = ImageFiles(folder, formats, options.draw, fonts)
    many = len(images) > 1
    counts = _Counts(not_read=dict(found.not_read))
    start = time.perf_counter()
    try:
        with _CommonFiles(folder, shard, csv="csv" in formats, report=options.report, many=many) as common:
            results = reader.read_many(images, keep_image=bool(options.draw) or options.report)
            for result in _with_progress(results, len(images), many and not options.quiet):
                counts.add(result, options.pages)
                common.add(result)
                if isinstance(result, Unreadable):
                    _log(f"skipped {result.error}")
                    continue
                counts.not_written += not _write(result, of_images)
                if not options.quiet:
                    for note in result.notes:
                        _log(f"{result.image}: {note}")
                _print_lines(result, f"{result.image}: " if many or result.pages > 1 else "")
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NONE_READ
    if not options.quiet:
        seconds = time.perf_counter() - start
        _log(f"{counts.describe()}, {seconds:.2f} s with {reader.engine}{counts.describe_left_out('; ')}")
        _log(f"results are in {folder}")
    elif left_out := counts.describe_left_out():
        _log(left_out)
    bad = counts.bad + counts.not_written
    if bad or common.failed:
        return NONE_READ if bad == counts.total else SOME_READ
    return ALL_READ


def _write(result: ReadResult, of_images: ImageFiles) -> bool:
    """Write the files of an image; whether that went well. If not, the reason is logged."""
    try:
        of_images.write(result)
    except UserError as error:
        _log(f"{result.image}: {error}")
        return False
    return True


@dataclass
class _Counts:
    """What became of the images, each page one of them."""

    not_read: dict[str, int]  # files in folders, by ending
    total: int = 0
    bad: int = 0
    not_written: int = 0
    lines: int = 0
    with_notes: int = 0
    pages_left_out: int = 0

    def add(self, result: ReadResult | Unreadable, wanted: str) -> None:
        self.total += 1
        if isinstance(result, Unreadable):
            self.bad += 1
        else:
            self.lines += len(result.lines)
            self.with_notes += bool(result.notes)
        if result.pages > 1:
            chosen = parse_pages(wanted).chosen(result.pages)
            self.pages_left_out += result.pages - len(chosen) if result.page == chosen[0] else 0

    def describe(self) -> str:
        written = f" ({self.not_written} without all their results)" if self.not_written else ""
        return f"{self.total - self.bad} of {self.total} images{written}, {self.lines} lines"

    def describe_left_out(self, before: str = "") -> str:
        parts = []
        if self.pages_left_out:
            parts.append(f"{self.pages_left_out} pages")
        if self.not_read:
            parts.append(describe(self.not_read))
        left_out = [f"not read: {', '.join(parts)}"] if parts else []
        if self.with_notes:
            left_out.append(f"notes on {self.with_notes} images")
        return before + "; ".join(left_out) if left_out else ""


class _CommonFiles:
    """The files that hold something of every image. One that cannot be written costs nothing but itself."""

    def __init__(self, folder: Path, shard: Shard, *, csv: bool, report: bool, many: bool):
        self._folder, self._shard = folder, shard
        self._csv, self._report, self._many = csv, report, many
        self._writers: list[CsvWriter | HtmlReport] = []
        self.failed = False

    def __enter__(self) -> "_CommonFiles":
        clear_leftovers(self._folder)
        if self._csv:
            self._open(lambda: CsvWriter(self._folder, self._shard))
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for writer in self._writers:
            self._guarded(partial(writer.close, kind is None))

    def add(self, result: ReadResult | Unreadable) -> None:
        if self._report and (self._many or result.pages > 1):
            self._report = False  # it is opened once
            self._open(lambda: HtmlReport(self._folder, "Text in images", self._shard))
        for writer in list(self._writers):
            if not self._guarded(partial(_add, writer, result)):
                self._writers.remove(writer)
                self._guarded(partial(writer.close, complete=False))

    def _open(self, make: Callable[[], CsvWriter | HtmlReport]) -> None:
        self._guarded(lambda: self._writers.append(make()))

    def _guarded(self, work: Callable[[], None]) -> bool:
        try:
            work()
        except UserError as error:
            self.failed = True
            _log(f"{error}")
            return False
        return True


def _add(writer: CsvWriter | HtmlReport, result: ReadResult | Unreadable) -> None:
    """What could not be read is in the report, and in no table."""
    if isinstance(writer, CsvWriter):
        if isinstance(result, ReadResult):
            writer.add(result)
    else:
        writer.add(result)


def _output_folder(name: str) -> Path:
    """The folder of the results, which is there when this returns."""
    folder = Path(name)
    try:
        if not name:
            raise ValueError("is empty; give a folder")
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        kind = unwritable(error) if isinstance(error, OSError) else OptionError
        raise kind(f"output_dir: '{name}' cannot be a folder of results: {reason}") from None
    return folder


def _with_progress(results: Results, total: int, wanted: bool) -> Results:
    if not wanted or not sys.stderr.isatty():
        yield from results
        return
    from rich.console import Console  # noqa: PLC0415 - a quarter of a second that one image does not need
    from rich.progress import Progress  # noqa: PLC0415

    with Progress(console=Console(stderr=True), redirect_stdout=False) as progress:
        task = progress.add_task("reading", total=total)
        for result in results:
            yield result
            progress.advance(task, 1 / result.pages)


def _print_lines(result: ReadResult, prefix: str) -> None:
    for line in result.lines:
        if line.text is None:
            print(f"{prefix}{','.join(f'{value:.0f}' for value in line.box)} {line.score:.2f}", flush=True)
        elif line.text:
            print(f"{prefix}{line.text}", flush=True)


def _log(text: str) -> None:
    print(one_line(text), file=sys.stderr, flush=True)
