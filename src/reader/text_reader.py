"""A photograph in, its text out: decode, detect, connect, cut out, recognize."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from src.common.errors import UserError
from src.data.images.decode import decode_image
from src.engines.engine import open_engines
from src.reader.line_crops import cut_line
from src.reader.options import OptionError, ReaderOptions
from src.reader.reading_order import reading_order
from src.reader.result import STAGES, Line, ReadResult, Unreadable
from src.reader.text_detector import DetectInput, DetectMaps, TextDetector
from src.reader.text_recognizer import PreparedLine, TextRecognizer, alphabet_of, input_shape
from src.text_connector.detector import TextLines, rectangle
from src.weights.network_weights import NetworkWeights

READ_AHEAD = 2  # images that are decoded while the network works on another

Source = str | Path | bytes | np.ndarray


@dataclass(frozen=True)
class ImageSource:
    """Something to read and the name it has in results: a file, its bytes, or uint8 RGB pixels (H, W, 3)."""

    source: Source
    name: str


@dataclass
class _Work:
    """An image on its way through the stages; `times` in milliseconds."""

    name: str
    pixels: np.ndarray | None = None
    detect_input: DetectInput | None = None
    maps: DetectMaps | None = None
    lines: TextLines | None = None
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
        try:
            self.options = options = replace(options or ReaderOptions(), **changes)
        except TypeError as error:
            raise OptionError(f"TextReader: {error}") from None
        self._detector: TextDetector | None = None
        self._recognizer: TextRecognizer | None = None
        self.recognizer_unit = ""
        engine_options = options.engine_options()
        # Every file is looked for before a network is made ready, which takes time.
        detector = options.find_detector() if options.detect else None
        recognizer, unit = options.find_recognizer() if options.recognize else (None, "")
        wanted: list[tuple[NetworkWeights, tuple[int, ...] | None]] = []
        if detector:
            detect_options = options.detect_options(detector.card)
            wanted.append((detector, (1, 3, *detect_options.image_shape)))
        if recognizer:
            alphabet = alphabet_of(recognizer, options.alphabet)
            wanted.append((recognizer, input_shape(unit, recognizer.card.widths)))
        engines = open_engines(wanted, engine_options)
        self.engine, self.device = engines[0].name, engines[0].device
        if detector:
            self._detector = TextDetector(engines[0], detect_options, options.smallest_text)
        if recognizer:
            self._recognizer = TextRecognizer(
                engines[-1],
                alphabet,
                unit,
                recognizer.card.widths,
                batch_size=options.batch_size,
                decoder=options.decoder,
                beam_width=options.beam_width,
            )
            self.recognizer_unit = unit

    def read(self, source: Source | ImageSource, name: str = "") -> ReadResult:
        """Read one image.

        Args:
            source: a file, the bytes of one, or uint8 RGB pixels (H, W, 3).
            name: of the image in the result; the file's own by default.

        Raises:
            ImageError: the image cannot be decoded.
        """
        return self._through(self._load(_as_image(source, name)))

    def _through(self, work: _Work) -> ReadResult:
        self._detect(work)
        self._connect(work)
        return self._recognize(work)

    def read_many(self, sources: Iterable[Source | ImageSource]) -> Iterator[ReadResult | Unreadable]:
        """Read images in their order; one that cannot be read comes as `Unreadable`.

        While the networks work on an image, the next ones are decoded and the lines of the one before connected;
        not so with `threads=1`, which keeps all work to one core.
        """
        images = (_as_image(source) for source in sources)
        return self._one_by_one(images) if self.options.threads == 1 else self._pipelined(images)

    def _one_by_one(self, images: Iterator[ImageSource]) -> Iterator[ReadResult | Unreadable]:
        for work in map(self._load_or_not, images):
            yield self._through(work) if isinstance(work, _Work) else work

    def _pipelined(self, images: Iterator[ImageSource]) -> Iterator[ReadResult | Unreadable]:
        decoding: deque[Future] = deque()
        connecting: deque[Future] = deque()
        with ThreadPoolExecutor(max_workers=READ_AHEAD, thread_name_prefix="reader") as pool:

            def look_ahead() -> None:
                while len(decoding) < READ_AHEAD and (image := next(images, None)) is not None:
                    decoding.append(pool.submit(self._load_or_not, image))

            look_ahead()
            while decoding or connecting:
                if decoding:
                    work = decoding.popleft().result()
                    look_ahead()
                    if isinstance(work, _Work):
                        self._detect(work)
                    connecting.append(pool.submit(self._connect, work))
                while connecting and (len(connecting) > 1 or not decoding):
                    done = connecting.popleft().result()
                    yield self._recognize(done) if isinstance(done, _Work) else done

    def _load_or_not(self, image: ImageSource) -> _Work | Unreadable:
        try:
            return self._load(image)
        except UserError as error:
            return Unreadable(image.name, error)

    def _load(self, image: ImageSource) -> _Work:
        """Decode an image and make the detector's input of it."""
        work = _Work(image.name)
        pixels = image.source
        with work.timed("decode"):
            if not isinstance(pixels, np.ndarray):
                pixels = decode_image(pixels, max_pixels=self.options.max_pixels, name=_shown(image))
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
            raise UserError(f"{image.name}: pixels are {pixels.dtype} {pixels.shape}; expected uint8 RGB (H, W, 3)")
        work.pixels = pixels
        with work.timed("detect"):
            if self._detector:
                work.detect_input = self._detector.prepare(pixels)
        return work

    def _detect(self, work: _Work) -> None:
        """The detection network alone."""
        with work.timed("detect"):
            if self._detector:
                work.maps = self._detector.detect(work.detect_input)

    def _connect(self, work: _Work | Unreadable) -> _Work | Unreadable:
        """From the network's maps to the recognizer's inputs."""
        if isinstance(work, Unreadable):
            return work
        crops: list[np.ndarray] = []
        if self._detector:
            with work.timed("detect"):
                proposals = self._detector.propose(work.maps)
        with work.timed("connect"):
            if self._detector:
                found = self._detector.connect(work.detect_input, proposals)
                order = reading_order(found.boxes)
                work.lines = TextLines(found.boxes[order], found.scores[order], found.polygons[order])
                work.detect_input = work.maps = None
            else:
                work.lines = _whole_image(work.pixels)
            if self._recognizer:
                margin = self.options.crop_margin if self._detector else 0.0
                crops = [cut_line(work.pixels, polygon, margin) for polygon in work.lines.polygons]
        with work.timed("recognize"):
            work.prepared = [self._recognizer.prepare(crop, is_word=self._detector is None) for crop in crops]
        return work

    def _recognize(self, work: _Work) -> ReadResult:
        """The recognition network, and the result."""
        with work.timed("recognize"):
            if self._recognizer:
                texts = self._recognizer.read(work.prepared)
            else:
                texts = [(None, None)] * len(work.lines)
        least = self.options.text_min_score if self._detector else 0.0  # a word that was handed in is kept
        boxes, polygons = work.lines.boxes.tolist(), work.lines.polygons.tolist()
        lines = tuple(
            Line(tuple(box), tuple(map(tuple, polygon)), score, text, text_score)
            for box, polygon, score, (text, text_score) in zip(
                boxes, polygons, work.lines.scores.tolist(), texts, strict=True
            )
            if text_score is None or text_score >= least
        )
        height, width = work.pixels.shape[:2]
        times = {**work.times, "total": sum(work.times.values())}
        return ReadResult(work.name, width, height, lines, times, work.pixels)


def _as_image(source: Source | ImageSource, name: str = "") -> ImageSource:
    if isinstance(source, ImageSource):
        return source
    if isinstance(source, str | Path):
        return ImageSource(source, name or str(source))
    return ImageSource(source, name or "image")


def _shown(image: ImageSource) -> str:
    """What messages call the image: its path, which the name in a result may be a part of."""
    return str(image.source) if isinstance(image.source, str | Path) else image.name


def _whole_image(pixels: np.ndarray) -> TextLines:
    height, width = pixels.shape[:2]
    boxes = np.array([[0, 0, width - 1, height - 1]], np.float32)
    return TextLines(boxes, np.ones(1, np.float32), rectangle(boxes))
