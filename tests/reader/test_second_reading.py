"""The second reading of doubtful lines, and which of the two counts."""

import pytest

from src.reader.patterns import is_pattern
from src.reader.second_reading import ALONE, DOUBTFUL, HOPELESS, doubtful, surer
from src.reader.text_recognizer import LineText


def test_only_doubtful_lines_are_read_again():
    scores = (DOUBTFUL, DOUBTFUL - 0.01, HOPELESS, HOPELESS - 0.01)
    assert doubtful([*(LineText("a", score) for score in scores), LineText("", 0.0)]) == [1, 2]


@pytest.mark.parametrize(
    ("first", "second", "best", "score"),
    [
        (("SALE", 0.8), ("SALE", 0.9), 1, 0.9),
        (("SALE", 0.8), ("sale", 0.7), 0, 0.8),  # alike but for case
        (("SALE", 0.8), ("SOLD", 0.9), 1, 0.9 - ALONE),
        (("Open daily", 0.8), ("Open dally", 0.9), 1, 0.9),  # almost the same
        (("", 0.0), ("x", 0.04), 1, 0.0),
        (("SALE", 0.9), ("SALE", 0.9), 0, 0.9),
    ],
)
def test_the_better_of_two_readings_counts_for_less_where_they_differ(first, second, best, score):
    found, text = surer(LineText(*first), LineText(*second))
    assert (found, text.text) == (best, (first, second)[best][0]) and text.score == pytest.approx(score)


def test_a_row_of_bricks_is_no_word():
    assert all(is_pattern(text, 0.92) for text in ("DODOODOO", "ODOOODDOOD", "JOOOOD"))
    assert not any(is_pattern(text, 0.8) for text in ("DOOD", "100000", "OOOOO", "VOODOO", "dodo bird", "DROID", ""))
    assert not is_pattern("DODOODOO", 0.96)
