"""Lines that are recognized with doubt are recognized once more, with less of the image around them.

A detector that ends a line too early or too late, or a level box around tilted text, makes the recognizer unsure; a
little less ground often settles it. Where the predictions differ, neither is to be trusted as much.
"""

from collections.abc import Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from src.reader.text_recognizer import LineText

DOUBTFUL = 0.95  # score of a line below which it is recognized again
# The same, below which that is in vain: of 201 such lines in 339 photographs one became right, and seven more passed
# for text that they were not.
HOPELESS = 0.65
MARGIN = 0.05  # around the line in the second prediction, as a share of its height
ALONE = 0.06  # what the score of a prediction loses where the other one differs
ALIKE = 0.85  # similarity of two predictions that agree: one letter in seven or more may differ


def doubtful(texts: Sequence[LineText]) -> list[int]:
    """Indices of the lines that another prediction may improve."""
    return [index for index, text in enumerate(texts) if HOPELESS <= text.score < DOUBTFUL]


def surer(first: LineText, second: LineText) -> tuple[int, LineText]:
    """Which of two predictions of a line is better, 0 or 1, and that one; its score is less if they differ."""
    best = int(second.score > first.score)
    text = (first, second)[best]
    return best, text if _are_alike(first, second) else replace(text, score=max(0.0, text.score - ALONE))


def _are_alike(first: LineText, second: LineText) -> bool:
    texts = first.text.casefold(), second.text.casefold()
    return texts[0] == texts[1] or SequenceMatcher(None, *texts).ratio() >= ALIKE
