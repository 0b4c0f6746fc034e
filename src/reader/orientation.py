"""Images that lie on their side or stand on their head: signs of it, and the turn that mends it.

A turn is 0, 90, 180 or 270 degrees clockwise. Pure NumPy. The scores were chosen on 75 images of ICDAR 2013 and
born-digital that train nothing: 6 upright images are doubtful and none is turned, of 73 on their heads 62 are.
"""

from collections.abc import Sequence

import numpy as np

DOUBTFUL = 0.95  # mean score of texts below which an image may stand on its head
BETTER = 0.05  # by which the mean score of a turned image must be above that of the image as it is
SURE = 0.98  # score that little text on its head reaches
ENOUGH, SHARE = 5, 0.2  # characters of such texts that leave no doubt, and their share of all
GOOD = 0.8  # score of a text that is right
FEW = 8  # characters: fewer tell no direction; with fewer good ones an image may lie on its side
CONCLUSIVE = 3  # characters of a text that shows its direction: an "l" or "o" is one from every side
MIN_HALF_SEEN = 4  # half-seen proposals without which there is no text to turn


def turned(image: np.ndarray, turn: int) -> np.ndarray:
    """The image after a turn clockwise."""
    return image if turn == 0 else np.ascontiguousarray(np.rot90(image, -turn // 90))


def is_doubtful(texts: Sequence[tuple[str, float]]) -> bool:
    """Whether what was read, as (text, score) pairs, leaves open that the image stands otherwise."""
    conclusive = [(text, score) for text, score in texts if len(text) >= CONCLUSIVE]
    sure = sum(len(text) for text, score in conclusive if score >= SURE and len(text) > CONCLUSIVE)
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
    return sum(len(text) for text, _ in texts if len(text) >= CONCLUSIVE) >= FEW


def good_characters(texts: Sequence[tuple[str, float]]) -> int:
    """Characters of the texts that are probably right."""
    return sum(len(text) for text, score in texts if score >= GOOD and len(text) > CONCLUSIVE)
