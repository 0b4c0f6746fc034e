"""Lines after they were found: trimmed to their text, joined with the single characters beside them."""

import cv2
import numpy as np
import pytest

from src.common.boxes import box_corners
from src.reader.cut_ends import MORE, lines_with_cut_ends
from src.reader.gutters import split_at_gutters
from src.reader.line_ends import LongerLine, longer_lines
from src.reader.line_trim import trimmed
from src.reader.mark_texts import join_marks
from src.reader.result import Line, Word
from src.reader.text_recognizer import LineText
from src.text_connector.detector import TextLines


def lines_at(*boxes):
    array = np.array(boxes, np.float32)
    return TextLines(array, np.ones(len(array), np.float32), box_corners(array))


@pytest.fixture(scope="module")
def bubble():
    """Text in a rounded button: gray image, and the box of the text."""
    image = np.full((120, 400), 236, np.uint8)
    cv2.rectangle(image, (30, 30), (370, 90), 200, -1)
    cv2.putText(image, "Helping you, quickly", (50, 66), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 0, 2, cv2.LINE_AA)
    ink = np.flatnonzero((image < 100).any(axis=1))
    return image, (int(ink[0]), int(ink[-1]))


def test_a_line_is_as_tall_as_its_text(bubble):
    image, (top, bottom) = bubble
    (box,) = trimmed(lines_at((34, 28, 368, 92)), image).boxes
    assert box[[0, 2]].tolist() == [34, 368]
    assert top - 6 <= box[1] <= top + 1 and bottom - 1 <= box[3] <= bottom + 6


def test_a_line_that_fits_and_a_plain_one_stay(bubble):
    image, (top, bottom) = bubble
    lines = lines_at((48, top - 4, 368, bottom + 4), (30, 2, 370, 26))
    assert trimmed(lines, image) is lines
    tilted = TextLines(
        lines.boxes, lines.scores, lines.polygons + np.array([[0, 0], [0, 5], [0, 5], [0, 0]], np.float32)
    )
    assert trimmed(tilted, image) is tilted


def test_a_trimmed_line_does_not_repeat_another(bubble):
    image, (top, bottom) = bubble
    whole = (48, top - 2, 368, bottom + 2)
    assert trimmed(lines_at(whole, (180, 28, 360, 92)), image).boxes.tolist() == [list(whole)]


def line(box, text, score=0.9):
    corners = tuple(map(tuple, box_corners(np.array([box], float))[0].tolist()))
    return Line(box, corners, 0.8, text, score, (Word(text, box, corners, score),))


def test_a_letter_beside_a_line_is_its_word():
    first, second, far = (
        line((40, 10, 300, 40), "dog barked"),
        line((10, 10, 25, 40), "a", 1.0),
        line((400, 10, 415, 40), "1"),
    )
    (joined, alone) = join_marks([(second, True), (first, False), (far, True)])
    assert joined.text == "a dog barked" and joined.box == (10, 10, 300, 40) and alone is far
    assert [word.text for word in joined.words] == ["a", "dog barked"]
    assert joined.polygon == ((10, 10), (300, 10), (300, 40), (10, 40)) and 0.9 < joined.text_score < 1
    (joined,) = join_marks([(first, False), (line((310, 12, 320, 38), "I"), True)])
    assert joined.text == "dog barked I"


@pytest.fixture(scope="module")
def columns():
    """Two columns of text whose lines nearly touch: gray image, and the boxes of their lines, row by row."""
    image, boxes = np.full((320, 620), 255, np.uint8), []
    for row in range(5):
        for x in (20, 330):
            place = x, 40 + 50 * row
            cv2.putText(image, "all men of the town", place, cv2.FONT_HERSHEY_SIMPLEX, 0.85, 0, 2, cv2.LINE_AA)
            boxes.append((x - 4, place[1] - 22, x + 276, place[1] + 8))
    return image, np.array(boxes, np.float32)


@pytest.mark.parametrize("degrees", [0, 4])
def test_a_line_across_two_columns_is_two(columns, degrees):
    image, boxes = columns
    joined = np.concatenate([boxes[:4], [np.concatenate([boxes[4, :2], boxes[5, 2:]])], boxes[6:]])
    turn = cv2.getRotationMatrix2D((310, 160), degrees, 1)
    image = cv2.warpAffine(image, turn, (620, 320), borderValue=255)
    corners = cv2.transform(box_corners(joined), turn)
    tilted = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    tilt = float(-np.tan(np.radians(degrees)))
    parted = split_at_gutters(TextLines(tilted, np.ones(len(joined)), corners), image, tilt)
    np.testing.assert_allclose(parted.polygons, cv2.transform(box_corners(boxes), turn), atol=12)


def test_a_part_behind_a_gutter_that_is_a_line_already_is_left_out(columns):
    """The box of a line began in the column before it."""
    image, boxes = columns
    early = boxes.copy()
    early[5, 0] = boxes[4, 2] - 24
    parted = split_at_gutters(lines_at(*early), image, 0.0)
    assert len(parted) == len(boxes)
    np.testing.assert_allclose(parted.boxes, boxes, atol=12)


def test_a_wide_gap_that_is_no_gutter_parts_nothing(columns):
    image, boxes = columns
    alone = lines_at(*(np.concatenate([boxes[row, :2], boxes[row + 1, 2:]]) for row in (0, 2, 4, 6)))
    assert split_at_gutters(alone, image, 0.0) is alone  # no line begins behind it
    whole = lines_at(*boxes, *(boxes + np.array([80, 0, 0, 0]))[:4:2])
    assert split_at_gutters(whole, image, 0.0) is whole


@pytest.fixture(scope="module")
def sentence():
    """A line of text between two others: gray image, and where its ink begins and ends."""
    image = np.full((200, 600), 240, np.uint8)
    for row, text in enumerate(("gypsy quay", "are you coming tonight", "gypsy quay")):
        cv2.putText(image, text, (60, 60 + 50 * row), cv2.FONT_HERSHEY_SIMPLEX, 1, 20, 2, cv2.LINE_AA)
    ink = np.flatnonzero((image[90:110] < 150).any(axis=0))
    return image, (int(ink[0]), int(ink[-1]))


@pytest.mark.parametrize("ground", [0, 255])
def test_letters_beyond_the_ends_of_a_line_are_seen(sentence, ground):
    image, (begin, end) = sentence
    image = np.abs(image.astype(np.int16) - ground).astype(np.uint8)
    (found,) = longer_lines(lines_at((begin, 86, end - 60, 114)), image)
    assert found.box[:2].tolist() == [begin, 86] and abs(found.box[2] - end) < 3
    (found,) = longer_lines(lines_at((begin + 50, 86, end, 114)), image)
    assert found.box[2:].tolist() == [end, 114] and abs(found.box[0] - begin) < 3
    assert longer_lines(lines_at((begin - 2, 86, end, 114)), image) == []


def test_an_i_before_a_line_is_a_letter_of_it(sentence):
    image, (begin, end) = sentence
    stroke, block = image.copy(), image.copy()
    stroke[92:110, begin - 7 : begin - 4] = block[92:110, begin - 19 : begin - 5] = 20
    (found,) = longer_lines(lines_at((begin, 86, end, 114)), stroke)
    assert abs(found.box[0] - begin + 7) < 3 and found.box[2] == end
    assert longer_lines(lines_at((begin, 86, end, 114)), block) == []


def test_what_is_beside_a_line_may_be_no_text(sentence):
    image, (begin, end) = sentence
    line = (begin, 86, end, 114)
    for x1, y1, x2, y2 in ((end + 4, 70, end + 8, 130), (end + 4, 90, 599, 106), (end + 4, 88, end + 20, 112)):
        beside = image.copy()
        beside[y1:y2, x1:x2] = 20  # a rule, a bar, a button
        assert longer_lines(lines_at(line), beside) == []
    shorter, next_line = (begin, 86, end - 112, 114), (end - 106, 86, end, 114)
    for found in longer_lines(lines_at(shorter, next_line), image):
        assert found.index == 0 and (found.other == 1 or found.box[2] <= end - 106)


def test_two_parts_between_which_letters_were_missed_are_one_line(sentence):
    image, (begin, end) = sentence
    parts = (begin, 86, begin + 150, 114), (end - 140, 87, end, 114)  # "are you c" and "g tonight"
    (whole,) = (found for found in longer_lines(lines_at(*parts), image) if found.other == 1)
    assert whole.index == 0 and whole.box.tolist() == [begin, 86, end, 114]
    taller = parts[0], (end - 140, 60, end, 114)
    assert all(found.other is None for found in longer_lines(lines_at(*taller), image))
    texts = LineText("are you c", 0.99), LineText("g tonight", 0.98)
    assert whole.is_better(texts, LineText("are you coming tonight", 0.97))
    assert not whole.is_better(texts, LineText("coming tonight are you", 0.97))
    assert not whole.is_better(texts, LineText("are you coming to-nite", 0.97))
    assert not whole.is_better((texts[0], LineText("t", 0.9)), LineText("are you coming tonight", 0.97))


def test_a_longer_line_must_be_the_same_text():
    longer = LongerLine(0, np.zeros((4, 2)))
    short = LineText("coming tonig", 0.99)
    assert longer.is_better([short], LineText("coming tonight?", 0.98))
    assert not longer.is_better([short], LineText("coming tonig", 0.99))
    assert not longer.is_better([short], LineText("coming tonight?", 0.9))
    assert not longer.is_better([short], LineText("corning tonights", 0.99))


@pytest.fixture(scope="module")
def tilted_sentence(sentence):
    """The lines of text turned by ten degrees: gray image, and where points of the level one are in it."""
    image, _ = sentence
    turn = cv2.getRotationMatrix2D((300, 100), -10, 1)
    turned = cv2.warpAffine(image, turn, image.shape[::-1], flags=cv2.INTER_CUBIC, borderValue=240)

    def tilted_lines(*boxes):
        corners = box_corners(np.array(boxes, np.float32)) @ turn[:, :2].T + turn[:, 2]
        polygons = corners.astype(np.float32)
        return TextLines(
            np.concatenate([polygons.min(axis=1), polygons.max(axis=1)], axis=1),
            np.ones(len(boxes), np.float32),
            polygons,
        )

    return turned, tilted_lines


def test_a_tilted_line_that_ends_within_a_letter_is_read_with_more(tilted_sentence, sentence):
    image, tilted_lines = tilted_sentence
    _, (begin, end) = sentence
    assert lines_with_cut_ends(tilted_lines((begin - 4, 86, end + 4, 114)), image) == []
    for cut, sides in (((begin - 4, 86, end - 5, 114), (0, 1)), ((begin + 5, 86, end + 4, 114), (1, 0))):
        line = tilted_lines(cut)
        (found,) = lines_with_cut_ends(line, image)
        moved = np.linalg.norm(found.polygon - line.polygons[0], axis=1)
        height = np.linalg.norm(line.polygons[0, 3] - line.polygons[0, 0])
        np.testing.assert_allclose(moved, MORE * height * np.array([*sides, *sides[::-1]]), atol=1)


def test_a_letter_that_was_left_out_of_a_tilted_line_is_seen(tilted_sentence, sentence):
    image, tilted_lines = tilted_sentence
    _, (begin, end) = sentence
    without = (begin - 4, 86, end - 21, 114)  # "are you coming tonigh"
    assert [found.index for found in lines_with_cut_ends(tilted_lines(without), image)] == [0]
    letter = (end - 18, 86, end + 4, 114)  # where another line has it
    assert [found.index for found in lines_with_cut_ends(tilted_lines(without, letter), image)] != [0]


def test_level_lines_and_other_ink_are_not_cut_letters(tilted_sentence, sentence):
    image, tilted_lines = tilted_sentence
    level, (begin, end) = sentence
    assert lines_with_cut_ends(lines_at((begin, 86, end - 5, 114)), level) == []
    line = tilted_lines((begin - 4, 86, end + 4, 114))
    right = line.polygons[0, [1, 2]].mean(axis=0).astype(int)
    beside = image.copy()
    cv2.rectangle(
        beside, (right[0] + 2, right[1] - 40), (right[0] + 60, right[1] + 40), 20, -1
    )  # taller than the line
    assert lines_with_cut_ends(line, beside) == []
