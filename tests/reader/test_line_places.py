"""Lines after they were found: trimmed to their text, joined with the single characters beside them."""

import cv2
import numpy as np
import pytest

from src.common.boxes import box_corners
from src.reader.line_trim import trimmed
from src.reader.mark_texts import join_marks
from src.reader.result import Line, Word
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
