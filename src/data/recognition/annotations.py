"""Readers of word recognition data sets: an image (or a place in one) and the text it shows.

Each reader gives a `WordSet`: how many items, and an iterator over them in the order of the label file. An
item is a `Word`, or a `Reject` for an unusable label; images are not opened here.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

import numpy as np

from src.common.bounded_file import LARGE, open_bounded_text
from src.common.errors import UserError
from src.common.options import OptionError
from src.data.detection.annotations.label_pairs import OUTSIDE
from src.data.recognition.word_places import WordPlaces, find_image

_LINE = re.compile(r"(.+?\.(?:jpe?g|png|bmp|gif|tiff?|webp|ppm|pgm))(?:\s*[,\t]\s*|\s+)(\S.*)", re.IGNORECASE)


class WordSetError(UserError):
    """A word data set that cannot be read at all: a file that is missing or of another format."""


class WordOptionError(WordSetError, OptionError):
    """What was asked for does not go with the data set, or names something that is not there."""


@dataclass(frozen=True)
class Word:
    """One word to be read.

    Attributes:
        image: the file.
        text: its transcription.
        name: what identifies it in reports.
        group: what must not be divided between training and validation (usually the photograph it was cut from).
        corners: float32 (4, 2), the word's corners in `image` clockwise from its top left; None for the whole.
        stored_frame: corners refer to the pixels as stored, where EXIF would turn the image.
    """

    image: Path
    text: str
    name: str
    group: str
    corners: np.ndarray | None = None
    stored_frame: bool = False


@dataclass(frozen=True)
class Reject:
    """An item that cannot be used, the countable reason, and what shows it: the row, the path looked for."""

    name: str
    reason: str
    detail: str = ""

    @property
    def group(self) -> str:
        return self.name


@dataclass(frozen=True)
class WordSet:
    """`count` items; `iterate()` starts anew each time, always in the same order."""

    count: int
    iterate: Callable[[], Iterator[Word | Reject]]


MOST_DIGITS = 18  # of a number in a label; Python makes no integer of thousands of them


def read_mjsynth(label_file: Path, image_dir: Path | None = None, lexicon: Path | None = None) -> WordSet:
    """MJSynth: lines `./2425/1/115_Lube_45484.jpg 45484`, the number being a line of lexicon.txt from 0.

    The spelling is the lexicon's; where the file's name has the same word in other case, that case is kept,
    because it is what the image shows.
    """
    words = _read_lines(lexicon or label_file.parent / "lexicon.txt")
    places = _places(label_file, image_dir)

    def parse(line: str) -> Word | Reject:
        name, _, number = line.rpartition(" ")
        name = name.strip().removeprefix("./")
        if not name or not number.isdecimal():
            return _foreign_line(line, "./path/of_image.jpg NUMBER")
        if len(number) > MOST_DIGITS or int(number) >= len(words):
            return Reject(name, "number beyond the lexicon")
        text = words[int(number)].strip()
        spelled = Path(name).stem.partition("_")[2].rpartition("_")[0]
        text = spelled if spelled.lower() == text.lower() else text
        return _word(places, name, text, group=name)

    return _line_set(label_file, parse)


def read_iiit5k(label_file: Path, image_dir: Path | None = None) -> WordSet:
    """IIIT5K-Words: `train/1009_2.png You`, or `train/1009_2.png,You` as made from the official .mat.

    Words of one photograph (1009) are one group.
    """
    places = _places(label_file, image_dir)
    return _line_set(label_file, lambda line: _named_word(places, line, _photograph, quoted=False))


def read_icdar_words(label_file: Path, image_dir: Path | None = None) -> WordSet:
    """ICDAR 2013 and 2015 word recognition: `word_1.png, "JOINT"`, quotes inside written as `\\"`."""
    places = _places(label_file, image_dir)
    return _line_set(label_file, lambda line: _named_word(places, line, lambda name: name, quoted=True))


def read_tsv(label_file: Path, image_dir: Path | None = None) -> WordSet:
    """Your own: image, tab, text; further columns are not looked at.

    Images are looked for in `image_dir`, or else beside the file and in a folder named like the file (words/).
    """
    places = _places(label_file, image_dir)
    if image_dir is None:
        places = replace(places, roots=(*places.roots, label_file.with_suffix("")))

    def parse(line: str) -> Word | Reject:
        columns = line.split("\t")
        if len(columns) < 2:
            return _foreign_line(line, "image<TAB>text")
        return _word(places, columns[0].strip(), columns[1].strip(), group=_photograph(columns[0].strip()))

    return _line_set(label_file, parse)


def group_hash(group: str) -> int:
    """A 64-bit number that depends on the name only, on every machine and in every run."""
    return int.from_bytes(hashlib.blake2b(group.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def _photograph(name: str) -> str:
    """`train/1009_2.png` -> `train/1009`: word crops are numbered within their photograph."""
    stem, underscore, number = name.rpartition(".")[0].rpartition("_")
    return stem if underscore and number.isdecimal() else name


def _named_word(places: WordPlaces, line: str, group: Callable[[str], str], *, quoted: bool) -> Word | Reject:
    match = _LINE.fullmatch(line.strip())
    if match is None:
        return _foreign_line(line, 'image.png "text"' if quoted else "image.png text")
    name, text = match[1].strip(), match[2].strip()
    if quoted and len(text) >= 2 and text[0] == text[-1] == '"':
        text = re.sub(r"\\(.)", r"\1", text[1:-1])
    return _word(places, name, text, group(name))


def _places(label_file: Path, image_dir: Path | None) -> WordPlaces:
    return WordPlaces((image_dir or label_file.parent,), label_file.parent)


def _word(places: WordPlaces, name: str, text: str, group: str) -> Word | Reject:
    if reason := text_problem(text):
        return Reject(name, reason, f"{name!r} has the text {text[:40]!r}")
    image = find_image(name, places)
    if image is None:
        return Reject(
            name,
            OUTSIDE,
            f"{name[:200]!r} leads out of '{places.roots[0]}'; --image_path takes a folder that holds them all",
        )
    return Word(image, text, name, group)


def _foreign_line(line: str, form: str) -> Reject:
    return Reject(line[:80], "not a label line", f"{line[:80]!r}, expected {form}")


def text_problem(text: str) -> str:
    """Why a transcription cannot be used in training or evaluation, "" when it can."""
    if not text.strip():
        return "empty label"
    if not text.strip("#"):
        return "marked as not readable"
    if "\ufffd" in text:
        return "label not UTF-8"
    return "" if text.isprintable() else "control characters in the label"


def _line_set(label_file: Path, parse: Callable[[str], Word | Reject]) -> WordSet:
    with _open(label_file) as file:
        count = sum(1 for line in file if line.strip())

    def iterate() -> Iterator[Word | Reject]:
        row = 0
        with _open(label_file) as file:
            for line in file:
                row += 1
                if line.strip():
                    item = parse(line.rstrip("\r\n"))
                    yield item if isinstance(item, Word) else replace(item, detail=f"row {row} {item.detail}")

    return WordSet(count, iterate)


def _read_lines(path: Path) -> list[str]:
    with _open(path) as file:
        return file.read().splitlines()


def _open(path: Path) -> TextIO:
    """UTF-8 with or without a mark; stray bytes become U+FFFD, which `text_problem` reports."""
    try:
        return open_bounded_text(path, LARGE)
    except OSError as error:
        raise WordOptionError(f"{str(path)!r}: {error.strerror or error}") from error


def held_out_threshold(words: WordSet, number: int) -> int:
    """Hash below or at which a group is held out, so that at least `number` items are (whole groups).

    Raises:
        WordSetError: nothing would be left to train on.
    """
    hashes = np.fromiter((group_hash(word.group) for word in words.iterate()), np.uint64, words.count)
    if not 0 < number < words.count:
        raise WordOptionError(f"cannot hold out {number} of {words.count} words")
    threshold = int(np.partition(hashes, number - 1)[number - 1])
    if threshold == int(hashes.max()):
        raise WordOptionError(f"holding out {number} of {words.count} words would take all groups")
    return threshold
