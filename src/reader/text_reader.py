"""A photograph in, its text out: decode, detect, connect, cut out, recognize."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from src.common.errors import UserError
from src.crnn.decoder import choose_decoder
from src.data.loading.prefetch import work_ahead
from src.engines.engine import InputShape, open_engines
from src.reader.image_source import ImageSource, OpenOptions, Source, as_image_source
from src.reader.networks import detect_options, find_detector, find_recognizer
from src.reader.options import ReaderOptions
from src.reader.page_numbers import parse_pages
from src.reader.page_queue import PageQueue
from src.reader.page_stages import PageStages
from src.reader.page_work import PageWork
from src.reader.result import ReadResult, Unreadable
from src.reader.text_detector import TextDetector
from src.reader.text_recognizer import TextRecognizer, alphabet_of, input_shape
from src.weights.network_weights import NetworkWeights

READ_AHEAD = 2  # images that are decoded while the network works on another


class TextReader:
    """Reads text in images.

    Args:
        options: see `ReaderOptions`.
        changes: fields of `ReaderOptions` that differ from `options`: `TextReader(engine="onnxruntime")`.

    Attributes:
        engine, device: what the networks run on.
        recognizer_unit: "line", "word", or "" without recognition.

    Raises:
        UserError: weights or engine are missing; the message has the remedy.
    """

    def __init__(self, options: ReaderOptions | None = None, **changes: Any):
        self.options = options = ReaderOptions.part_of(options or ReaderOptions(), **changes)
        self.recognizer_unit = ""
        self._wanted_pages = parse_pages(options.pages)
        # Every file is looked for before a network is made ready, which takes time.
        detector = find_detector(options) if options.detect else None
        recognizer, unit = find_recognizer(options) if options.recognize else (None, "")
        wanted: list[tuple[NetworkWeights, InputShape | None]] = []
        if detector:
            detection = detect_options(options, detector.card)
            wanted.append((detector, (1, 3, None, None)))
        if recognizer:
            alphabet = alphabet_of(recognizer, options.alphabet)
            wanted.append((recognizer, input_shape(unit, recognizer.card.widths)))
        engines = open_engines(wanted, options)
        self.weights_notes = tuple(f"{weights.path}: {note}" for weights, _ in wanted for note in weights.notes)
        self.engine, self.device = engines[0].name, engines[0].device
        text_detector = text_recognizer = None
        if detector:
            text_detector = TextDetector(
                engines[0],
                detection,
                smallest_text=options.smallest_text,
                max_pixels=options.max_pixels_detected,
                fixed=bool(options.img_height),
            )
        if recognizer:
            text_recognizer = TextRecognizer(
                engines[-1],
                alphabet,
                unit,
                recognizer.card.widths,
                batch_size=options.batch_size,
                decode=choose_decoder(options, alphabet),
            )
            self.recognizer_unit = unit
        self._stages = PageStages(text_detector, text_recognizer, options)

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

    def _through(self, work: PageWork) -> ReadResult:
        self._stages.detect(work)
        self._stages.connect(work)
        return self._stages.recognize(work)

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
                if isinstance(work, PageWork):
                    work.keep_image = keep_image
                yield self._through(work) if isinstance(work, PageWork) else work
                if rest is None:
                    break
                work, rest = self._load_or_not(rest)

    def _pipelined(self, images: Iterator[ImageSource], keep_image: bool) -> Iterator[ReadResult | Unreadable]:
        with ThreadPoolExecutor(max_workers=READ_AHEAD, thread_name_prefix="reader") as pool:
            detected = self._detected(images, keep_image, pool)
            for _, done in work_ahead(lambda work: pool.submit(self._connect, work), detected, 1):
                yield self._stages.recognize(done) if isinstance(done, PageWork) else done

    def _detected(
        self, images: Iterator[ImageSource], keep_image: bool, pool: ThreadPoolExecutor
    ) -> Iterator[PageWork | Unreadable]:
        """Every page after detection; the next ones are decoded meanwhile.

        A queue of its own, because the next page of a file comes before other files that are already being decoded.
        """
        decoding: deque[Future] = deque()

        def look_ahead() -> None:
            while len(decoding) < READ_AHEAD and (image := next(images, None)) is not None:
                decoding.append(pool.submit(self._load_or_not, image))

        look_ahead()
        while decoding:
            work, rest = decoding.popleft().result()
            if rest is not None:
                decoding.appendleft(pool.submit(self._load_or_not, rest))
            look_ahead()
            if isinstance(work, PageWork):
                work.keep_image = keep_image
                self._stages.detect(work)
            yield work

    def _load_or_not(self, item: ImageSource | PageQueue) -> tuple[PageWork | Unreadable, PageQueue | None]:
        """The next page of a source, or why it cannot be read, and the source if it has more."""
        name, page, pages = item.name, 1, 1
        queue: PageQueue | None = None
        work: PageWork | Unreadable
        try:
            queue = item if isinstance(item, PageQueue) else self._open(item)
            name, page, pages = queue.name, queue.page, queue.count
            work = self._load(queue)
        except UserError as error:
            work = Unreadable(name, error, page, pages)
        return work, None if queue is None or queue.is_empty() else queue

    def _open(self, image: ImageSource) -> PageQueue:
        return PageQueue(image, OpenOptions(self.options.max_image_pixels, self.options.dpi), self._wanted_pages)

    def _load(self, queue: PageQueue) -> PageWork:
        """Decode the next page and make the detector's input of it."""
        work = PageWork(queue.name, queue.page, queue.count)
        with work.timed("decode"):
            decoded = queue.decode_next()
        work.pixels, work.notes = decoded.pixels, list(decoded.notes)
        self._stages.prepare(work)
        return work

    def _connect(self, work: PageWork | Unreadable) -> PageWork | Unreadable:
        if isinstance(work, PageWork):
            self._stages.connect(work)
        return work
