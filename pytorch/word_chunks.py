"""Rendered and real words as arrays of one width, for the pools that training draws from. Without PyTorch.

n words of a chunk, H input height, W input width, L label places.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from src.common.errors import UserError
from src.crnn.alphabet import Alphabet
from src.crnn.topology import IMAGE_HEIGHT, time_steps
from src.data.images.decode import ImageError
from src.data.recognition.labels import LabelRejected, LabelRules, ctc_steps
from src.data.recognition.lmdb_reader import LmdbWords
from src.data.recognition.preprocess import bucket_width, kept_ratio_width, resize_word, to_gray
from src.data.recognition.word_images import SampleError
from src.data.synthesis.words import WordSource


class WordChunk(NamedTuple):
    """images uint8 (n, H, W); labels int16 (n, L), classes padded with 0; lengths int16 (n,)."""

    images: np.ndarray
    labels: np.ndarray
    lengths: np.ndarray


def pack_words(
    words: Sequence[tuple[np.ndarray, str]], width: int, alphabet: Alphabet, keep_ratio: bool
) -> WordChunk:
    """Gray images and texts -> arrays. Words whose text is empty or does not fit the time steps are left out."""
    steps = time_steps(width)
    words = [(gray, text) for gray, text in words if 0 < ctc_steps(text) <= steps]
    chunk = WordChunk(
        np.empty((len(words), IMAGE_HEIGHT, width), np.uint8),
        np.zeros((len(words), steps), np.int16),
        np.array([len(text) for _, text in words], np.int16),
    )
    for row, (gray, text) in enumerate(words):
        chunk.images[row] = resize_word(gray, IMAGE_HEIGHT, width, keep_ratio=keep_ratio)
        chunk.labels[row, : len(text)] = alphabet.encode(text)
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
    alphabet: Alphabet
    keep_ratio: bool

    def __call__(self, task: RenderTask) -> WordChunk:
        source = self.sources[task.source]
        words = [source.sample(index) for index in range(task.first, task.first + task.count)]
        return pack_words(words, self.widths[task.source], self.alphabet, self.keep_ratio)


def real_words(lmdbs: Sequence[str], alphabet: Alphabet, widths: Sequence[int]) -> dict[int, WordChunk]:
    """All usable words of some LMDBs by input width: one stretches them to it, of several each gets the narrowest
    that holds it. Texts with characters outside the alphabet, and broken images, are left out.

    Raises UserError when nothing is left, or a data base cannot be used.
    """
    rules = LabelRules(alphabet.characters)
    found: dict[int, list[tuple[np.ndarray, str]]] = {width: [] for width in widths}
    for path in lmdbs:
        source = LmdbWords(path)
        for index in range(len(source)):
            try:
                image, text = source.sample(index)
                gray, text = to_gray(image), rules.apply(text)
            except (SampleError, ImageError, LabelRejected):
                continue
            found[bucket_width(kept_ratio_width(*gray.shape, IMAGE_HEIGHT), widths)].append((gray, text))
    chunks = {width: pack_words(words, width, alphabet, len(widths) > 1) for width, words in found.items()}
    if lmdbs and not sum(map(len, found.values())):
        raise UserError(f"train_lmdb: {', '.join(map(str, lmdbs))} hold no usable word")
    return chunks
