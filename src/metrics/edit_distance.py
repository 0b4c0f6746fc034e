"""Levenshtein distances: insertion, deletion and replacement of one character (a Unicode code point) cost 1 each."""

from collections.abc import Sequence

import numpy as np
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist, cpdist


def edit_distances(first: Sequence[str], second: Sequence[str]) -> np.ndarray:
    """(n,) int64 distances of n pairs.

    Raises:
        ValueError: the two sequences differ in length.
    """
    if len(first) != len(second):
        raise ValueError(f"edit distances need pairs, got {len(first)} and {len(second)} words")
    return cpdist(first, second, scorer=Levenshtein.distance, dtype=np.int64)


def distances_to_all(word: str, words: Sequence[str]) -> np.ndarray:
    """(V,) int64 distances of one word to each of V words."""
    return cdist([word], words, scorer=Levenshtein.distance, dtype=np.int64)[0]
