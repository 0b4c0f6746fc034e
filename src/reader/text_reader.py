"""A photograph in, its text out: decode, detect, connect, cut out, recognize."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from src.common.boxes import box_corners
from src.common.errors import UserError
from src.crnn.ctc_decode import choose_decoder
from src.engines.engine import open_engines
from src.reader.image_source import ImageSource, OpenOptions, Source, as_image_source
from src.reader.line_crops import LineCrop, cut_line
from src.reader.networks import detect_options, find_detector, find_recognizer
from src.reader.options import ReaderOptions
from src.reader.page_numbers import parse_pages
from src.reader.page_queue import PageQueue
from src.reader.reading_order import reading_order
from src.reader.result import STAGES, Line, ReadResult, Unreadable, Word
from src.reader.text_detector import DetectInput, TextDetector
from src.reader.text_recognizer import LineText, PreparedLine, TextRecognizer, alphabet_of, input_shape
from src.reader.word_spans import place_word
from src.text_connector.detector import TextLines
from src.weights.network_weights import NetworkWeights

READ_AHEAD = 2  # images that are decoded while the network works on another


@dataclass
class _Work:
    """An image on its way through the stages; `times` in milliseconds."""

    name: str
    page: int = 1
    pages: int = 1
    keep_image: bool = False
    pixels: np.ndarray | None = None
    notes: list[str] = field(default_factory=list)
    detect_input: DetectInput | None = None
    lines: TextLines | None = None
    crops: list[LineCrop] = field(default_factory=list)
    prepared: list[PreparedLine] = field(default_factory=list)
    times: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add what the block takes to a stage: a stage is what is done, whichever thread does it."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.times[stage] += (time.perf_counter() - start) * 1000


class TextReader:
    """Reads text in images.

    Args:
        options: see `ReaderOptions`.
        changes: fields of `ReaderOptions` that differ from `options`: `TextReader(engine="onnxruntime")`.

    Attributes:
        engine, device: what the networks run on.
        recognizer_unit: "line", "word", or "" without recognition.

    Raises UserError (a ValueError) when weights or engine are missing; the message says what to do.
    """

    def __init__(self, options: ReaderOptions | None = None, **changes):
        self.options = options = ReaderOptions.part_of(options or ReaderOptions(), **changes)
        self._detector: TextDetector | None = None
        self._recognizer: TextRecognizer | None = None
        self.recognizer_unit = ""
        self._wanted_pages = parse_pages(options.pages)
        # Every file is looked for before a network is made ready, which takes time.
        detector = find_detector(options) if options.detect else None
        recognizer, unit = find_recognizer(options) if options.recognize else (None, "")
        wanted: list[tuple[NetworkWeights, tuple[int, ...] | None]] = []
        if detector:
            detection = detect_options(options, detector.card)
            wanted.append((detector, (1, 3, None, None)))
        if recognizer:
            alphabet = alphabet_of(recognizer, options.alphabet)
            wanted.append((recognizer, input_shape(unit, recognizer.card.widths)))
        engines = open_engines(wanted, options)
        self.weights_notes = tuple(f"{weights.path}: {note}" for weights, _ in wanted for note in weights.notes)
        self.engine, self.device = engines[0].name, engines[0].device
        if detector:
            self._detector = TextDetector(
                engines[0],
                detection,
                smallest_text=options.smallest_text,
                max_pixels=options.max_pixels_detected,
                fixed=bool(options.img_height),
            )
        if recognizer:
            self._recognizer = TextRecognizer(
                engines[-1],
                alphabet,
                unit,
                recognizer.card.widths,
                batch_size=options.batch_size,
                decode=choose_decoder(options),
            )
            self.recognizer_unit = unit

    def read(self, source: Source | ImageSource, name: str = "", *, keep_image: bool = False) -> ReadResult:
        """Read one image; of a file with several pages the first of those that are wanted.

        Args:
            source: see `ImageSource`.
            name: of the image in the result; the file's own by default.
            keep_image: whether the result holds the pixels, which `draw` needs.

        Raises:
            ImageError: the image cannot be decoded.
            NotAnImageError: a TypeError: what was given is no image.
        """
        queue = self._open(as_image_source(source, name))
        try:
            work = self._load(queue)
            if not queue.is_empty():
                work.notes.append(f"of {queue.count} pages this one was read; read_many reads all")
            work.keep_image = keep_image
            return self._through(work)
        finally:
            queue.close()

    def _through(self, work: _Work) -> ReadResult:
        self._detect(work)
        self._connect(work)
        return self._recognize(work)

    def read_many(
        self, sources: Iterable[Source | ImageSource], *, keep_image: bool = False
    ) -> Iterator[ReadResult | Unreadable]:
        """Read images in their order, page by page; what cannot be read, whatever it is, comes as `Unreadable`.

        While the networks work on an image, the next ones are decoded and the lines of the one before connected;
        not so with `threads=1`, which keeps all work to one core.
        """
        images = (as_image_source(source) for source in sources)
        if self.options.threads == 1:
            return self._one_by_one(images, keep_image)
        return self._pipelined(images, keep_image)

    def _one_by_one(self, images: Iterator[ImageSource], keep_image: bool) -> Iterator[ReadResult | Unreadable]:
        for image in images:
            work, rest = self._load_or_not(image)
            while True:
                if isinstance(work, _Work):
                    work.keep_image = keep_image
                yield self._through(work) if isinstance(work, _Work) else work
                if rest is None:
                    break
                work, rest = self._load_or_not(rest)

    def _pipelined(self, images: Iterator[ImageSource], keep_image: bool) -> Iterator[ReadResult | Unreadable]:
        decoding: deque[Future] = deque()
        connecting: deque[Future] = deque()
        with ThreadPoolExecutor(max_workers=READ_AHEAD, thread_name_prefix="reader") as pool:

            def look_ahead() -> None:
                while len(decoding) < READ_AHEAD and (image := next(images, None)) is not None:
                    decoding.append(pool.submit(self._load_or_not, image))

            look_ahead()
            while decoding or connecting:
                if decoding:
                    work, rest = decoding.popleft().result()
                    if rest is not None:  # its next page comes before other files
                        decoding.appendleft(pool.submit(self._load_or_not, rest))
                    look_ahead()
                    if isinstance(work, _Work):
                        work.keep_image = keep_image
                        self._detect(work)
                    connecting.append(pool.submit(self._connect, work))
                while connecting and (len(connecting) > 1 or not decoding):
                    done = connecting.popleft().result()
                    yield self._recognize(done) if isinstance(done, _Work) else done

    def _load_or_not(self, item: ImageSource | PageQueue) -> tuple[_Work | Unreadable, PageQueue | None]:
        """The next page of a source, or why it cannot be read, and the source if it has more."""
        name, page, pages = item.name, 1, 1
        queue = item if isinstance(item, PageQueue) else None
        work: _Work | Unreadable
        try:
            queue = queue or self._open(item)
            name, page, pages = queue.name, queue.page, queue.count
            work = self._load(queue)
        except UserError as error:
            work = Unreadable(name, error, page, pages)
        return work, None if queue is None or queue.is_empty() else queue

    def _open(self, image: ImageSource) -> PageQueue:
        return PageQueue(image, OpenOptions(self.options.max_image_pixels, self.options.dpi), self._wanted_pages)

    def _load(self, queue: PageQueue) -> _Work:
        """Decode the next page and make the detector's input of it."""
        work = _Work(queue.name, queue.page, queue.count)
        with work.timed("decode"):
            decoded = queue.decode_next()
        work.pixels, work.notes = decoded.pixels, list(decoded.notes)
        with work.timed("detect"):
            if self._detector:
                work.detect_input = self._detector.prepare(work.pixels)
        return work

    def _detect(self, work: _Work) -> None:
        """From the detector's input to text lines."""
        with work.timed("detect"):
            if self._detector:
                found = self._detector.detect(work.detect_input)
                work.lines, work.detect_input = found.lines, None
                work.notes += found.notes

    def _connect(self, work: _Work | Unreadable) -> _Work | Unreadable:
        """From text lines to the recognizer's inputs."""
        if isinstance(work, Unreadable):
            return work
        with work.timed("connect"):
            if self._detector:
                found = work.lines
                order = reading_order(found.boxes)
                work.lines = TextLines(found.boxes[order], found.scores[order], found.polygons[order])
            else:
                work.lines = _whole_image(work.pixels)
            if self._recognizer:
                margin = self.options.crop_margin if self._detector else 0.0
                work.crops = [cut_line(work.pixels, polygon, margin) for polygon in work.lines.polygons]
        with work.timed("recognize"):
            work.prepared = [
                self._recognizer.prepare(crop.pixels, is_word=self._detector is None) for crop in work.crops
            ]
        return work

    def _recognize(self, work: _Work) -> ReadResult:
        """The recognition network, and the result."""
        with work.timed("recognize"):
            texts = self._recognizer.read(work.prepared) if self._recognizer else None
        least = self.options.text_min_score if self._detector else 0.0  # a word that was handed in is kept
        found = zip(work.lines.boxes.tolist(), work.lines.polygons, work.lines.scores.tolist(), strict=True)
        if texts is None:
            lines = tuple(Line(tuple(box), _corners(polygon), score) for box, polygon, score in found)
        else:
            lines = tuple(
                Line(tuple(box), _corners(polygon), score, text.text, text.score, _words(text, crop, polygon))
                for (box, polygon, score), crop, text in zip(found, work.crops, texts, strict=True)
                if text.score >= least
            )
        height, width = work.pixels.shape[:2]
        times = {**work.times, "total": sum(work.times.values())}
        return ReadResult(
            image=work.name,
            width=width,
            height=height,
            lines=lines,
            time_ms=times,
            pixels=work.pixels if work.keep_image else None,
            notes=tuple(work.notes),
            page=work.page,
            pages=work.pages,
        )


def _corners(polygon: np.ndarray) -> tuple[tuple[float, float], ...]:
    return tuple(map(tuple, polygon.tolist()))


def _words(text: LineText, crop: LineCrop, polygon: np.ndarray) -> tuple[Word, ...]:
    words = []
    for span in text.words:
        corners = place_word((crop.along_line(span.left), crop.along_line(span.right)), polygon)
        box = (*corners.min(axis=0).tolist(), *corners.max(axis=0).tolist())
        words.append(Word(span.text, box, _corners(corners), span.score))
    return tuple(words)


def _whole_image(pixels: np.ndarray) -> TextLines:
    height, width = pixels.shape[:2]
    boxes = np.array([[0, 0, width - 1, height - 1]], np.float32)
    return TextLines(boxes, np.ones(1, np.float32), box_corners(boxes))
