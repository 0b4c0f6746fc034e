"""Words of a line: what they are, where they stand, also along tilted lines."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from src.crnn.alphabet import Alphabet
from src.reader.line_crops import cut_line
from src.reader.text_recognizer import TextRecognizer
from src.reader.word_spans import place_word, text_rows, word_spans

FONT = ImageFont.load_default(24)
ASCII = Alphabet.named("printable_ascii")


def spans(text, columns, quiet):
    return word_spans(text, columns, [0.5] * len(text), np.array(quiet, bool))


def test_words_end_where_the_ink_does():
    quiet = [1, 0, 0, 0, 1, 1, 1, 0, 0, 1]
    first, second = spans("a b", (2, 5, 8), quiet)
    assert (first.text, first.left, first.right, first.score) == ("a", 0.1, 0.4, 0.5)
    assert (second.text, second.left, second.right) == ("b", 0.7, 0.9)


@pytest.mark.parametrize("text", [" a b", "a b ", "  a   b "])
def test_spaces_at_the_ends_and_in_a_row_lose_no_word(text):
    columns = np.linspace(0, 9, len(text))
    words = spans(text, columns, [0] * 10)
    assert [word.text for word in words] == ["a", "b"]
    assert words[0].right == words[1].left  # no gap to be seen between them: the middle
    assert all(0 <= word.left <= word.right <= 1 for word in words)


def test_a_line_without_a_space_is_a_word_and_one_of_spaces_none():
    (word,) = spans("ab", (2, 7), [1, 0, 0, 0, 0, 0, 0, 0, 1, 1])
    assert (word.text, word.left, word.right) == ("ab", 0.1, 0.8)
    assert spans("  ", (2, 7), [0] * 10) == [] == spans("", (), [0] * 10)


def spaced(text, gaps):
    """Words of letters of four columns each, with such gaps behind them."""
    columns, quiet = [], []
    for gap in gaps:
        columns.append(len(quiet) + 1.5)
        quiet += [0] * 4 + [1] * gap
    return [word.text for word in spans(text, columns, quiet)]


def test_a_space_that_was_not_read_is_seen_in_the_ink():
    assert spaced("amto6pmdaily", (1, 7, 0, 7, 8, 1, 1, 0, 1, 1, 0, 1)) == ["am", "to", "6", "pmdaily"]
    assert spaced("one twothree", (1, 1, 8, 0, 1, 1, 8, 1, 1, 1, 1, 1)) == ["one", "two", "three"]


@pytest.mark.parametrize(
    ("text", "gaps"),
    [
        ("COFFEE", (7, 8, 7, 7, 8, 7)),  # spaced out
        ("Milk", (4, 6, 9, 0)),  # letters of one width
        ("21.11", (1, 1, 7, 8, 1)),  # digits are
        ("INSPIRON/", (8, 7, 8, 8, 7, 8, 8, 1, 0)),
        ("networks.", (1, 0, 1, 0, 1, 1, 1, 9, 0)),  # before a period
        ("FREE", (8, 1, 0, 1)),  # a letter alone
        ("ab cdef", (1, 12, 0, 1, 8, 1, 1)),  # the space that was read is wider
        ("i o", (9, 9, 9)),
    ],
)
def test_gaps_that_are_no_spaces(text, gaps):
    assert spaced(text, gaps) == text.split()


def test_a_point_in_the_middle_between_digits_ends_no_word():
    assert spaced("30. 00", (1, 7, 6, 1, 1, 1)) == ["30.00"]
    assert spaced("at 18: 42", (1, 9, 1, 1, 6, 4, 1, 1, 1)) == ["at", "18:42"]
    assert spaced("3. 5 kg", (1, 6, 4, 9, 4, 1, 1)) == [
        "3.",
        "5",
        "kg",
    ]  # the gap is wider than that before the point
    assert spaced("No. 5", (1, 7, 4, 1, 1)) == ["No.", "5"]


def test_a_space_beside_a_hyphen_is_one_only_where_there_is_room():
    assert spaced("forty- two", (1, 0, 1, 0, 3, 2, 1, 0, 1, 1)) == ["forty-two"]
    assert spaced("one forty -two", (1, 1, 1, 7, 1, 0, 1, 0, 1, 1, 3, 1, 0, 1)) == ["one", "forty-two"]
    room = spaced("pre- and post", (1, 0, 1, 6, 1, 1, 1, 8, 0, 1, 0, 1, 1))
    assert room == ["pre-", "and", "post"] and spaced("x - y", (1, 7, 1, 7, 1)) == ["x", "-", "y"]
    assert spaced("at -5", (1, 7, 1, 1, 1)) == ["at", "-5"] and spaced("a -", (1, 0, 1)) == ["a", "-"]


def test_a_number_after_a_letter_that_leans_over_the_space():
    assert spaced("page 3 of12", (0, 1, 0, 8, 1, 8, 1, 0, 5, 0, 1)) == ["page", "3", "of", "12"]
    assert spaced("the 3rd", (1, 0, 8, 1, 3, 1, 1)) == ["the", "3rd"]
    assert spaced("No. 03C52", (0, 1, 8, 1, 6, 1, 1, 1, 1)) == ["No.", "03C52"]
    assert spaced("an A4", (1, 8, 1, 5, 1)) == ["an", "A4"]


class Writer:
    """Stands in for the recognizer: writes characters at given columns of the input, whatever it is shown."""

    name, device = "stand-in", ""

    def __init__(self, text, columns):
        self.classes, self.columns = ASCII.encode(text), columns

    def run(self, image):
        log_probs = np.full((image.shape[3] // 4 + 1, len(image), ASCII.num_classes), -9.0, np.float32)
        log_probs[:, :, 0] = -0.01
        for character, column in zip(self.classes, self.columns, strict=True):
            log_probs[round(column / 4), :, character] = 0
        return [log_probs]


def drawn(text, size=(400, 60), place=(20, 15)):
    """An image (H, W, 3) with a line of text, the box of each of its words, and the middle of each character."""
    image = Image.new("RGB", size, "white")
    ImageDraw.Draw(image).text(place, text, fill="black", font=FONT)
    starts = [place[0] + FONT.getlength(text[:index]) for index in range(len(text) + 1)]
    boxes, begin = [], 0
    for word in text.split():
        begin = text.index(word, begin)
        left, top, right, bottom = FONT.getbbox(word)
        boxes.append((starts[begin] + left, place[1] + top, starts[begin] + right, place[1] + bottom))
        begin += len(word)
    return np.asarray(image), boxes, [(a + b) / 2 for a, b in pairwise(starts)]


def iou(a, b):
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    shared = np.clip(high - low, 0, None).prod()
    return shared / (np.subtract(a[2:], a[:2]).prod() + np.subtract(b[2:], b[:2]).prod() - shared)


@pytest.mark.parametrize("angle", [0, 12])
def test_word_boxes_of_a_drawn_line(angle):
    text = "Open daily from 9:30"
    image, expected, middles = drawn(text)
    top, bottom = min(box[1] for box in expected), max(box[3] for box in expected)
    line = np.array([[20, top], [expected[-1][2], top], [expected[-1][2], bottom], [20, bottom]])
    turn = cv2.getRotationMatrix2D((200, 30), angle, 1)
    turned = cv2.warpAffine(image, turn, (400, 120), borderValue=(255, 255, 255))
    polygon = line @ turn[:, :2].T + turn[:, 2]
    crop = cut_line(turned, polygon, margin=0.15)
    scale = 32 / crop.pixels.shape[0]
    begin = 20 + crop.begin * (line[1, 0] - 20)
    reader = TextRecognizer(Writer(text, [(x - begin) * scale for x in middles]), ASCII, "line", (100, 400, 800))
    (read,) = reader.read([reader.prepare(crop.pixels)])
    assert read.text == text and [word.text for word in read.words] == text.split()
    back = cv2.invertAffineTransform(turn)
    for word, box in zip(read.words, expected, strict=True):
        corners = place_word((crop.along_line(word.left), crop.along_line(word.right)), polygon)
        flat = corners @ back[:, :2].T + back[:, 2]
        found = np.array([*flat.min(axis=0), *flat.max(axis=0)])
        assert iou(found, np.array([box[0], top, box[2], bottom])) > 0.85, word.text


@pytest.mark.parametrize("angle", [0, 12])
def test_a_word_is_as_tall_as_its_text(angle):
    """Lines of a detector are often taller than their text: by the height of the text here."""
    image, expected, _ = drawn("Open daily", size=(400, 120), place=(60, 45))
    image = np.clip(image.astype(int) - np.random.default_rng(0).integers(0, 12, image.shape), 0, 255).astype(
        np.uint8
    )
    turn = cv2.getRotationMatrix2D((200, 60), angle, 1)
    turned = cv2.warpAffine(image, turn, (400, 120), borderValue=(250, 250, 250))
    for left, top, right, bottom in expected:
        extra = (bottom - top) / 2
        line = np.array([[left, top - extra], [right, top - extra], [right, bottom + extra], [left, bottom + extra]])
        polygon = line @ turn[:, :2].T + turn[:, 2]
        crop = cut_line(turned, polygon, margin=0.15)
        begin, end = ((share - crop.begin) / (crop.end - crop.begin) for share in (0, 1))
        corners = place_word((0, 1), polygon, text_rows(crop.part_of_line(begin, end)[:, :, 0]))
        flat = corners @ cv2.invertAffineTransform(turn)[:, :2].T + cv2.invertAffineTransform(turn)[:, 2]
        found = np.array([*flat.min(axis=0), *flat.max(axis=0)])
        assert iou(found, np.array([left, top, right, bottom])) > 0.75


def test_rows_of_what_is_no_text():
    ramp = np.tile(np.arange(40, dtype=np.uint8)[:, None], (1, 60))
    noise = np.random.default_rng(0).integers(0, 255, (40, 60)).astype(np.uint8)
    for plain in (ramp, noise, np.zeros((0, 9), np.uint8), np.zeros((20, 0), np.uint8), ramp[:3]):
        assert text_rows(plain) == (0, 1)
