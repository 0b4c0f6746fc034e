"""Reading order, line crops, tiles and the recognizer's batches, each without a network."""

import itertools

import cv2
import numpy as np
import pytest
from drawn_lines import drawn

from src.crnn.alphabet import Alphabet, AlphabetError
from src.reader.line_crops import cut_line
from src.reader.reading_order import reading_order
from src.reader.text_recognizer import TextRecognizer, input_shape
from src.weights.card import CardError, WeightsCard, parse_card, read_card


def order(*boxes):
    """Reading order does not depend on the order of detection."""
    boxes = np.array(boxes, float)
    found = reading_order(boxes).tolist()
    shuffled = np.random.default_rng(0).permutation(len(boxes))
    assert shuffled[reading_order(boxes[shuffled])].tolist() == found
    return found


def test_rows_then_left_to_right():
    assert order((50, 52, 90, 70), (0, 50, 40, 70), (0, 10, 30, 30)) == [2, 1, 0]
    assert reading_order(np.empty((0, 4))).tolist() == []


def test_columns_of_running_text_below_a_heading():
    heading = (0, 0, 400, 30)
    left = [(0, 40 + 20 * i, 180, 55 + 20 * i) for i in range(4)]
    right = [(220, 42 + 20 * i, 400, 57 + 20 * i) for i in range(4)]
    assert order(heading, *right, *left) == [0, 5, 6, 7, 8, 1, 2, 3, 4]


def test_a_price_list_is_read_by_rows():
    names = [(0, 20 * i, 150, 15 + 20 * i) for i in range(4)]
    prices = [(200, 20 * i, 240, 15 + 20 * i) for i in range(4)]
    assert order(*names, *prices) == [0, 4, 1, 5, 2, 6, 3, 7]


def test_a_tilted_line_is_turned_upright():
    flat = np.full((200, 300, 3), 255, np.uint8)
    flat[90:110, 60:240] = 0
    flat[90:110, 60:80] = (255, 0, 0)
    turn = cv2.getRotationMatrix2D((150, 100), 20, 1)
    tilted = cv2.warpAffine(flat, turn, (300, 200), borderValue=(255, 255, 255))
    corners = np.array([[60, 90], [240, 90], [240, 110], [60, 110]], float)
    polygon = corners @ turn[:, :2].T + turn[:, 2]
    crop = cut_line(tilted, polygon).pixels
    assert abs(crop.shape[0] - 20) <= 1 and abs(crop.shape[1] - 180) <= 1
    assert crop[10, 100].max() < 60 and crop[10, 8, 0] > 200 and crop[10, 8, 1] < 60
    assert cut_line(tilted, polygon, margin=0.5).pixels.shape[0] == pytest.approx(40, abs=2)


def test_an_upright_line_keeps_its_pixels():
    image = np.random.default_rng(0).integers(0, 256, (50, 60, 3), np.uint8)
    box = np.array([[10, 5], [29, 5], [29, 14], [10, 14]])
    assert (cut_line(image, box).pixels == image[5:15, 10:30]).all()
    assert cut_line(image, box + 1000).pixels.shape == (1, 1, 3)
    assert cut_line(image, box, margin=9).pixels.shape == (50, 60, 3)


class Ruler:
    """Stands in for the recognizer: reads the width class of what it is shown and remembers the batches."""

    name, device = "stand-in", ""

    def __init__(self, classes=37):
        self.batches, self.classes = [], classes

    def run(self, image):
        self.batches.append(image.shape)
        log_probs = np.full((3, len(image), self.classes), -9.0, np.float32)
        log_probs[:, :, 0] = 0
        log_probs[1, :, 0] = -9
        log_probs[1, np.arange(len(image)), image.shape[3] // 100] = -0.1
        return [log_probs]


def test_lines_are_read_in_batches_of_one_width():
    ruler = Ruler()
    reader = TextRecognizer(ruler, Alphabet.named("digits_lower"), "line", (100, 200, 300), batch_size=2)
    widths = [250, 90, 180, 95, 1, 299, 260, 1150]
    lines = [reader.prepare(np.full((32, width), 255, np.uint8)) for width in widths]
    texts = reader.read(lines)
    assert [line.text for line in texts] == ["2", "0", "1", "0", "0", "2", "2", "b"]  # 1150 -> 1200, class 12
    assert all(line.score == pytest.approx(np.exp(-0.1), abs=1e-5) for line in texts)
    assert all(shape[0] <= 2 for shape in ruler.batches)
    assert [shape[3] for shape in ruler.batches] == sorted(shape[3] for shape in ruler.batches)
    for line, expected in zip(lines, texts, strict=True):
        assert reader.read([line]) == [expected]
    assert reader.read([]) == []


def test_words_of_a_line_are_joined_by_spaces():
    line, _ = drawn("Hello big World")
    reader = TextRecognizer(Ruler(), Alphabet.named("digits_lower"), "word")
    assert reader.read([reader.prepare(line), reader.prepare(line, is_word=True)])[0].text == "0 0 0"
    assert reader.read([reader.prepare(line, is_word=True)])[0].text == "0"


def test_an_alphabet_of_another_size():
    reader = TextRecognizer(Ruler(38), Alphabet.named("digits_lower"), "word")
    with pytest.raises(AlphabetError, match="38 classes"):
        reader.read([reader.prepare(np.zeros((32, 100), np.uint8))])


GOOD = {"version": 1, "network": "ctpn"}
BAD_CARDS = [
    [],
    {},
    {"version": 2, "network": "ctpn"},
    {"version": 1, "network": "crnn"},
    {**GOOD, "color": 1},
    {**GOOD, "image_size": [576]},
    {**GOOD, "image_size": [576, 950]},
    {**GOOD, "image_size": [True, 96]},
    {**GOOD, "anchor_heights": []},
    {**GOOD, "anchor_heights": [4, 2]},
    {**GOOD, "anchor_heights": "2 4"},
    {**GOOD, "keep_ratio": 1},
    {**GOOD, "lstm_branch": "rnn3"},
    {**GOOD, "sha256": "abc"},
    {**GOOD, "anchor_heights": [float("nan")]},
    {**GOOD, "lstm_branch": []},
]


@pytest.mark.parametrize("content", BAD_CARDS)
def test_cards_that_are_refused(content):
    with pytest.raises(CardError, match="^card: "):
        parse_card(content, "ctpn", "card")


def test_the_record_of_a_checkpoint_is_no_card(tmp_path):
    """Training writes `best_acc.json` beside `best_acc.ckpt`."""
    (tmp_path / "best_acc.json").write_text('{"hmean": 0.5}')
    assert read_card(tmp_path / "best_acc.ckpt", "ctpn") == WeightsCard("ctpn")


def test_a_card_without_values_stands_for_the_published_ones():
    card = parse_card({**GOOD, "description": "anything", "figures": {"hmean": 0.5}}, "ctpn", "card")
    assert card.image_size == (576, 960) and len(card.anchor_heights) == 14
    assert parse_card({**GOOD, "image_size": [64, 96]}, "ctpn", "card").image_size == (64, 96)


def test_reading_order_is_a_permutation():
    rng = np.random.default_rng(1)
    for count, wide in itertools.product((1, 7, 40), (20, 300)):
        corner = rng.uniform(0, 500, (count, 2))
        boxes = np.concatenate([corner, corner + rng.uniform(1, wide, (count, 2))], axis=1)
        assert sorted(reading_order(boxes).tolist()) == list(range(count))


def test_the_shape_of_the_recognizer_is_fixed_where_it_never_varies():
    assert input_shape("word") == (None, 1, 32, 100)
    assert input_shape("word", [160]) == (None, 1, 32, 160)
    assert input_shape("line") == (None, 1, 32, None)
    assert input_shape("line", [100, 200]) == (None, 1, 32, None)
