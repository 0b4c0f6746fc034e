"""Decoding that knows words: a text that is not in a list gives way to one that is, when that is nearly as probable.

What the network sees decides first: the best path is decoded as always. Only where it is not sure, and where the
best path writes no word of the list, are the other probable texts looked at. So numbers, codes and names that are
clearly seen stay as they are. A line is looked at word by word, then at the spaces that part words of the list.

Shapes: T time steps, B batch, C classes (0 is the CTC blank).
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from itertools import pairwise
from math import exp, log
from pathlib import Path

import numpy as np

from src.common.bounded_file import LARGE, read_bounded_text
from src.common.errors import UserError
from src.common.options import unreadable
from src.crnn.alphabet import Alphabet
from src.crnn.ctc_decode import Decoded, beam_search, greedy_decode
from src.crnn.topology import BLANK

ENGLISH = Path(__file__).with_name("english_words.txt")
LEAST_LETTERS = 3  # shorter words are too easily made of other short texts
_CANDIDATES, _REACH = 8, 6.0  # classes tried at each time step, and how far below the best they may be


class KnownWords:
    """A list of words, their case aside.

    Args:
        words: those of fewer than `LEAST_LETTERS` letters are left out.

    Raises:
        UserError: no word remains.
    """

    def __init__(self, words: Iterable[str]):
        self._words = frozenset(word.lower() for word in words if len(word) >= LEAST_LETTERS)
        if not self._words:
            raise UserError(f"word_list: holds no word of {LEAST_LETTERS} letters")

    def __contains__(self, text: str) -> bool:
        """Whether `text` is one of the words, perhaps in quotes, brackets or before a punctuation mark."""
        return " " not in text and _without_marks(text.lower()) in self._words


@cache
def load_words(path: str) -> KnownWords:
    """The words of a UTF-8 file, one per line, lines that begin with # aside; "" is the English ones of this project.

    Raises:
        UserError: it cannot be read or holds no word.
    """
    try:
        lines = read_bounded_text(path or ENGLISH, LARGE).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(error)(f"word_list: cannot read {path}: {error}") from error
    return KnownWords(line.strip() for line in lines if not line.startswith("#"))


def decode_with_words(
    log_probs: np.ndarray, alphabet: Alphabet, words: KnownWords, *, factor: float = 20.0, beam_width: int = 12
) -> list[Decoded]:
    """What is read of each image.

    Args:
        log_probs: (T, B, C) natural logarithms.
        factor: how many times more probable the best text must be than a word of the list to be kept.
        beam_width: texts that compete.
    """
    found = greedy_decode(log_probs)
    return [
        _with_words(log_probs[:, i], decoded, alphabet, words, factor=factor, beam_width=beam_width)
        for i, decoded in enumerate(found)
    ]


def _with_words(
    log_probs: np.ndarray, decoded: Decoded, alphabet: Alphabet, words: KnownWords, *, factor: float, beam_width: int
) -> Decoded:
    """One image (T, C), word by word; what stands between the words stays."""
    text = alphabet.decode(decoded.indices)
    path, best = log_probs.argmax(axis=1), log_probs.max(axis=1)
    sure = log(factor / (factor + 1))  # all other texts together are not probable enough then
    for first, end in reversed(_word_places(text)):  # from the back, so that the places stay right
        word = text[first:end]
        if not _may_be_misread(word) or word in words:
            continue
        since, until = _steps_between(path, decoded.steps[max(first - 1, 0) : first], decoded.steps[end : end + 1])
        if best[since:until].sum() >= sure:
            continue
        better = _known_word(log_probs[since:until], alphabet, words, factor=factor, beam_width=beam_width)
        if better is not None:
            decoded = _replaced(decoded, first, end, better, since)
    return _without_doubtful_spaces(log_probs, decoded, alphabet, words, factor)


def _without_doubtful_spaces(
    log_probs: np.ndarray, decoded: Decoded, alphabet: Alphabet, words: KnownWords, factor: float
) -> Decoded:
    """Without spaces inside words of the list, where none is nearly as probable and a part is no word."""
    text = alphabet.decode(decoded.indices)
    for (first, end), (start, last) in reversed(list(pairwise(_word_places(text)))):
        parts = text[first:end], text[start:last]
        is_word = f"{parts[0]}{parts[1]}" in words
        if start != end + 1 or not is_word or not any(_may_be_misread(part) and part not in words for part in parts):
            continue
        step, space = decoded.steps[end], decoded.indices[end]
        if log_probs[step, BLANK] >= log_probs[step, space] - log(factor):
            decoded = _replaced(decoded, end, start, Decoded((), 1.0, ()), 0)
    return decoded


def _steps_between(path: np.ndarray, before: tuple[int, ...], after: tuple[int, ...]) -> tuple[int, int]:
    """First time step and step after the last between two spaces, without the other steps that show these.

    Args:
        path: (T,) best classes.
        before, after: a step of the space before and of the one after, () at the ends of the line.
    """
    since, until = 0, len(path)
    if before:
        since = before[0] + 1
        while since < until and path[since] == path[before[0]]:
            since += 1
    if after:
        until = after[0]
        while until > since and path[until - 1] == path[after[0]]:
            until -= 1
    return since, until


def _known_word(
    log_probs: np.ndarray, alphabet: Alphabet, words: KnownWords, *, factor: float, beam_width: int
) -> Decoded | None:
    """The most probable word of the list for (T, C), if it is probable enough; its confidence is for all texts."""
    texts = beam_search(log_probs, beam_width, _CANDIDATES, _REACH)
    least = texts[0].confidence / factor
    return next((each for each in texts if each.confidence > least and alphabet.decode(each.indices) in words), None)


def _replaced(decoded: Decoded, first: int, end: int, word: Decoded, since: int) -> Decoded:
    """`decoded` with `word` in the place of its characters first to end - 1."""

    def joined(old: tuple, new: tuple) -> tuple:
        return (*old[:first], *new, *old[end:])

    before = sum(map(log, decoded.character_scores[first:end]))
    after = sum(map(log, word.character_scores))
    return replace(
        decoded,
        indices=joined(decoded.indices, word.indices),
        confidence=decoded.confidence * min(1.0, exp(after - before)),
        character_scores=joined(decoded.character_scores, word.character_scores),
        steps=joined(decoded.steps, tuple(step + since for step in word.steps)),
    )


def _word_places(text: str) -> list[tuple[int, int]]:
    """Where the words of a line begin and end."""
    return [match.span() for match in re.finditer("[^ ]+", text)]


def _may_be_misread(word: str) -> bool:
    """Whether a word of letters may be meant: not for numbers, and not for what is too short."""
    word = _without_marks(word)
    letters = sum(map(str.isalpha, word))
    return len(word) >= LEAST_LETTERS and letters > len(word) - letters


def _without_marks(text: str) -> str:
    first, last = 0, len(text)
    while first < last and not text[first].isalnum():
        first += 1
    while last > first and not text[last - 1].isalnum():
        last -= 1
    return text[first:last]
