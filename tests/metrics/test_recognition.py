"""Word metrics beside a plain dynamic program."""

import random
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.common.errors import UserError
from src.metrics.edit_distance import distances_to_all, edit_distances
from src.metrics.recognition import (
    character_error_rate,
    evaluate_words,
    one_minus_ned,
    word_accuracy,
)


def plain_distance(first, second):
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, 1):
        above, row = row, [i]
        for j, b in enumerate(second, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (a != b)))
    return row[-1]


word = st.one_of(st.text("ab", max_size=8), st.text(max_size=12), st.text("aé中\0🎉", max_size=40))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(word, word), max_size=12))
def test_edit_distances_equal_plain(pairs):
    got = edit_distances([a for a, _ in pairs], [b for _, b in pairs])
    assert got.tolist() == [plain_distance(a, b) for a, b in pairs]


@settings(max_examples=80, deadline=None)
@given(st.lists(word, min_size=1, max_size=20), word)
def test_distances_of_one_word_equal_plain(words, reading):
    assert distances_to_all(reading, words).tolist() == [plain_distance(reading, candidate) for candidate in words]


def test_edit_distances_over_many_blocks():
    rng = random.Random(0)
    words = ["".join(rng.choices("abc", k=rng.choice([0, 1, 3, 9, 60]))) for _ in range(2400)]
    got = edit_distances(words[:1200], words[1200:])
    want = [plain_distance(a, b) for a, b in zip(words[:1200], words[1200:], strict=True)]
    assert got.tolist() == want


def test_edit_distance_by_hand():
    assert edit_distances(["kitten", "", "abc", "", "a\0"], ["sitting", "", "", "abc", "a"]).tolist() == [
        3,
        0,
        3,
        3,
        1,
    ]
    assert edit_distances(["a" * 400, "a" * 200], ["b" + "a" * 399, "b" * 20_000]).tolist() == [1, 20_000]
    assert edit_distances([], []).tolist() == []
    with pytest.raises(ValueError, match="pairs"):
        edit_distances(["a"], [])


def test_a_hundred_thousand_words_take_little_time():
    rng = np.random.default_rng(0)
    letters = rng.integers(97, 123, (200_000, 12)).astype(np.uint32).view("U12")[:, 0].tolist()
    cut = rng.integers(2, 13, 200_000).tolist()
    words = [text[:length] for text, length in zip(letters, cut, strict=True)]
    start = time.process_time()
    edit_distances(words[:100_000], words[100_000:])
    assert time.process_time() - start < 1  # 0.05 s on a free core


def test_metrics_by_hand():
    truths = ["Hello", "WORLD", "a-b", ""]
    predictions = ["hello", "WORD", "a-b", "x"]
    assert word_accuracy(predictions, truths) == 0.5
    assert word_accuracy(predictions, truths, case_sensitive=True) == 0.25
    assert one_minus_ned(predictions, truths) == pytest.approx((1 + (1 - 1 / 5) + 1 + 0) / 4)
    assert character_error_rate(predictions, truths) == pytest.approx(2 / 13)
    assert character_error_rate(predictions, truths, case_sensitive=True) == pytest.approx(3 / 13)
    assert one_minus_ned([""], [""]) == 1
    assert character_error_rate(["ab"], [""]) == 2
    metrics = evaluate_words(predictions, truths).metrics()
    assert metrics["samples"] == 4
    assert metrics["accuracy"] == 0.5 and metrics["case_sensitive_accuracy"] == 0.25
    assert metrics["one_minus_ned"] == pytest.approx(2.8 / 4)
    assert metrics["character_error_rate"] == pytest.approx(2 / 13)


def test_nothing_is_stripped_or_folded():
    assert word_accuracy(["a"], ["a "]) == 0
    assert word_accuracy(["ss"], ["ß"]) == 0
    assert word_accuracy(["É"], ["é"]) == 1


@pytest.mark.parametrize("metric", [word_accuracy, one_minus_ned, character_error_rate, evaluate_words])
def test_bad_input(metric):
    with pytest.raises(UserError, match="no samples"):
        metric([], [])
    with pytest.raises(ValueError, match="2 truths, but 1"):
        metric(["a"], ["a", "b"])
