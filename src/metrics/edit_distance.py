"""Levenshtein distance of many pairs of words at once, and the nearest word of a lexicon.

A character is a Unicode code point; insertion, deletion and replacement cost 1 each.

Shapes: n pairs of words.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from src.common.errors import UserError

_CELLS_AT_ONCE = 1 << 15  # a row of the table of all pairs of a block stays in the processor's cache


def edit_distance(first: str, second: str) -> int:
    """The distance of two words."""
    return int(edit_distances([first], [second])[0])


def edit_distances(first: Sequence[str], second: Sequence[str]) -> np.ndarray:
    """The distances of n pairs, (n,) int64.

    One dynamic program runs over all pairs of similar length together, so that Python takes one step per character,
    not one per pair and character.

    Raises:
        UserError: the two sequences differ in length.
    """
    if len(first) != len(second):
        raise UserError(f"edit distances need pairs, got {len(first)} and {len(second)} words")
    distances = np.zeros(len(first), dtype=np.int64)
    pairs = [index for index, (a, b) in enumerate(zip(first, second, strict=True)) if a != b]
    pairs.sort(key=lambda index: (len(second[index]), len(first[index])))
    begin = 0
    for position, index in enumerate(pairs):
        # Sorted by the length of the second word, so the newest pair sets the height of the block's table.
        if (len(second[index]) + 1) * (position + 1 - begin) > _CELLS_AT_ONCE and position > begin:
            _fill(distances, pairs[begin:position], first, second)
            begin = position
    if pairs:
        _fill(distances, pairs[begin:], first, second)
    return distances


def _fill(distances: np.ndarray, block: list[int], first: Sequence[str], second: Sequence[str]) -> None:
    distances[block] = _block_distances([first[i] for i in block], [second[i] for i in block])


def _block_distances(first: list[str], second: list[str]) -> np.ndarray:
    """(n,) distances. A row of the classic table is (L2 + 1, n): row i, cost of first[:i] to second[:j]."""
    codes_a, length_a = _codes(first)  # (L1, n)
    codes_b, length_b = _codes(second)  # (L2, n)
    number = np.int16 if len(codes_a) + len(codes_b) < np.iinfo(np.int16).max else np.int64
    steps = np.arange(len(codes_b) + 1, dtype=number)[:, None]
    every = np.arange(len(first))
    row = np.repeat(steps, len(first), axis=1)
    result = row[length_b, every].copy()  # right where `first` is empty
    for i, letters in enumerate(codes_a):
        fresh = np.empty_like(row)
        fresh[0] = i + 1
        np.minimum(row[:-1] + (codes_b != letters), row[1:] + 1, out=fresh[1:])
        # Insertions: fresh[j] = min over k <= j of fresh[k] + (j - k), a running minimum once j is taken off.
        fresh -= steps
        np.minimum.accumulate(fresh, axis=0, out=fresh)
        fresh += steps
        row = fresh
        ended = np.flatnonzero(length_a == i + 1)
        result[ended] = row[length_b[ended], ended]
    return result


def _codes(words: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """(L, n) uint32 code points padded with 0, and (n,) lengths."""
    lengths = np.fromiter(map(len, words), dtype=np.int64, count=len(words))
    longest = max(int(lengths.max(initial=0)), 1)
    codes = np.array(words, dtype=f"U{longest}").view(np.uint32).reshape(len(words), longest)
    return np.ascontiguousarray(codes.T), lengths


class Lexicon:
    """Finds the word of a list that is nearest to a prediction.

    Args:
        words: at least one; repeated ones count once.
        case_sensitive: otherwise words are compared in lower case; results are spelled as in `words`.

    Raises:
        UserError: there is no word.
    """

    def __init__(self, words: Sequence[str], case_sensitive: bool = False):
        if not words:
            raise UserError("a lexicon needs at least one word")
        self._case_sensitive = case_sensitive
        spelling: dict[str, str] = {}
        for word in words:
            spelling.setdefault(self._plain(word), word)
        self._spelling = spelling
        self._words = list(spelling)
        self._lengths = np.fromiter(map(len, self._words), dtype=np.int32, count=len(self._words))
        codes, _ = _codes(self._words)
        used, owner = np.nonzero(codes)
        keys = codes[used, owner].astype(np.int64) * len(self._words) + owner
        keys, times = np.unique(keys, return_counts=True)
        letter, holder = np.divmod(keys, len(self._words))
        edges = [*np.flatnonzero(np.diff(letter, prepend=-1)).tolist(), len(letter)]
        self._counts = {  # letter -> the words that hold it, and how often each does
            chr(letter[begin]): (holder[begin:end], times[begin:end]) for begin, end in pairwise(edges)
        }

    def nearest(self, prediction: str) -> tuple[str, int]:
        """The nearest word and its distance; of equally near ones the first in the list."""
        plain = self._plain(prediction)
        if plain in self._spelling:
            return self._spelling[plain], 0
        # Letters that two words do not share must be edited, which rules out nearly all of a large lexicon.
        common = np.zeros(len(self._words), dtype=np.int32)
        for letter in set(plain):
            if letter in self._counts:
                holders, times = self._counts[letter]
                common[holders] += np.minimum(times, plain.count(letter)).astype(np.int32)
        at_least = np.maximum(self._lengths, len(plain)) - common
        best, winner = np.iinfo(np.int64).max, -1
        for bound in range(int(at_least.min()), int(at_least.max()) + 1):
            if bound > best:
                break
            candidates = np.flatnonzero(at_least == bound)
            if not len(candidates):
                continue
            distances = edit_distances([plain] * len(candidates), [self._words[i] for i in candidates])
            nearest = int(distances.argmin())
            if (distances[nearest], candidates[nearest]) < (best, winner):
                best, winner = int(distances[nearest]), int(candidates[nearest])
        return self._spelling[self._words[winner]], best

    def _plain(self, word: str) -> str:
        return word if self._case_sensitive else word.lower()
