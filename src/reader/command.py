"""What `predict.py` does: read the images that a configuration names and write what was read."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from src.common.shard import Shard
from src.reader.html_report import HtmlReport
from src.reader.input_files import find_images
from src.reader.options import CommandOptions
from src.reader.result import ReadResult, Unreadable
from src.reader.result_files import CsvWriter, write_drawn, write_json
from src.reader.text_reader import TextReader
from src.visualize.fonts import FontChooser

ALL_READ, NONE_READ, SOME_READ = 0, 1, 3


def read_images(options: CommandOptions, inputs: Sequence[str]) -> int:
    """Read everything and write the results; the text goes to standard output, the rest to standard error.

    Returns:
        0 when every image was read, 3 when some could not be, 1 when none could be.

    Raises:
        UserError: inputs, weights or engine are missing, or results cannot be written.
    """
    folder = Path(options.output_dir)
    stdin = sys.stdin.buffer if "-" in inputs else None
    images = find_images(
        inputs, list_file=options.list_file, recursive=options.recursive, stdin=stdin, leave_out=folder
    )
    shard = Shard.parse(options.shard)
    found, images = len(images), [image for image in images if shard.holds(image.name)]
    if not images:
        _note(f"shard {options.shard}: none of the {found} images falls to it")
        return ALL_READ
    fonts = FontChooser(options.fonts or None)
    if options.threads:
        import cv2  # noqa: PLC0415 - resizing and turning images use its threads

        cv2.setNumThreads(options.threads)
    reader = TextReader(options)
    for note in reader.weights_notes:
        _note(note)
    many = len(images) > 1
    start, lines, bad = time.perf_counter(), 0, 0
    try:
        with _writers(options, folder, fonts, many) as writers:
            results = reader.read_many(images, keep_image=options.draw or options.report)
            for result in _with_progress(results, len(images), many and not options.quiet):
                for writer in writers:
                    if isinstance(result, ReadResult) or isinstance(writer, HtmlReport):
                        writer.add(result)
                if isinstance(result, Unreadable):
                    bad += 1
                    print(f"skipped {result.error}", file=sys.stderr, flush=True)
                    continue
                lines += len(result.lines)
                write_json(result, folder)
                if options.draw:
                    write_drawn(result, folder, fonts)
                _print_lines(result, f"{result.image}: " if many else "")
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NONE_READ
    if not options.quiet:
        seconds = time.perf_counter() - start
        count = f"{len(images) - bad} of {len(images)} images"
        _note(f"{count}, {lines} lines, {seconds:.2f} s with {reader.engine}")
        _note(f"results are in {folder}")
    if bad:
        return NONE_READ if bad == len(images) else SOME_READ
    return ALL_READ


@contextmanager
def _writers(options: CommandOptions, folder: Path, fonts: FontChooser, many: bool) -> Iterator[list]:
    """The files that grow with every image; all are closed, whatever happens to one of them."""
    writers: list[CsvWriter | HtmlReport] = []
    complete = False
    with ExitStack() as closing:
        if options.csv:
            table = CsvWriter(folder)
            closing.callback(table.close)
            writers.append(table)
        if options.report and many:
            report = HtmlReport(folder, "Text in images", fonts)
            closing.callback(lambda: report.close(complete))
            writers.append(report)
        yield writers
        complete = True


def _with_progress(results: Iterator, total: int, wanted: bool) -> Iterator:
    if not wanted or not sys.stderr.isatty():
        yield from results
        return
    from rich.console import Console  # noqa: PLC0415 - a quarter of a second that one image does not need
    from rich.progress import Progress  # noqa: PLC0415

    with Progress(console=Console(stderr=True), redirect_stdout=False) as progress:
        task = progress.add_task("reading", total=total)
        for result in results:
            yield result
            progress.advance(task)


def _print_lines(result: ReadResult, prefix: str) -> None:
    for line in result.lines:
        if line.text is None:
            print(f"{prefix}{','.join(f'{value:.0f}' for value in line.box)} {line.score:.2f}", flush=True)
        elif line.text:
            print(f"{prefix}{line.text}", flush=True)


def _note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
