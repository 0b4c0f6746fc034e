"""Where the words of a recognized line are: from the time steps of CTC and the ink between and around them.

Positions are columns of the recognizer's input, then shares of the line; n characters.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import cv2
import numpy as np

from src.common.quantiles import quantile
from src.common.resize import resized
from src.reader.line_crops import part_of_height

FEWEST = 4  # letters of a line whose gaps tell where words end
LEAST_GAP = 6  # columns between two words at least
WIDER = 2.5  # times the widest gap between letters of a word, that a gap between words is at least
IN_NUMBERS = 12  # the same between two digits
MOST_GAPS = 1 / 3  # share of the places between letters: more wide ones are letters that are spaced out
POINTS, NEARLY = ".,:", 1  # in numbers, and by how many columns the gaps on both sides of one may differ
HYPHEN, DOUBTFUL = "-", 0.9  # a space on one side of a hyphen that scores less is looked at
LIKE_SPACES = 0.75  # the same of the narrowest space that was read in the line
BEFORE_DIGITS, LEAST_BEFORE_DIGITS = 0.6, 4  # of the typical space, and columns, between a letter and a digit
SEEN = (48, 300)  # rows and columns of a word that are looked at, at most
LEAST_SIDE = 5  # pixels of a word whose rows are looked at
LEAST_CHANGE = 2.0  # gray values from column to column in rows of text
UNCLEAR = 0.5  # change in the quietest rows to that in the busiest, above which text is not told from its ground
TEXT_FROM = 0.15  # of the way from the quietest rows to the busiest: above it a row has text
LOWEST_TEXT, TALLEST_TEXT = 0.25, 0.9  # shares of the height: lower text is a mark, taller one fills it
ROW_MARGIN = 0.1  # of the text's height, above and below


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
    none, in the middle between the two letters. The first word begins and the last ends with the ink. Where letters
    stand as far apart as words, a space that was not read is one too; beside the point of a number or a hyphen, a
    space that is no wider than what is on the other side is none.
    """
    words = _joined_numbers(text, _between_spaces(text), columns, quiet)
    words = _joined_at_hyphens(text, words, columns, scores, quiet)
    words = _split_at_gaps(text, words, columns, quiet)
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
            "".join(text[first:last].split()),
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


def _joined_numbers(
    text: str, words: list[tuple[int, int]], columns: Sequence[float], quiet: np.ndarray
) -> list[tuple[int, int]]:
    """The words, numbers whole in which a space was read after a point that stands in the middle between digits."""
    joined: list[tuple[int, int]] = []
    for first, end in words:
        if joined:
            before, point = joined[-1][1] - 2, joined[-1][1] - 1
            marked = before >= joined[-1][0] and text[point] in POINTS
            if marked and text[before].isdigit() and text[first].isdigit():
                wide = _gap_width(quiet, columns[point], columns[first])
                if 0 < wide <= _gap_width(quiet, columns[before], columns[point]) + NEARLY:
                    joined[-1] = joined[-1][0], end
                    continue
        joined.append((first, end))
    return joined


def _joined_at_hyphens(
    text: str, words: list[tuple[int, int]], columns: Sequence[float], scores: Sequence[float], quiet: np.ndarray
) -> list[tuple[int, int]]:
    """The words, those whole in which a doubtful space was read on one side of a hyphen between letters."""
    if HYPHEN not in text or len(words) < 2:
        return words
    spaces = [_gap_width(quiet, columns[before - 1], columns[after]) for (_, before), (after, _) in pairwise(words)]
    joined = words[:1]
    for index, (first, end) in enumerate(words[1:]):
        start, last = joined[-1]
        hyphen = last - 1 if text[last - 1] == HYPHEN else first
        other = hyphen - 1 if hyphen < last else hyphen + 1  # the letter on the side without a space
        is_between = text[hyphen] == HYPHEN and start <= other < end
        if is_between and text[other].isalpha() and text[first if hyphen < last else last - 1].isalpha():
            beside = _gap_width(quiet, *sorted((columns[hyphen], columns[other])))
            typical = median(spaces[:index] + spaces[index + 1 :] or [math.inf])
            doubtful = min(scores[last:first]) < DOUBTFUL and spaces[index] < LIKE_SPACES * typical
            if doubtful or spaces[index] <= beside + NEARLY:
                joined[-1] = start, end
                continue
        joined.append((first, end))
    return joined


def _split_at_gaps(
    text: str, words: list[tuple[int, int]], columns: Sequence[float], quiet: np.ndarray
) -> list[tuple[int, int]]:
    """The words (first, end), those in two whose letters are as far apart somewhere as words are."""
    inside = [index for first, end in words for index in range(first, end - 1)]
    if len(inside) + len(words) < FEWEST or not inside:
        return words
    gaps = {index: _gap_width(quiet, columns[index], columns[index + 1]) for index in inside}
    spaces = [_gap_width(quiet, columns[before - 1], columns[after]) for (_, before), (after, _) in pairwise(words)]
    least = max(LEAST_GAP, LIKE_SPACES * min(spaces, default=0))
    # Letters that are spaced out, or of one width each, have no gaps of two kinds.
    ordered = sorted(gaps.values())
    kinds = [wide for narrow, wide in pairwise(ordered) if wide >= max(least, WIDER * (narrow + 1))]
    cuts = set()
    if kinds:
        cuts = {
            index + 1
            for index, gap in gaps.items()
            if gap >= kinds[0]
            and text[index : index + 2].isalnum()
            and (gap >= IN_NUMBERS or not text[index : index + 2].isdigit())
        }
    # "of 12" has less room than other words: its f leans over the gap.
    if spaces and ordered[-1] >= max(LEAST_BEFORE_DIGITS, BEFORE_DIGITS * median(spaces)):
        widest = [index for index, gap in gaps.items() if gap == ordered[-1]]
        if len(widest) == 1 and _is_before_digits(text[widest[0] : widest[0] + 2]):
            cuts.add(widest[0] + 1)
    if not cuts or len(cuts) > MOST_GAPS * len(inside):
        return words
    return [piece for word in words for piece in _pieces(text, word, cuts)]


def _is_before_digits(pair: str) -> bool:
    """Whether a digit is before or after a small letter: capitals and digits make codes."""
    return pair.isalnum() and pair.lower() == pair and pair[0].isdigit() != pair[1].isdigit()


def _pieces(text: str, word: tuple[int, int], cuts: set[int]) -> list[tuple[int, int]]:
    """A word cut in pieces; whole, where one of them would be a single letter."""
    first, end = word
    pieces = list(pairwise([first, *(cut for cut in range(first + 1, end) if cut in cuts), end]))
    single = any(last - begin == 1 and text[begin].isalpha() for begin, last in pieces)
    return [word] if single else pieces


def _gap_width(quiet: np.ndarray, left: float, right: float) -> float:
    begin, end = _gap(quiet, left, right)
    return end - begin


def _gap(quiet: np.ndarray, left: float, right: float) -> tuple[float, float]:
    """The widest quiet run strictly between two columns; where there is none, their middle twice."""
    first = math.floor(left) + 1
    between = quiet[first : math.ceil(right)].tobytes()  # of a few columns: NumPy would take ten times as long
    widest = max(between.split(b"\0"), key=len)
    if not widest:
        return (left + right) / 2, (left + right) / 2
    start = first + between.index(widest)
    return float(start), float(start + len(widest))


def text_rows(gray: np.ndarray) -> tuple[float, float]:
    """Top and bottom of the text in an upright word, uint8 (H, W), as shares of its height.

    The rows of text change most from left to right. (0, 1) where they fill it or cannot be told from the ground.
    """
    whole = (0.0, 1.0)
    if min(gray.shape) < LEAST_SIDE:
        return whole
    height, width = min(gray.shape[0], SEEN[0]), min(gray.shape[1], SEEN[1])
    small = resized(gray, (height, width))
    change = cv2.absdiff(small[:, 1:], small[:, :-1]).mean(axis=1)
    change = np.convolve(np.concatenate([change[:1], change, change[-1:]]), (0.25, 0.5, 0.25), "valid")
    ordered = np.sort(change)
    ground, text = quantile(ordered, 0.05), quantile(ordered, 0.9)
    if text < LEAST_CHANGE or ground > UNCLEAR * text:
        return whole
    edges = np.diff(np.concatenate([[False], change > ground + TEXT_FROM * (text - ground), [False]]).astype(np.int8))
    runs = zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True)
    first, last = max(runs, key=lambda run: float(change[run[0] : run[1]].sum()))
    if not LOWEST_TEXT * height <= last - first <= TALLEST_TEXT * height:
        return whole
    margin = ROW_MARGIN * (last - first)
    return max(0.0, (first - margin) / height), min(1.0, (last + margin) / height)


def place_word(span: tuple[float, float], polygon: np.ndarray, rows: tuple[float, float] = (0.0, 1.0)) -> np.ndarray:
    """Corners (4, 2) of the part of a line from `span[0]` to `span[1]` of its length, clockwise from the top left.

    Args:
        span: shares of the line's length, in ascending order.
        polygon: (4, 2) of the line, clockwise from the start of its top.
        rows: its top and bottom as shares of the line's height, in ascending order.
    """
    polygon = part_of_height(np.asarray(polygon, np.float64), rows)
    left, right = np.clip(span, 0, 1)
    top, bottom = polygon[1] - polygon[0], polygon[2] - polygon[3]
    return np.stack(
        [polygon[0] + left * top, polygon[0] + right * top, polygon[3] + right * bottom, polygon[3] + left * bottom]
    )
