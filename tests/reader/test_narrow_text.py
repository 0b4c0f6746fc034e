"""Single characters: kept in rows of text, by the connector and from their ink, and nowhere else."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from src.common.boxes import box_corners
from src.reader.mark_texts import sure_enough
from src.reader.result import Line
from src.reader.row_marks import lone_marks
from src.text_connector.detector import detect_text_lines
from src.text_connector.options import ConnectorParams

NARROW = ConnectorParams(narrow_lines=True)
FONT = ImageFont.load_default(30)


def row(columns, top=100.0, bottom=124.0):
    x1 = np.asarray(columns) * 16.0
    return np.stack([x1, np.full(len(x1), top), x1 + 16, np.full(len(x1), bottom)], axis=1)


def found(*groups, scores=0.95, params=NARROW):
    boxes = np.concatenate(groups)
    lines = detect_text_lines(boxes, np.broadcast_to(scores, len(boxes)), (576, 960), params)
    return {tuple(np.round(box).astype(int).tolist()) for box in lines.boxes}


WORD, DIGIT = row(range(3, 8)), row([20], 101, 123)


def test_a_digit_in_a_row_is_kept():
    assert found(WORD, DIGIT) == {(48, 100, 128, 124), (320, 101, 336, 123)}
    assert found(WORD, DIGIT, params=ConnectorParams()) == {(48, 100, 128, 124)}


@pytest.mark.parametrize(
    "other",
    [row([20], 140, 162), row([20], 100, 112), row([50]), row([20], 80, 150)],
    ids=["another row", "much lower", "far away", "taller than a letter of that width"],
)
def test_what_stands_in_no_row_is_not(other):
    assert found(WORD, other) == {(48, 100, 128, 124)}


def test_a_word_of_two_proposals_that_scores_high():
    assert found(row([20, 21]), scores=0.99) == {(320, 100, 352, 124)}
    assert found(row([20, 21]), scores=0.95) == set() == found(row([20]), scores=0.99)


def test_a_row_goes_on_along_its_tilt():
    tilted = np.concatenate([row([3 + i], 100 + 2 * i, 124 + 2 * i) for i in range(8)])
    digit = row([20], 134, 158)  # 34 pixels lower, 17 proposals on
    assert (320, 134, 336, 158) in found(tilted, digit)


def table(quantities):
    image = Image.new("L", (700, 420), "white")
    draw, boxes = ImageDraw.Draw(image), []
    for number, (item, quantity, price) in enumerate(quantities):
        y = 40 + 80 * number
        for x, text in ((30, item), (520, price)):
            draw.text((x, y), text, fill="black", font=FONT)
            boxes.append(draw.textbbox((x, y), text, font=FONT))
        draw.text((335, y), quantity, fill="black", font=FONT)
    return np.asarray(image), np.array(boxes, float)


def test_digits_in_a_table_are_found_by_their_ink():
    gray, boxes = table(
        [("Hammer", "1", "12.00"), ("Nails", "2", "3.50"), ("Paint", "4", "20.00"), ("Tape", "", "1")]
    )
    marks = lone_marks(gray, boxes)
    assert len(marks) == 3 and (np.abs(marks[:, 0] - 335) < 8).all() and (marks[:, 2] < 360).all()
    white_on_black = lone_marks(255 - gray, boxes)
    np.testing.assert_array_equal(white_on_black, marks)


def test_two_digits_with_a_little_room_between_them_are_one_mark():
    gray, boxes = table([("Hammer", "", "12.00"), ("Nails", "", "3.50"), ("Paint", "", "20.00")])
    gray, height = gray.copy(), round(boxes[0, 3] - boxes[0, 1])
    for x in (335, 335 + round(0.25 * height) + height // 3):
        gray[round(boxes[0, 1]) + 2 : round(boxes[0, 3]) - 2, x : x + height // 4] = 0
    ((left, _, right, _),) = lone_marks(gray, boxes)
    assert (left, right) == pytest.approx((334, 335 + 0.84 * height), abs=3)


def test_rules_images_and_noise_are_no_characters():
    gray, boxes = table([("Hammer", "", "12.00"), ("Nails", "", "3.50"), ("Paint", "", "20.00")])
    ruled = gray.copy()
    ruled[:, 340:343] = 0
    assert len(lone_marks(ruled, boxes)) == 0
    noisy = gray.copy()
    noisy[:, 250:500] = np.random.default_rng(0).integers(0, 256, (420, 250))
    assert len(lone_marks(noisy, boxes)) == 0
    assert len(lone_marks(gray, boxes[:3])) == 0 and len(lone_marks(gray, np.empty((0, 4)))) == 0


def test_columns_of_digits_far_from_all_text():
    gray, boxes = table([("Hammer", "1", ""), ("Nails", "0", ""), ("Paint", "4", ""), ("Tape", "8", "")])
    names = boxes[::2]
    assert len(lone_marks(gray, names)) == 4
    alone = gray.copy()
    alone[80:, 320:] = 255
    assert len(lone_marks(alone, names)) == 1
    alone[40:80, 500:600:20] = 0  # it is not all that is in its row, and one is no column
    assert len(lone_marks(alone, names)) == 0


def test_a_price_that_was_missed_among_others():
    gray, boxes = table([(name, "", "12.50") for name in ("Hammer", "Nails", "Paint", "Tape", "Brush")])
    (found,) = lone_marks(gray, np.delete(boxes, 5, axis=0))
    np.testing.assert_allclose(found, boxes[5], atol=6)
    assert len(lone_marks(gray, boxes[::2])) == 0  # words in no column of lines


def test_the_number_below_a_page_of_lines():
    page, lines = np.full((700, 900), 250, np.uint8), []
    for top in range(100, 420, 40):
        page[top + 6 : top + 26, 60:840:3] = 20
        lines.append((60, top, 840, top + 30))
    boxes = np.array(lines, np.float32)
    page[620:642, 440:452] = 20
    (mark,) = lone_marks(page, boxes)
    np.testing.assert_allclose(mark, (439, 616, 452, 646), atol=2)
    np.testing.assert_allclose(
        lone_marks(page[::-1], np.stack([boxes[:, 0], 700 - boxes[:, 3], boxes[:, 2], 700 - boxes[:, 1]], axis=1)),
        [(439, 54, 452, 84)],
        atol=2,
    )
    assert len(lone_marks(page, boxes[:7])) == 0  # no page
    for place in (np.s_[560:562, 100:700], np.s_[560:580, 600:612], np.s_[642:700, 440:452]):
        other = page.copy()
        other[place] = 20  # a rule, a second mark, a bar to the edge
        assert len(lone_marks(other, boxes)) == 0


def test_a_row_of_which_no_cell_was_found():
    rows = [
        ("10", "1", "17"),
        ("20", "8", "27"),
        ("30", "4", "37"),
        ("40", "5", "47"),
        ("50", "7", "57"),
        ("6", "", ""),
    ]
    gray, boxes = table(rows)
    ruled = gray.copy()
    ruled[26::80, 10:690] = 120
    for missed in (slice(0, 4), slice(2, 6)):
        marks = lone_marks(ruled, np.delete(boxes, missed, axis=0))
        cells = {tuple(np.flatnonzero((np.abs(boxes - mark) < 12).all(axis=1))) for mark in marks}
        assert cells >= {(index,) for index in range(*missed.indices(99))}
    # One column is no table: what stands above the lines of a sign may be anything.
    assert len(lone_marks(ruled[:, :200], boxes[2::2])) == 0


def test_digits_of_a_page_on_a_dark_table():
    page, boxes = table([("Hammer", "1", ""), ("Nails", "0", ""), ("Paint", "4", ""), ("Tape", "8", "5.00")])
    boxes = np.delete(boxes, [1, 3, 5], axis=0) + np.array([500, 0, 500, 0])
    gray = np.pad(page, ((0, 0), (500, 500)), constant_values=40)
    assert len(lone_marks(gray, boxes)) == 4


def mark(x, y, text, score):
    box = (x, y, x + 12.0, y + 20.0)
    return Line(box, tuple(map(tuple, box_corners(np.array([box]))[0].tolist())), 0.5, text, score), True


def test_a_zero_among_digits_may_look_like_a_letter():
    line = (mark(0, 0, "Bolts", 0.7)[0], False)
    digit, zero, far = mark(100, 0, "7", 0.99), mark(160, 2, "0", 0.63), mark(300, 80, "0", 0.63)
    assert sure_enough([line, digit, zero, far], 0.65) == [line, digit, zero]
    assert sure_enough([zero, mark(160, 40, "8", 0.8), mark(160, 80, "O", 0.7)], 0.65) == []
    assert sure_enough([line, digit, zero], 0.8) == [digit]
    one = mark(160, 2, "1", 0.66)
    detected, rule = (one[0], False), one
    assert sure_enough([digit, detected, rule], 0.8) == [digit]
    assert sure_enough([digit, detected, rule], 0.75) == [digit, detected]
    below = mark(160, 40, "6", 0.99)  # digits in its row and in its column
    assert sure_enough([digit, zero, below], 0.75) == [digit, zero, below]
