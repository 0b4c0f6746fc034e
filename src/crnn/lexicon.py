"""Decoding with a word list: its word that the network finds most probable, or the nearest by spelling.

The protocols "50", "1k" and "full" of the recognition benchmarks differ only in the list: one of its own for
each image, or one for all.

Shapes: T time steps, C classes (0 is the CTC blank), W words, L length of the longest.
"""

from collections.abc import Callable, Iterable

import numpy as np

from src.common.errors import UserError
from src.metrics.edit_distance import distances_to_all

METHODS = ("ctc", "edit")


class Lexicon:
    """Word list, encoded once.

    Args:
        words: the list; repetitions are dropped.
        encode: text -> classes, raising ValueError for a word it cannot write (`Alphabet.encode`).

    Attributes:
        words: words that can be read.
        left_out: words that the alphabet cannot write.

    Raises:
        UserError: no word remains.
    """

    def __init__(self, words: Iterable[str], encode: Callable[[str], list[int]]):
        self.words: list[str] = []
        self.left_out: list[str] = []
        encoded = []
        for word in dict.fromkeys(words):
            try:
                encoded.append(encode(word))
                self.words.append(word)
            except ValueError:
                self.left_out.append(word)
        if not self.words:
            raise UserError(f"lexicon: none of {len(self.left_out)} words can be written in the alphabet")
        self._spelled = [_spelled(classes) for classes in encoded]
        self.lengths = np.array([len(classes) for classes in encoded])
        self.labels = np.zeros((len(encoded), max(1, self.lengths.max())), np.int32)
        for row, classes in zip(self.labels, encoded, strict=True):
            row[: len(classes)] = classes

    def nearest(self, log_probs: np.ndarray, read: Iterable[int], method: str = "ctc", max_distance: int = 3) -> str:
        """The word for one image.

        Args:
            log_probs: (T, C) of the image.
            read: classes that were decoded without the lexicon.
            method: "ctc" takes the most probable word; among more than 1000 words only those within
                `max_distance` edits of `read` compete, as in the CRNN paper (all when none is that near).
                "edit" takes the word with the fewest edits, and the most probable among equals.
            max_distance: see "ctc".

        Returns:
            One of `words`.
        """
        if method not in METHODS:
            raise ValueError(f"method {method!r}: accepted are {', '.join(METHODS)}")
        competing = np.arange(len(self.words))
        if method == "edit" or len(competing) > 1000:
            distances = distances_to_all(_spelled(read), self._spelled)
            limit = distances.min() if method == "edit" else max_distance
            near = np.flatnonzero(distances <= limit)
            competing = near if len(near) else competing
        likelihood = ctc_log_likelihood(log_probs, self.labels[competing], self.lengths[competing])
        return self.words[competing[likelihood.argmax()]]


def ctc_log_likelihood(log_probs: np.ndarray, labels: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Log-probability of each of W words for one image, -inf for a word that does not fit into T time steps.

    Args:
        log_probs: (T, C) natural logarithms.
        labels: (W, L) classes, padded at the end.
        lengths: (W,) numbers of characters.

    Returns:
        (W,) float64, natural logarithms.
    """
    words, width = labels.shape
    extended = np.zeros((words, 2 * width + 1), labels.dtype)  # blank, character, blank, ..., blank
    extended[:, 1::2] = labels
    skips_blank = np.zeros(extended.shape, bool)
    skips_blank[:, 3::2] = labels[:, 1:] != labels[:, :-1]
    emitted = log_probs.astype(np.float64)[:, extended]  # (T, W, 2L + 1)
    alpha = np.full(extended.shape, -np.inf)
    alpha[:, :2] = emitted[0, :, :2]
    for step_log_probs in emitted[1:]:
        from_previous = np.full_like(alpha, -np.inf)
        from_previous[:, 1:] = alpha[:, :-1]
        over_blank = np.full_like(alpha, -np.inf)
        over_blank[:, 2:] = np.where(skips_blank[:, 2:], alpha[:, :-2], -np.inf)
        alpha = np.logaddexp(np.logaddexp(alpha, from_previous), over_blank) + step_log_probs
    rows = np.arange(words)
    last_character = np.where(lengths > 0, alpha[rows, np.maximum(2 * lengths - 1, 0)], -np.inf)
    return np.logaddexp(alpha[rows, 2 * lengths], last_character)


def _spelled(classes: Iterable[int]) -> str:
    """Classes as a text of as many characters, for a distance that counts in them."""
    return "".join(map(chr, classes))
