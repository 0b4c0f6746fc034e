"""Images that lie on their side or stand on their head: signs of it, and the turn that mends it.

A turn is 0, 90, 180 or 270 degrees clockwise. Pure NumPy. The scores were chosen on 105 images of ICDAR 2013 and
born-digital that train nothing: 8 upright images are doubtful and one is turned, 83 of those on their heads are.
"""

from collections.abc import Sequence

import numpy as np

DOUBTFUL = 0.95  # mean score of texts below which an image may stand on its head
BETTER = 0.03  # by which the mean score of a turned image must be above that of the image as it is
MUCH_BETTER = 1.5  # times the evidence
SURE = 0.98  # score that little text on its head reaches
ENOUGH, SHARE = 5, 0.25  # characters of such texts that leave no doubt, and their share of all
GOOD = 0.8  # score of a text that is right
FEW = 8  # characters: fewer tell no direction; with fewer good ones an image may lie on its side
FEW_OF_ALL = 0.25  # share of all characters: so do fewer good ones than that
CONCLUSIVE = 3  # characters of a text that shows its direction: an "l" or "o" is one from every side
MIN_HALF_SEEN = 4  # half-seen proposals without which there is no text to turn


def turned(image: np.ndarray, turn: int) -> np.ndarray:
    """The image after a turn clockwise."""
    return image if turn == 0 else np.ascontiguousarray(np.rot90(image, -turn // 90))


def is_doubtful(texts: Sequence[tuple[str, float]]) -> bool:
    """Whether what was read, as (text, score) pairs, leaves open that the image stands otherwise."""
    conclusive = [(text, score) for text, score in texts if len(text) >= CONCLUSIVE]
    # Of numbers, many are read well upside down.
    sure = sum(len(text) for text, score in conclusive if score >= SURE and _is_text(text) and _is_of_letters(text))
    if sure >= max(ENOUGH, SHARE * sum(len(text) for text, _ in conclusive)):
        return False
    if conclusive and 2 * len(conclusive) >= len(texts):
        return mean_score(conclusive) < DOUBTFUL
    return not 1 <= len(texts) < CONCLUSIVE or mean_score(texts) < DOUBTFUL


def mean_score(texts: Sequence[tuple[str, float]]) -> float:
    """Of (text, score) pairs, by their characters; 0 for none."""
    characters = sum(len(text) for text, _ in texts)
    return sum(len(text) * score for text, score in texts) / characters if characters else 0.0


def has_direction(texts: Sequence[tuple[str, float]]) -> bool:
    """Whether there is enough text, right or wrong, that its scores upside down can be compared."""
    return sum(len(text) for text, _ in texts if len(text) >= CONCLUSIVE and not _is_row_of_letters(text)) >= FEW


def is_enough(texts: Sequence[tuple[str, float]]) -> bool:
    """Whether enough characters were read that their scores tell anything."""
    return sum(len(text) for text, _ in texts) >= FEW


def good_characters(texts: Sequence[tuple[str, float]]) -> int:
    """Characters of the texts that are probably right."""
    return sum(len(text) for text, score in texts if score >= GOOD and _is_text(text))


def may_lie_on_its_side(texts: Sequence[tuple[str, float]]) -> bool:
    """Whether hardly anything of what was read is right."""
    return good_characters(texts) < max(FEW, FEW_OF_ALL * sum(len(text) for text, _ in texts))


def is_better(turned: Sequence[tuple[str, float]], as_it_is: Sequence[tuple[str, float]]) -> bool:
    """Whether a few lines were recognized better after a turn, though one of them may be asterisks."""
    score = mean_score(turned)
    much = evidence(turned) > MUCH_BETTER * evidence(as_it_is)
    return score > GOOD and (score > mean_score(as_it_is) + BETTER or much)


def evidence(texts: Sequence[tuple[str, float]]) -> float:
    """How much was read that is probably right: characters, those of a barely good text for next to nothing.

    Upside down, letters look like others: of a text on its head as many are read as of an upright one.
    """
    return sum(len(text) * (score - GOOD) for text, score in texts if score >= GOOD and _is_text(text))


def _is_text(text: str) -> bool:
    return len(text) > CONCLUSIVE and not _is_row_of_letters(text)


def _is_of_letters(text: str) -> bool:
    return 2 * sum(map(str.isalpha, text)) > len(text)


def _is_row_of_letters(text: str) -> bool:
    """Whether a text is single letters, as which lines that lie on their side are found."""
    return len(text) <= 2 * len(text.split())
