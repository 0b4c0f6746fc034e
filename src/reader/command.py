"""What `predict.py` does: read the images that a configuration names and write what was read."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from src.reader.html_report import HtmlReport
from src.reader.input_files import find_images
from src.reader.options import ReaderOptions
from src.reader.result import ReadResult, Unreadable
from src.reader.result_files import CsvWriter, write_drawn, write_json
from src.reader.text_reader import TextReader
from src.text_connector.detector import ConnectorParams
from src.visualize.fonts import FontChooser

ALL_READ, NONE_READ, SOME_READ = 0, 1, 3


def reader_options(config: Any) -> ReaderOptions:
    """The options of the reader as configs/predict.yaml names them."""

    def of_card_or(value: str) -> bool | None:
        return None if value == "auto" else value == "true"

    # What is not given is left to the card of the weights.
    named = {item.name: getattr(config, item.name) for item in fields(ConnectorParams) if item.name in config.given}
    named.pop("side_refinement", None)
    image_shape = (config.img_height, config.img_width)
    return ReaderOptions(
        detect=config.detect,
        recognize=config.recognize,
        recognizer=config.recognizer,
        ctpn_weights=config.ctpn_weights,
        crnn_weights=config.crnn_weights,
        crnn_lines_weights=config.crnn_lines_weights,
        engine=config.engine,
        threads=config.threads,
        precision=config.precision,
        cache_dir=config.cache_dir or None,
        image_shape=image_shape if any(image_shape) else None,
        keep_ratio=of_card_or(config.keep_ratio),
        side_refinement=of_card_or(config.side_refinement),
        nms_pre=config.rpn_nms_pre,
        nms_threshold=config.rpn_nms_thr,
        max_num=config.rpn_max_num,
        connector=named,
        smallest_text=config.smallest_text,
        crop_margin=config.crop_margin,
        text_min_score=config.text_min_score,
        alphabet=config.alphabet,
        decoder=config.decoder,
        beam_width=config.beam_width,
        batch_size=config.batch_size,
        max_pixels=config.max_image_pixels,
        pages=config.pages,
        dpi=config.dpi,
    )


def read_images(config: Any, inputs: Sequence[str]) -> int:
    """Read everything and write the results; the text goes to standard output, the rest to standard error.

    Returns:
        0 when every image was read, 3 when some could not be, 1 when none could be.

    Raises:
        UserError: inputs, weights or engine are missing, or results cannot be written.
    """
    options = reader_options(config)
    folder = Path(config.output_dir)
    stdin = sys.stdin.buffer if "-" in inputs else None
    images = find_images(
        inputs, list_file=config.list_file, recursive=config.recursive, stdin=stdin, leave_out=folder
    )
    fonts = FontChooser(config.fonts or None)
    if config.threads:
        import cv2  # noqa: PLC0415 - resizing and turning images use its threads

        cv2.setNumThreads(config.threads)
    reader = TextReader(options)
    many = len(images) > 1
    start, lines, bad = time.perf_counter(), 0, 0
    try:
        with _writers(config, folder, fonts, many) as writers:
            results = reader.read_many(images, keep_image=config.draw or config.report)
            for result in _with_progress(results, len(images), many and not config.quiet):
                for writer in writers:
                    if isinstance(result, ReadResult) or isinstance(writer, HtmlReport):
                        writer.add(result)
                if isinstance(result, Unreadable):
                    bad += 1
                    print(f"skipped {result.error}", file=sys.stderr, flush=True)
                    continue
                lines += len(result.lines)
                write_json(result, folder)
                if config.draw:
                    write_drawn(result, folder, fonts)
                _print_lines(result, f"{result.image}: " if many else "")
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NONE_READ
    if not config.quiet:
        seconds = time.perf_counter() - start
        count = f"{len(images) - bad} of {len(images)} images"
        _note(f"{count}, {lines} lines, {seconds:.2f} s with {reader.engine}")
        _note(f"results are in {folder}")
    if bad:
        return NONE_READ if bad == len(images) else SOME_READ
    return ALL_READ


@contextmanager
def _writers(config: Any, folder: Path, fonts: FontChooser, many: bool) -> Iterator[list]:
    """The files that grow with every image; all are closed, whatever happens to one of them."""
    writers: list[CsvWriter | HtmlReport] = []
    complete = False
    with ExitStack() as closing:
        if config.csv:
            table = CsvWriter(folder)
            closing.callback(table.close)
            writers.append(table)
        if config.report and many:
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
