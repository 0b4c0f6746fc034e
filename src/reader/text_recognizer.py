"""The recognition network with an engine: from cut-out lines to their texts.

Two kinds of recognizer stand behind one interface: a "line" model reads a whole line at its own width, spaces
included; a "word" model reads the words that a line is split into at its gaps.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from src.common.boxes import size_of
from src.crnn.alphabet import NAMED, Alphabet, AlphabetError, UnknownAlphabetError
from src.crnn.ctc_decode import Decode, Decoded, greedy_decode
from src.crnn.topology import IMAGE_HEIGHT, WIDTH_STEP
from src.data.recognition.preprocess import (
    bucket_width,
    kept_ratio_width,
    normalize,
    resize_word,
    to_gray,
)
from src.data.recognition.word_gaps import quiet_columns, split_words
from src.engines.engine import Engine, InputShape
from src.reader.word_spans import WordSpan, word_spans
from src.weights.network_weights import NetworkWeights

DEFAULT_WIDTHS = {"word": (100,), "line": (100, 200, 300, 400, 600, 800)}
LONG_STEP = 200  # lines longer than the widest input get the next multiple of this, so that few widths occur
LONGEST = 4000  # pixels at height 32; a longer line is squeezed into it


@dataclass(frozen=True)
class LinePart:
    """A part of a line as the network will see it.

    Attributes:
        pixels: uint8 (32, W).
        quiet: bool (W,), w <= W, true for its columns without ink; what follows them was filled up.
        left, right: its ends as shares of the line's width.
    """

    pixels: np.ndarray
    quiet: np.ndarray
    left: float = 0.0
    right: float = 1.0


@dataclass(frozen=True)
class PreparedLine:
    """A line, or each of its words, as the network will see it."""

    parts: tuple[LinePart, ...]


@dataclass(frozen=True)
class LineText:
    """What was read of a line; text and score are those of the words.

    Attributes:
        score: mean probability of the characters, 0 for an empty text.
    """

    text: str
    score: float
    words: tuple[WordSpan, ...] = ()


class TextRecognizer:
    """Reads lines. `prepare` needs no network and may run in other threads.

    Args:
        engine: of the recognition network.
        alphabet: the characters of its classes.
        unit: "word" or "line".
        widths: of the network's input, ascending; one is what images are stretched to, with several they keep
            their proportions. () takes `DEFAULT_WIDTHS`.
        batch_size: images of one width that are read at once.
        decode: from class probabilities to words.
    """

    def __init__(
        self,
        engine: Engine,
        alphabet: Alphabet,
        unit: str,
        widths: Sequence[int] = (),
        *,
        batch_size: int = 32,
        decode: Decode = greedy_decode,
    ):
        self.unit, self.alphabet = unit, alphabet
        self.widths = tuple(widths) or DEFAULT_WIDTHS[unit]
        self._engine, self._batch_size = engine, batch_size
        self._decode = decode

    def prepare(self, line: np.ndarray, is_word: bool = False) -> PreparedLine:
        """A cut-out line, uint8 (H, W) or RGB (H, W, 3); `is_word`: it is not to be split."""
        gray = to_gray(line)
        if self.unit == "word" and not is_word:
            return PreparedLine(tuple(self._part(gray, first, end) for first, end in split_words(gray)))
        return PreparedLine((self._part(gray, 0, gray.shape[1]),))

    def read(self, lines: Sequence[PreparedLine]) -> list[LineText]:
        """Text and words of each line.

        Parts are sorted by width and read in batches of one width, so what is read of a line does not depend on
        the others.
        """
        parts = [(part.pixels.shape[1], row, part) for row, line in enumerate(lines) for part in line.parts]
        order = sorted(range(len(parts)), key=lambda index: parts[index][0])
        decoded: dict[int, Decoded] = {}
        for batch in self._batches(order, [width for width, _, _ in parts]):
            image = normalize(np.stack([parts[index][2].pixels for index in batch]))[:, None]  # (B, 1, 32, W)
            (log_probs,) = self._engine.run(image)
            self._check_classes(log_probs.shape[2])
            decoded.update(zip(batch, self._decode(log_probs), strict=True))
        parts_of: list[list[tuple[LinePart, Decoded]]] = [[] for _ in lines]
        for index, (_, row, part) in enumerate(parts):
            parts_of[row].append((part, decoded[index]))
        return [self._joined(of_line) for of_line in parts_of]

    def _batches(self, order: list[int], widths: list[int]) -> Iterator[list[int]]:
        batch: list[int] = []
        for index in order:
            if batch and (len(batch) == self._batch_size or widths[index] != widths[batch[0]]):
                yield batch
                batch = []
            batch.append(index)
        if batch:
            yield batch

    def _check_classes(self, classes: int) -> None:
        if classes != self.alphabet.num_classes:
            raise AlphabetError(
                f"the recognizer has {classes} classes, its alphabet of {len(self.alphabet.characters)} characters "
                f"makes {self.alphabet.num_classes}; give the one it was trained with (--alphabet)"
            )

    def _joined(self, parts: Sequence[tuple[LinePart, Decoded]]) -> LineText:
        words: list[WordSpan] = []
        scores: list[float] = []
        for part, decoded in parts:
            text = self.alphabet.decode(decoded.indices)
            columns = [min(step * WIDTH_STEP, len(part.quiet) - 1) for step in decoded.steps]
            length = part.right - part.left
            words += [
                replace(word, left=part.left + word.left * length, right=part.left + word.right * length)
                for word in word_spans(text, columns, decoded.character_scores, part.quiet)
            ]
            scores += decoded.character_scores
        if not words:
            return LineText("", 0.0)
        score = min(1.0, math.fsum(scores) / len(scores))
        return LineText(" ".join(word.text for word in words), score, tuple(words))

    def _part(self, gray: np.ndarray, first: int, end: int) -> LinePart:
        part, whole = gray[:, first:end], gray.shape[1]
        keep_ratio = len(self.widths) > 1
        natural = kept_ratio_width(*size_of(part), IMAGE_HEIGHT)
        if keep_ratio and natural > self.widths[-1]:
            width = min(math.ceil(natural / LONG_STEP) * LONG_STEP, LONGEST)
        else:
            width = bucket_width(natural, self.widths)
        pixels = resize_word(part, IMAGE_HEIGHT, width, keep_ratio=keep_ratio)
        quiet = quiet_columns(pixels[:, : min(natural, width) if keep_ratio else width])
        return LinePart(pixels, quiet, first / whole, end / whole)


def input_shape(unit: str, widths: Sequence[int] = ()) -> InputShape:
    """(B, 1, 32, W) of a recognizer's input, None where it varies: OpenVINO is faster with fixed sizes."""
    widths = tuple(widths) or DEFAULT_WIDTHS[unit]
    return None, 1, IMAGE_HEIGHT, widths[0] if len(widths) == 1 else None


def alphabet_of(weights: NetworkWeights, alphabet: str = "") -> Alphabet:
    """The alphabet of a recognizer: `alphabet` (a name or a file), else the card's, else the one of its size.

    Raises:
        AlphabetError: it cannot be read, or is not known.
    """
    named = alphabet or weights.card.alphabet
    if named:
        # A card names a file from where the card is, an option from where the user is.
        try:
            return Alphabet.load(named if alphabet or named in NAMED else weights.path.parent / named)
        except UnknownAlphabetError as error:
            raise error if alphabet else AlphabetError(f"{weights.path}: its card: {error}") from None
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
