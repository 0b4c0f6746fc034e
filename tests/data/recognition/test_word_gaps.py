"""Where the words of a line are."""

import numpy as np
import pytest
from drawn_lines import PALETTE, drawn

from src.data.recognition.word_gaps import split_words, word_boxes


@pytest.mark.parametrize("style", PALETTE)
@pytest.mark.parametrize("text", ["Hello World", "a quick brown fox", "OPEN", "NO PARKING 24h", "I am"])
def test_words_are_split_at_the_gaps(text, style):
    line, spans = drawn(text, style=style)
    words = split_words(line)
    assert len(words) == len(spans)
    assert words[0][0] == 0 and words[-1][1] == line.shape[1]
    for (_, end), (start, _), (_, ink_end), (ink_start, _) in zip(words, words[1:], spans, spans[1:], strict=False):
        assert end == start and ink_end - 2 <= end <= ink_start + 2


def test_wide_set_letters_are_one_word():
    line, _ = drawn("PARKING", spacing=8)
    assert split_words(line) == [(0, line.shape[1])]


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (40, 5), (32, 300)])
def test_a_plain_line_is_one_word(shape):
    assert split_words(np.full(shape, 77, np.uint8)) == [(0, shape[1])]


def test_boxes_of_words_stand_in_their_lines():
    line, spans = drawn("two words")
    image = np.full((200, 600, 3), 255, np.uint8)
    height, width = line.shape
    image[50 : 50 + height, 30 : 30 + width] = line[..., None]
    lines = np.array([[30, 50, 29 + width, 49 + height], [5, 150, 5, 150]])
    first, second, empty = word_boxes(image, lines)
    assert first.tolist() == [30, 50, second[0] - 1, 49 + height]
    assert spans[0][1] - 2 <= first[2] - 30 <= spans[1][0] + 2
    assert second[2:].tolist() == [29 + width, 49 + height]
    assert empty.tolist() == [5, 150, 5, 150]
    assert word_boxes(image, np.empty((0, 4))).shape == (0, 4)
