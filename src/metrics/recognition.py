"""Metrics of recognized words: Acc@1, 1-NED, character error rate.

Every metric is over all samples given, none is left out. "Without case" compares lower case with lower case,
as the Acc@1 of the CRNN literature does; nothing else is normalized or stripped.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from src.common.errors import UserError
from src.metrics.edit_distance import edit_distances


@dataclass(frozen=True)
class RecognitionResult:
    """The metrics of one data set, each a share of 1 except `samples`; see the functions of this module."""

    samples: int
    accuracy: float
    case_sensitive_accuracy: float
    one_minus_ned: float
    character_error_rate: float

    def metrics(self) -> dict[str, float]:
        return asdict(self)


def evaluate_words(predictions: Sequence[str], truths: Sequence[str]) -> RecognitionResult:
    """All metrics at once; 1-NED and the error rate without case.

    Raises:
        ValueError: as `word_accuracy`.
    """
    return RecognitionResult(
        samples=len(truths),
        accuracy=word_accuracy(predictions, truths),
        case_sensitive_accuracy=word_accuracy(predictions, truths, case_sensitive=True),
        one_minus_ned=one_minus_ned(predictions, truths),
        character_error_rate=character_error_rate(predictions, truths),
    )


def word_accuracy(predictions: Sequence[str], truths: Sequence[str], case_sensitive: bool = False) -> float:
    """Share of words read without any error: Acc@1.

    Raises:
        UserError: no samples.
        ValueError: not as many predictions as truths.
    """
    predictions, truths = _prepared(predictions, truths, case_sensitive)
    return sum(map(str.__eq__, predictions, truths)) / len(truths)


def one_minus_ned(predictions: Sequence[str], truths: Sequence[str], case_sensitive: bool = False) -> float:
    """Mean over the samples of 1 - distance / max(length of prediction, length of truth).

    This is the 1-N.E.D. of ICDAR 2019 (ArT, LSVT, ReCTS); two empty words agree fully.

    Raises:
        ValueError: as `word_accuracy`.
    """
    predictions, truths = _prepared(predictions, truths, case_sensitive)
    longest = np.maximum(_lengths(predictions), _lengths(truths))
    return float(np.mean(1 - edit_distances(predictions, truths) / np.maximum(longest, 1)))


def character_error_rate(predictions: Sequence[str], truths: Sequence[str], case_sensitive: bool = False) -> float:
    """Sum of the edit distances / number of characters in the truths; above 1 is possible.

    With no characters at all in the truths, the predictions count against one character.

    Raises:
        ValueError: as `word_accuracy`.
    """
    predictions, truths = _prepared(predictions, truths, case_sensitive)
    return float(edit_distances(predictions, truths).sum() / max(int(_lengths(truths).sum()), 1))


def _prepared(
    predictions: Sequence[str], truths: Sequence[str], case_sensitive: bool
) -> tuple[Sequence[str], Sequence[str]]:
    if len(predictions) != len(truths):
        raise ValueError(f"there are {len(truths)} truths, but {len(predictions)} predictions")
    if not len(truths):
        raise UserError("there are no samples to score")
    if case_sensitive:
        return predictions, truths
    return [word.lower() for word in predictions], [word.lower() for word in truths]


def _lengths(words: Sequence[str]) -> np.ndarray:
    return np.fromiter(map(len, words), dtype=np.int64, count=len(words))
