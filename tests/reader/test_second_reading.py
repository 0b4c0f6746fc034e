"""Further readings of doubtful lines, and which of them counts."""

import pytest

from src.reader.patterns import is_pattern
from src.reader.second_reading import ALONE, DOUBTFUL, HOPELESS, doubtful, surest
from src.reader.text_recognizer import LineText


def test_only_doubtful_lines_are_read_again():
    scores = (DOUBTFUL, DOUBTFUL - 0.01, HOPELESS, HOPELESS - 0.01)
    assert doubtful([*(LineText("a", score) for score in scores), LineText("", 0.0)]) == [1, 2]


@pytest.mark.parametrize(
    ("readings", "text", "score"),
    [
        ([("SALE", 0.8), ("SALE", 0.9), ("SALT", 0.93)], "SALE", 0.9),  # two agree
        ([("SALE", 0.8), ("sale", 0.7), ("5A1E", 0.82)], "SALE", 0.8),  # but for case
        ([("SALE", 0.8), ("SOLD", 0.9), ("BOLD", 0.7)], "SOLD", 0.9 - ALONE),  # none does
        ([("Open daily", 0.8), ("Open dally", 0.9), ("Qxn", 0.91)], "Open dally", 0.9),  # almost the same
        ([("", 0.0), ("", 0.0), ("x", 0.04)], "", 0.0),
    ],
)
def test_readings_that_agree_win(readings, text, score):
    best, read = surest([LineText(*reading) for reading in readings])
    assert read.text == text and read.score == pytest.approx(score)
    assert readings[best][0] == text


def test_a_row_of_bricks_is_no_word():
    assert all(is_pattern(text, 0.92) for text in ("DODOODOO", "ODOOODDOOD", "JOOOOD"))
    assert not any(is_pattern(text, 0.8) for text in ("DOOD", "100000", "OOOOO", "VOODOO", "dodo bird", "DROID", ""))
    assert not is_pattern("DODOODOO", 0.96)
