"""The recognition network with an engine: from cut-out lines to their texts.

Two kinds of recognizer stand behind one interface: a "line" model reads a whole line at its own width, spaces
included; a "word" model reads the words that a line is split into at its gaps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from src.crnn.alphabet import NAMED, Alphabet, AlphabetError
from src.crnn.ctc_decode import Decoded, beam_search_decode, greedy_decode
from src.crnn.topology import IMAGE_HEIGHT
from src.data.recognition.preprocess import (
    bucket_width,
    kept_ratio_width,
    normalize,
    resize_word,
    to_gray,
)
from src.engines.engine import Engine
from src.reader.word_gaps import split_words
from src.weights.network_weights import NetworkWeights

DEFAULT_WIDTHS = {"word": (100,), "line": (100, 200, 300, 400, 600, 800)}
LONG_STEP = 200  # lines longer than the widest input get the next multiple of this, so that few widths occur
LONGEST = 4000  # pixels at height 32; a longer line is squeezed into it


@dataclass(frozen=True)
class PreparedLine:
    """A line as the network will see it: uint8 (32, W) for the line, or for each of its words."""

    parts: tuple[np.ndarray, ...]


class TextRecognizer:
    """Reads lines. `prepare` needs no network and may run in other threads.

    Args:
        engine: of the recognition network.
        alphabet: the characters of its classes.
        unit: "word" or "line".
        widths: of the network's input, ascending; one is what images are stretched to, with several they keep
            their proportions. () takes `DEFAULT_WIDTHS`.
        batch_size: images of one width that are read at once.
        decoder: "greedy" or "beam".
        beam_width: of the beam.
    """

    def __init__(
        self,
        engine: Engine,
        alphabet: Alphabet,
        unit: str,
        widths: Sequence[int] = (),
        *,
        batch_size: int = 32,
        decoder: str = "greedy",
        beam_width: int = 10,
    ):
        self.unit, self.alphabet = unit, alphabet
        self.widths = tuple(widths) or DEFAULT_WIDTHS[unit]
        self._engine, self._batch_size = engine, batch_size
        self._decoder, self._beam_width = decoder, beam_width

    def prepare(self, line: np.ndarray, is_word: bool = False) -> PreparedLine:
        """A cut-out line, uint8 (h, w) or RGB (h, w, 3); `is_word` says that it is not to be split."""
        gray = to_gray(line)
        if self.unit == "word" and not is_word:
            return PreparedLine(tuple(self._resized(gray[:, first:end]) for first, end in split_words(gray)))
        return PreparedLine((self._resized(gray),))

    def read(self, lines: Sequence[PreparedLine]) -> list[tuple[str, float]]:
        """Text of each line and how sure it is: the mean probability of its characters, 0 for an empty text.

        Parts are sorted by width and read in batches of one width, so what is read of a line does not depend on
        the others.
        """
        parts = [(part.shape[1], row, part) for row, line in enumerate(lines) for part in line.parts]
        order = sorted(range(len(parts)), key=lambda index: parts[index][0])
        decoded: list[Decoded | None] = [None] * len(parts)
        for batch in self._batches(order, [width for width, _, _ in parts]):
            image = normalize(np.stack([parts[index][2] for index in batch]))[:, None]  # (B, 1, 32, W)
            (log_probs,) = self._engine.run(image)
            self._check_classes(log_probs.shape[2])
            for index, word in zip(batch, self._decode(log_probs), strict=True):
                decoded[index] = word
        words_of: list[list[Decoded]] = [[] for _ in lines]
        for (_, row, _), word in zip(parts, decoded, strict=True):
            words_of[row].append(word)
        return [self._joined(words) for words in words_of]

    def _batches(self, order: list[int], widths: list[int]):
        batch: list[int] = []
        for index in order:
            if batch and (len(batch) == self._batch_size or widths[index] != widths[batch[0]]):
                yield batch
                batch = []
            batch.append(index)
        if batch:
            yield batch

    def _decode(self, log_probs: np.ndarray) -> list[Decoded]:
        if self._decoder == "beam":
            return beam_search_decode(log_probs, self._beam_width)
        return greedy_decode(log_probs)

    def _check_classes(self, classes: int) -> None:
        if classes != self.alphabet.num_classes:
            raise AlphabetError(
                f"the recognizer has {classes} classes, its alphabet of {len(self.alphabet.characters)} characters "
                f"makes {self.alphabet.num_classes}; give the one it was trained with (--alphabet)"
            )

    def _joined(self, words: list[Decoded]) -> tuple[str, float]:
        text = " ".join(filter(None, (self.alphabet.decode(word.indices) for word in words)))
        text = " ".join(text.split()) if " " in text else text
        scores = [score for word in words for score in word.character_scores]
        return (text, min(1.0, math.fsum(scores) / len(scores))) if text else ("", 0.0)

    def _resized(self, gray: np.ndarray) -> np.ndarray:
        natural = kept_ratio_width(*gray.shape, IMAGE_HEIGHT)
        if len(self.widths) > 1 and natural > self.widths[-1]:
            width = min(math.ceil(natural / LONG_STEP) * LONG_STEP, LONGEST)
        else:
            width = bucket_width(natural, self.widths)
        return resize_word(gray, IMAGE_HEIGHT, width, keep_ratio=len(self.widths) > 1)


def input_shape(unit: str, widths: Sequence[int] = ()) -> tuple[int | None, ...]:
    """(B, 1, 32, W) of what a recognizer is given, None where it varies: OpenVINO is faster the more it knows."""
    widths = tuple(widths) or DEFAULT_WIDTHS[unit]
    return None, 1, IMAGE_HEIGHT, widths[0] if len(widths) == 1 else None


def alphabet_of(weights: NetworkWeights, alphabet: str = "") -> Alphabet:
    """The alphabet of a recognizer: `alphabet` (a name or a file), else the card's, else the one of its size.

    Raises:
        AlphabetError: it cannot be read, or is not known.
    """
    named = alphabet or weights.card.alphabet
    if named in NAMED:
        return Alphabet.named(named)
    if named:
        # A card names a file from where the card is, an option from where the user is.
        return Alphabet.from_file(named if alphabet else weights.path.parent / named)
    if weights.card.characters:
        return Alphabet(weights.card.characters)
    classes = _num_classes(weights)
    for name in NAMED:
        if Alphabet.named(name).num_classes == classes:
            return Alphabet.named(name)
    raise AlphabetError(
        f"{weights.path}: has {classes} classes and no card that names its alphabet; give --alphabet FILE"
    )


def _num_classes(weights: NetworkWeights) -> int:
    if "rnn.1.embedding.bias" not in weights.params:
        raise AlphabetError(f"{weights.path}: not CRNN weights (no rnn.1.embedding.bias)")
    return len(weights.params["rnn.1.embedding.bias"])
