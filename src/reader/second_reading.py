"""Lines that are recognized with doubt are recognized again, with less and with more of the image around them.

A detector that ends a line too early or too late, or a level box around tilted text, makes the recognizer unsure; a
little more or less ground often settles it. Where the predictions differ, none of them is to be trusted as much.
"""

from collections.abc import Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from src.reader.text_recognizer import LineText

DOUBTFUL = 0.95  # score of a line below which it is recognized again
# The same, below which that is in vain: of 201 such lines in 339 photographs one became right, and seven more passed
# for text that they were not.
HOPELESS = 0.65
MARGINS = (0.05, 0.3)  # around the line in further predictions, as shares of its height
ALONE = 0.06  # what the score of a prediction loses that no other one agrees with
ALIKE = 0.85  # similarity of two predictions that agree: one letter in seven or more may differ


def doubtful(texts: Sequence[LineText]) -> list[int]:
    """Indices of the lines that another prediction may improve."""
    return [index for index, text in enumerate(texts) if HOPELESS <= text.score < DOUBTFUL]


def surest(predictions: Sequence[LineText]) -> tuple[int, LineText]:
    """Index of the best of several predictions of a line, and that prediction, with its score among the others."""
    scores = [
        max(0.0, text.score - ALONE * (not _is_confirmed(index, predictions)))
        for index, text in enumerate(predictions)
    ]
    best = max(range(len(predictions)), key=scores.__getitem__)
    return best, replace(predictions[best], score=scores[best])


def _is_confirmed(index: int, predictions: Sequence[LineText]) -> bool:
    text = predictions[index].text.casefold()
    others = [other.text.casefold() for number, other in enumerate(predictions) if number != index]
    return any(text == other or SequenceMatcher(None, text, other).ratio() >= ALIKE for other in others)
