"""Where the words of a recognized line are: from the time steps of CTC and the ink between them. Pure NumPy.

Positions are columns of the recognizer's input, then shares of the line; n characters.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np


@dataclass(frozen=True)
class WordSpan:
    """A word: its text, its left and right end as shares of the line's width, and its score in [0, 1]."""

    text: str
    left: float
    right: float
    score: float


def word_spans(text: str, columns: Sequence[float], scores: Sequence[float], quiet: np.ndarray) -> list[WordSpan]:
    """The words of a line: what stands between the spaces of `text`, however many there are.

    Args:
        text: (n) characters as they were decoded, spaces included.
        columns: (n,) in whose neighborhood each of them stands.
        scores: (n,) of each in [0, 1].
        quiet: (W,) bool, true for columns of the line without ink; W > 0 columns are the whole line.

    A word ends where the widest quiet run between its last letter and the next word's first begins; where there is
    none, in the middle between the two letters. The first word begins and the last ends with the ink.
    """
    words = _between_spaces(text)
    if not words:
        return []
    width = len(quiet)
    ink = np.flatnonzero(~quiet)
    begin, end = (int(ink[0]), int(ink[-1]) + 1) if len(ink) else (0, width)
    # Letters at the very ends may be too faint to count as ink.
    lefts, rights = [min(float(begin), columns[words[0][0]])], []
    for (_, before), (after, _) in pairwise(words):
        left, right = _gap(quiet, columns[before - 1], columns[after])
        rights.append(left)
        lefts.append(right)
    rights.append(max(float(end), columns[words[-1][1] - 1]))
    return [
        WordSpan(
            text[first:last],
            float(np.clip(left / width, 0, 1)),
            float(np.clip(right / width, 0, 1)),
            min(1.0, math.fsum(scores[first:last]) / (last - first)),
        )
        for (first, last), left, right in zip(words, lefts, rights, strict=True)
    ]


def _between_spaces(text: str) -> list[tuple[int, int]]:
    """(first, one behind the last) index of the characters of every word."""
    words, start = [], None
    for index, character in enumerate(text + " "):
        if character.isspace():
            if start is not None:
                words.append((start, index))
            start = None
        elif start is None:
            start = index
    return words


def _gap(quiet: np.ndarray, left: float, right: float) -> tuple[float, float]:
    """The widest quiet run strictly between two columns; where there is none, their middle twice."""
    first, last = math.floor(left) + 1, math.ceil(right)
    steps = np.diff(np.concatenate([[False], quiet[first:last], [False]]).astype(np.int8))
    starts, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
    if not len(starts):
        return (left + right) / 2, (left + right) / 2
    widest = int(np.argmax(ends - starts))
    return float(first + starts[widest]), float(first + ends[widest])


def place_word(span: tuple[float, float], polygon: np.ndarray) -> np.ndarray:
    """Corners (4, 2) of the part of a line from `span[0]` to `span[1]` of its length, clockwise from the top left.

    Args:
        span: shares of the line's length, in ascending order.
        polygon: (4, 2) of the line, clockwise from the start of its top.
    """
    polygon = np.asarray(polygon, np.float64)
    left, right = np.clip(span, 0, 1)
    top, bottom = polygon[1] - polygon[0], polygon[2] - polygon[3]
    return np.stack(
        [polygon[0] + left * top, polygon[0] + right * top, polygon[3] + right * bottom, polygon[3] + left * bottom]
    )
