"""Lines that are recognized with doubt are recognized again, with less and with more of the image around them.

A detector that ends a line too early or too late, or a level box around tilted text, makes the recognizer unsure; a
little more or less ground often settles it. Where the readings differ, none of them is to be trusted as much.
"""

from collections.abc import Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from src.reader.text_recognizer import LineText

DOUBTFUL = 0.95  # score of a line below which it is read again
MARGINS = (0.05, 0.3)  # around the line in further readings, as shares of its height
ALONE = 0.06  # what the score of a reading loses that no other one agrees with
ALIKE = 0.85  # similarity of two readings that agree: one letter in seven or more may differ


def doubtful(texts: Sequence[LineText]) -> list[int]:
    """Numbers of the lines that another reading may improve."""
    return [index for index, text in enumerate(texts) if text.score < DOUBTFUL]


def surest(readings: Sequence[LineText]) -> tuple[int, LineText]:
    """Number of the best of several readings of a line, and what was read, with its score among the others."""
    scores = [
        max(0.0, text.score - ALONE * (not _is_confirmed(index, readings))) for index, text in enumerate(readings)
    ]
    best = max(range(len(readings)), key=scores.__getitem__)
    return best, replace(readings[best], score=scores[best])


def _is_confirmed(index: int, readings: Sequence[LineText]) -> bool:
    text = readings[index].text.casefold()
    others = [other.text.casefold() for number, other in enumerate(readings) if number != index]
    return any(text == other or SequenceMatcher(None, text, other).ratio() >= ALIKE for other in others)
