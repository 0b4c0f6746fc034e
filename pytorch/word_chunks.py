"""Rendered and real words as arrays of one width, for the pools that training draws from. Without PyTorch.

n words of a chunk, H input height, W input width, K alphabets, L label places.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from src.common.boxes import size_of
from src.common.errors import UserError
from src.crnn.alphabet import Alphabet
from src.crnn.topology import IMAGE_HEIGHT, time_steps
from src.data.images.decode import ImageError
from src.data.recognition.labels import LabelRejected, LabelRules, ctc_steps
from src.data.recognition.lmdb_reader import LmdbWords
from src.data.recognition.preprocess import bucket_width, kept_ratio_width, resize_word, to_gray
from src.data.recognition.word_images import SampleError
from src.data.synthesis.words import WordSource

UNLABELED = -1  # length of a label that an image does not have


class WordChunk(NamedTuple):
    """images uint8 (n, H, W); labels int16 (n, K, L), classes padded with 0; lengths int16 (n, K)."""

    images: np.ndarray
    labels: np.ndarray
    lengths: np.ndarray


@dataclass(frozen=True)
class RealSet:
    """One LMDB of real words.

    Attributes:
        weight: how often its words are drawn, beside those of the other sets; 0 goes by their number.
        plain: its labels leave out case or punctuation whatever the image shows, so they teach no alphabet with case.
    """

    source: LmdbWords
    weight: float = 0.0
    plain: bool = False


class RealWords(NamedTuple):
    """Words of one width and how often each is drawn.

    Attributes:
        chunk: n words.
        weights: float64 (n,).
    """

    chunk: WordChunk
    weights: np.ndarray


def labels_of(
    text: str, alphabets: Sequence[Alphabet], steps: int, *, plain: bool = False
) -> tuple[str | None, ...] | None:
    """What each alphabet reads of `text`, or None where it learns nothing from it; None when no alphabet does.

    An alphabet without case reads letters and digits only, as the public word sets are evaluated. One with case
    reads everything, so it learns neither from `plain` text nor from text with characters that it has not. A label
    that does not fit the time steps is none.
    """

    def label(alphabet: Alphabet) -> str | None:
        if alphabet.has_case and plain:
            return None
        try:
            found = LabelRules(alphabet.characters, "drop" if alphabet.has_case else "strip").apply(text)
        except LabelRejected:
            return None
        foreign = any(char.isalnum() and char not in alphabet.characters for char in text.lower())
        return None if (foreign and not alphabet.has_case) or ctc_steps(found) > steps else found

    labels = tuple(label(alphabet) for alphabet in alphabets)
    return labels if any(labels) else None


def pack_words(
    words: Sequence[tuple[np.ndarray, Sequence[str | None]]],
    width: int,
    alphabets: Sequence[Alphabet],
    keep_ratio: bool,
) -> WordChunk:
    """Gray images and their labels for each alphabet, as `labels_of` gives them, -> arrays."""
    steps = time_steps(width)
    chunk = WordChunk(
        np.empty((len(words), IMAGE_HEIGHT, width), np.uint8),
        np.zeros((len(words), len(alphabets), steps), np.int16),
        np.full((len(words), len(alphabets)), UNLABELED, np.int16),
    )
    for row, (gray, labels) in enumerate(words):
        chunk.images[row] = resize_word(gray, IMAGE_HEIGHT, width, keep_ratio=keep_ratio)
        for column, (alphabet, label) in enumerate(zip(alphabets, labels, strict=True)):
            if label:
                chunk.labels[row, column, : len(label)] = alphabet.encode(label)
                chunk.lengths[row, column] = len(label)
    return chunk


@dataclass(frozen=True)
class RenderTask:
    """Words first .. first + count - 1 of source number `source`."""

    source: int
    first: int
    count: int


@dataclass(frozen=True)
class WordRenderer:
    """Renders chunks of words, each source at its width; plain data, so that it can be sent to a process."""

    sources: Sequence[WordSource]
    widths: Sequence[int]
    alphabets: Sequence[Alphabet]
    keep_ratio: bool

    def __call__(self, task: RenderTask) -> WordChunk:
        source, width = self.sources[task.source], self.widths[task.source]
        words = (source.sample(index) for index in range(task.first, task.first + task.count))
        labeled = ((gray, labels_of(text, self.alphabets, time_steps(width))) for gray, text in words)
        usable = [(gray, labels) for gray, labels in labeled if labels]
        return pack_words(usable, width, self.alphabets, self.keep_ratio)


def real_words(
    sets: Sequence[RealSet], alphabets: Sequence[Alphabet], widths: Sequence[int]
) -> tuple[dict[int, RealWords], Counter]:
    """All usable words of some LMDBs by input width, and how many were left out, by reason.

    One width stretches the words to it, of several each word gets the narrowest that holds it.

    Raises:
        UserError: nothing is left, or an LMDB cannot be used.
    """
    found: dict[int, list] = {width: [] for width in widths}  # (number of the set, image, labels)
    left_out: Counter = Counter()
    for number, each in enumerate(sets):
        for index in range(len(each.source)):
            try:
                image, text = each.source.sample(index)
                gray = to_gray(image)
            except (SampleError, ImageError) as error:
                left_out[error.reason] += 1
                continue
            width = bucket_width(kept_ratio_width(*size_of(gray), IMAGE_HEIGHT), widths)
            labels = labels_of(text, alphabets, time_steps(width), plain=each.plain)
            if labels:
                found[width].append((number, gray, labels))
            else:
                left_out["no alphabet can learn from the label"] += 1
    sizes = Counter(number for words in found.values() for number, *_ in words)
    if not sizes:
        raise UserError(f"train_lmdb: {', '.join(str(each.source.path) for each in sets)} hold no usable word")
    share = [each.weight / sizes[number] if each.weight else 1.0 for number, each in enumerate(sets)]
    packed = {
        width: RealWords(
            pack_words([word for _, *word in words], width, alphabets, len(widths) > 1),
            np.array([share[number] for number, *_ in words]),
        )
        for width, words in found.items()
        if words
    }
    return packed, left_out
