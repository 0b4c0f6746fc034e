"""Where the words of a line are: its columns between the wide gaps. Pure NumPy and OpenCV.

A line of text is an image of the line alone, the text running from left to right.
"""

from itertools import pairwise

import cv2
import numpy as np

from src.common.quantiles import quantile
from src.data.recognition.preprocess import to_gray

HEIGHT = 32  # the line is looked at in this height, so that the pixels below are shares of it
SHARE = 0.2  # of the way from the quietest columns to the busy ones: below it a column is a gap
NARROWEST = 5.0  # pixels of a gap between words
WIDEST = 12.0  # a gap of so many pixels is between words, however wide the letters are set
OVER_LETTERS = 5.0  # a gap between words is so many times the typical gap of the line
SHORTEST_WORD = 4.0  # pixels
FEWEST_LETTERS, OVER_SPACED = 4, 1.6  # of a line whose letters stand apart, every one a piece of its own
LETTER_WIDTH = 16.0  # pixels, with its gap


def split_words(line: np.ndarray) -> list[tuple[int, int]]:
    """Columns (first, one behind the last) of the words of a line, from left to right, covering all ink.

    Args:
        line: uint8 (H, W) or RGB (H, W, 3).

    There is at least one word; the cuts lie in the middle of the gaps.
    """
    gray = to_gray(line)
    height, width = gray.shape
    scaled_width = max(1, round(width * HEIGHT / height))
    if scaled_width < 2 * SHORTEST_WORD or height < 4:
        return [(0, width)]
    # Area averaging where it shrinks: single noisy pixels must not close a gap.
    how = cv2.INTER_AREA if height > HEIGHT else cv2.INTER_LINEAR
    starts, ends = _runs(quiet_columns(cv2.resize(gray, (scaled_width, HEIGHT), interpolation=how)))
    inner = (starts > 0) & (ends < scaled_width)
    starts, ends = starts[inner], ends[inner]
    gaps = ends - starts
    if not len(gaps):
        return [(0, width)]
    limit = _limit(gaps, scaled_width)
    cuts = (starts + ends)[gaps >= limit] / 2 * width / scaled_width
    edges = np.concatenate([[0], np.round(cuts).astype(int), [width]])
    words = [(int(a), int(b)) for a, b in pairwise(edges)]
    return _without_slivers(words, SHORTEST_WORD * height / HEIGHT)


def word_boxes(image: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """Boxes of the words of upright lines, split at their gaps.

    Args:
        image: RGB uint8 (H, W, 3).
        lines: (M, 4) boxes x1, y1, x2, y2 inside the image, both ends included.

    Returns:
        (N, 4) float32, the words of each line after those of the line before; a word is as high as its line.
    """
    words = []
    for box in np.asarray(lines, np.float64).reshape(-1, 4):
        x1, y1, x2, y2 = np.round(box).astype(int)
        first, last = max(x1, 0), max(x2, x1) + 1
        crop = image[max(y1, 0) : max(y2, y1) + 1, first:last]
        for begin, end in split_words(crop) if crop.size else [(0, last - first)]:
            words.append([max(box[0], first + begin), box[1], min(box[2], first + end - 1), box[3]])
    return np.array(words, np.float32).reshape(-1, 4)


def _limit(gaps: np.ndarray, scaled_width: int) -> float:
    """Width from which a gap is between words."""
    # Most gaps between letters are too narrow to be seen here; those count as 0. Only letters that are set wide
    # apart make a typical gap, and with it the limit, large.
    hidden = max(0, round(scaled_width / LETTER_WIDTH) - 1 - len(gaps))
    limit = np.clip(OVER_LETTERS * np.median(np.append(gaps, np.zeros(hidden))), NARROWEST, WIDEST)
    pieces = len(gaps) + 1
    if pieces >= FEWEST_LETTERS and (scaled_width - gaps.sum()) / pieces < HEIGHT:
        # The pieces are as narrow as letters: only what is clearly wider than the gap between them parts words.
        limit = max(limit, OVER_SPACED * np.median(gaps))
    return float(limit)


def quiet_columns(gray: np.ndarray) -> np.ndarray:
    """Whether each column of a line, uint8 (H, W), is without ink: bool (W,), all false where there is none."""
    activity = column_activity(gray)
    ordered = np.sort(activity)
    low, high = quantile(ordered, 0.05), quantile(ordered, 0.8)
    if high - low < 1.0:  # no ink to speak of
        return np.zeros(len(activity), bool)
    return activity < low + SHARE * (high - low)


def column_activity(gray: np.ndarray) -> np.ndarray:
    """How much the gray values change in and beside each column, (w,); strokes do, plain ground does not.

    The uppermost and lowest tenth are left out: there, borders and neighboring lines would bridge the gaps.
    """
    inside = gray[len(gray) // 10 : len(gray) - len(gray) // 10].astype(np.float32)
    vertical = np.abs(np.diff(inside, axis=0)).mean(axis=0)
    horizontal = np.abs(np.diff(inside, axis=1, append=inside[:, -1:])).mean(axis=0)
    return np.convolve(vertical + horizontal, (0.25, 0.5, 0.25), mode="same")


def _runs(flags: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and one behind the last index of every run of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return edges[::2], edges[1::2]


def _without_slivers(words: list[tuple[int, int]], shortest: float) -> list[tuple[int, int]]:
    """Parts that are too narrow for a word joined to the one before, or behind."""
    joined: list[tuple[int, int]] = []
    for word in words:
        too_narrow = word[1] - word[0] < shortest or (joined and joined[-1][1] - joined[-1][0] < shortest)
        if joined and too_narrow:
            joined[-1] = (joined[-1][0], word[1])
        else:
            joined.append(word)
    return joined
