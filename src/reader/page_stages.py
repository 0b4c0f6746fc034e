"""The stages between the pixels of an image and its result: detect, connect, recognize, and turn where that helps."""

from collections.abc import Iterable, Sequence

import numpy as np

from src.data.recognition.preprocess import to_gray
from src.reader import orientation
from src.reader.cut_ends import lines_with_cut_ends
from src.reader.gutters import split_at_gutters
from src.reader.line_crops import LineCrop, cut_line
from src.reader.line_ends import longer_lines
from src.reader.line_trim import trimmed
from src.reader.mark_texts import join_marks, sure_enough
from src.reader.options import ReaderOptions
from src.reader.page_work import PageWork
from src.reader.patterns import is_pattern
from src.reader.reading_order import reading_order
from src.reader.result import Line, ReadResult, Word
from src.reader.row_marks import with_marks
from src.reader.second_reading import MARGIN, doubtful, surer
from src.reader.text_detector import TextDetector
from src.reader.text_recognizer import LineText, TextRecognizer
from src.reader.tilt import followed, level_boxes
from src.reader.whole_image import WholeImage, as_one_line, whole_image
from src.reader.word_spans import place_word, text_rows

SAMPLE = 4  # lines that are read both ways


class PageStages:
    """What a reader does with the pixels of an image.

    `detect` and `recognize` run the networks, the other stages may run in other threads.
    """

    def __init__(self, detector: TextDetector | None, recognizer: TextRecognizer | None, options: ReaderOptions):
        self._detector, self._recognizer, self._options = detector, recognizer, options

    def prepare(self, work: PageWork) -> None:
        """From pixels to the detector's input."""
        if self._options.orientation != "auto":
            work.turn = self._options.orientation
            work.pixels = orientation.turned(work.pixels, work.turn)
        self._prepare_detection(work)

    def _prepare_detection(self, work: PageWork) -> None:
        with work.timed("detect"):
            if self._detector:
                work.detect_input = self._detector.prepare(work.pixels)
                work.gray = work.detect_input.gray
            else:
                work.gray = to_gray(work.pixels)

    def detect(self, work: PageWork) -> None:
        """From the detector's input to text lines."""
        with work.timed("detect"):
            if self._detector and work.detect_input:
                found = self._detector.detect(work.detect_input)
                work.lines, work.tilt, work.half_seen = found.lines, found.tilt, found.half_seen
                work.detect_input = None
                work.notes += found.notes

    def connect(self, work: PageWork) -> None:
        """From text lines to the recognizer's inputs."""
        detected = self._detector is not None
        with work.timed("connect"):
            if detected:
                lines = trimmed(followed(work.lines, work.tilt, work.gray, self._options.oriented), work.gray)
                lines = split_at_gutters(lines, work.gray, work.tilt)
                count = len(lines)
                if self._options.narrow_lines and self._recognizer:
                    lines = with_marks(lines, work.gray, work.tilt)
                order = reading_order(level_boxes(lines, work.tilt))
                work.lines, work.is_mark = lines.take(order), order >= count
                if self._recognizer:
                    work.longer = longer_lines(work.lines, work.gray) + lines_with_cut_ends(work.lines, work.gray)
                    work.whole = as_one_line(work.gray, work.lines.boxes)
            else:
                work.lines, work.is_mark = whole_image(work.pixels), np.zeros(1, bool)
            if self._recognizer:
                margin = self._options.crop_margin if detected else 0.0
                polygons = [*work.lines.polygons, *(longer.polygon for longer in work.longer)]
                work.crops = [cut_line(work.gray, polygon, margin) for polygon in polygons]
        with work.timed("recognize"):
            if not self._recognizer:
                return
            work.prepared = [self._recognizer.prepare(crop.pixels, is_word=not detected) for crop in work.crops]
            if work.whole:
                work.prepared.append(self._recognizer.prepare(work.whole.cut(work.gray), is_word=True))

    def recognize(self, work: PageWork) -> ReadResult:
        """The recognition network, and the result."""
        with work.timed("recognize"):
            if self._recognizer:
                _read_lines(work, self._recognizer)
        if self._detector and self._recognizer and self._options.orientation == "auto":
            turn = self._turn(work, self._detector, self._recognizer)
            if turn:
                better = self._read_turned(work, turn, self._detector, self._recognizer)
                if better:
                    return better
        return self._result(self._read_again(work))

    def _read_again(self, work: PageWork) -> PageWork:
        """With a surer reading of its doubtful lines."""
        if not self._detector or not self._recognizer:
            return work
        with work.timed("recognize"):
            doubts = [index for index in doubtful(work.texts) if not work.is_mark[index]]
            crops = [cut_line(work.gray, work.lines.polygons[index], MARGIN) for index in doubts]
            again = self._recognizer.read([self._recognizer.prepare(crop.pixels) for crop in crops])
            for index, crop, text in zip(doubts, crops, again, strict=True):
                best, work.texts[index] = surer(work.texts[index], text)
                work.crops[index] = (work.crops[index], crop)[best]
        return work

    def _turn(self, work: PageWork, detector: TextDetector, recognizer: TextRecognizer) -> int:
        """Degrees clockwise that make the image upright, as far as a few lines show."""
        found = [(text.text, text.score) for text in work.texts]
        if not orientation.is_doubtful(found):
            return 0
        score = orientation.mean_score(found) if orientation.is_enough(found) else 0.0
        with work.timed("recognize"):
            if orientation.has_direction(found):
                longest = _longest(work.crops)
                upright = _texts(work.texts[index] for index in longest)
                flipped = _read_at([work.crops[index] for index in longest], 180, recognizer)
                if orientation.is_better(flipped, upright):
                    return 180
        if not orientation.may_lie_on_its_side(found) or work.half_seen < orientation.MIN_HALF_SEEN:
            return 0
        with work.timed("detect"):
            lines = detector.find_on_side(work.pixels)
        if not len(lines):
            return 0
        with work.timed("recognize"):
            side = orientation.turned(work.gray, 90)
            crops = [cut_line(side, polygon, 0.15) for polygon in lines.polygons]
            crops = [crops[index] for index in _longest(crops)]
            scores = [orientation.mean_score(_read_at(crops, way, recognizer)) for way in (0, 180)]
        if max(scores) < max(orientation.GOOD, score + orientation.BETTER):
            return 0
        return 90 if scores[0] >= scores[1] else 270

    def _read_turned(
        self, work: PageWork, turn: int, detector: TextDetector, recognizer: TextRecognizer
    ) -> ReadResult | None:
        """The result of the turned image, where more of it is read."""
        other = PageWork(work.name, work.page, work.pages, work.keep_image, turn=turn)
        other.pixels, other.times = orientation.turned(work.pixels, turn), dict(work.times)
        self._prepare_detection(other)
        self.detect(other)
        self.connect(other)
        with other.timed("recognize"):
            _read_lines(other, recognizer)
        as_it_is, as_turned = (
            orientation.evidence([(text.text, text.score) for text in each.texts]) for each in (work, other)
        )
        work.times = other.times
        if as_turned <= as_it_is:
            return None
        note = f"turned by {turn} degrees clockwise, to where its text stands upright; --orientation 0 leaves it"
        other.notes = [*work.notes, note, *(note for note in other.notes if note not in work.notes)]
        return self._result(self._read_again(other))

    def _result(self, work: PageWork) -> ReadResult:
        height, width = work.pixels.shape[:2]
        polygons = np.clip(work.lines.polygons, 0, (width - 1, height - 1))
        found = zip(work.lines.boxes.tolist(), polygons, work.lines.scores.tolist(), strict=True)
        if self._recognizer:
            # What was handed in as a line is kept, whatever is read.
            least = self._options.text_min_score if self._detector else 0.0
            read = [
                (Line(tuple(box), _corners(polygon), score, text.text, text.score, _words(text, crop, polygon)), mark)
                for (box, polygon, score), crop, text, mark in zip(
                    found, work.crops, work.texts, work.is_mark.tolist(), strict=True
                )
                if not (self._detector and is_pattern(text.text, text.score))
            ]
            lines = join_marks(sure_enough(read, least))
        else:
            lines = tuple(Line(tuple(box), _corners(polygon), score) for box, polygon, score in found)
        return ReadResult(
            image=work.name,
            width=width,
            height=height,
            lines=lines,
            time_ms={**work.times, "total": sum(work.times.values())},
            pixels=work.pixels if work.keep_image else None,
            notes=tuple(work.notes),
            page=work.page,
            pages=work.pages,
            orientation=work.turn,
        )


def _read_lines(work: PageWork, recognizer: TextRecognizer) -> None:
    """The texts of the lines, of each in the longest form that is surely right."""
    work.texts = recognizer.read(work.prepared)
    whole = work.texts.pop() if work.whole else LineText("", 0.0)
    count = len(work.lines)
    texts, crops = work.texts[count:], work.crops[count:]
    del work.texts[count:], work.crops[count:]
    better: dict[int, int] = {}  # line -> its longer form
    keep = np.ones(count, bool)
    # Parts of one line are joined before lines get more letters.
    for number in sorted(range(len(texts)), key=lambda number: work.longer[number].other is None):
        longer = work.longer[number]
        parts = [longer.index] if longer.other is None else [longer.index, longer.other]
        free = keep[parts].all() and not any(part in better for part in parts)
        if free and longer.is_better([work.texts[part] for part in parts], texts[number]):
            better[longer.index] = number
            keep[parts[1:]] = False
    for index, number in better.items():
        longer = work.longer[number]
        work.texts[index], work.crops[index] = texts[number], crops[number]
        work.lines.boxes[index], work.lines.polygons[index] = longer.box, longer.polygon
    if not keep.all():
        work.lines, work.is_mark = work.lines.take(keep), work.is_mark[keep]
        work.texts, work.crops = ([of[index] for index in np.flatnonzero(keep)] for of in (work.texts, work.crops))
    if work.whole:
        _choose(work, work.whole, whole)


def _choose(work: PageWork, whole: WholeImage, text: LineText) -> None:
    """The image as one line in the place of what was found in it, if that is the surer prediction."""
    if whole.wins((text.text, text.score), [(part.text, part.score) for part in work.texts]):
        work.lines, work.texts, work.crops = whole.lines(), [text], [LineCrop(whole.cut(work.gray))]
        work.is_mark = np.zeros(1, bool)


def _longest(crops: Sequence[LineCrop]) -> list[int]:
    """Indices of the lines that show whether text is upright."""
    lengths = [crop.pixels.shape[1] / crop.pixels.shape[0] for crop in crops]
    return sorted(range(len(crops)), key=lambda index: -lengths[index])[:SAMPLE]


def _read_at(crops: Sequence[LineCrop], turn: int, recognizer: TextRecognizer) -> list[tuple[str, float]]:
    """Texts and scores of lines turned clockwise by so many degrees."""
    return _texts(recognizer.read([recognizer.prepare(orientation.turned(crop.pixels, turn)) for crop in crops]))


def _texts(read: Iterable[LineText]) -> list[tuple[str, float]]:
    """Texts and scores, but those of a single letter, which is one from every side."""
    return [(text.text, text.score) for text in read if len(text.text) > 1]


def _corners(polygon: np.ndarray) -> tuple[tuple[float, float], ...]:
    return tuple(map(tuple, polygon.tolist()))


def _words(text: LineText, crop: LineCrop, polygon: np.ndarray) -> tuple[Word, ...]:
    words = []
    for span in text.words:
        rows = text_rows(crop.part_of_line(span.left, span.right))
        corners = place_word((crop.along_line(span.left), crop.along_line(span.right)), polygon, rows)
        box = (*corners.min(axis=0).tolist(), *corners.max(axis=0).tolist())
        words.append(Word(span.text, box, _corners(corners), span.score))
    return tuple(words)
