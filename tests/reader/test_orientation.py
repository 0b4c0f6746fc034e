"""Turned and tilted images, and images that are a line themselves."""

import cv2
import numpy as np
import pytest

from src.common.boxes import box_corners
from src.reader.orientation import is_doubtful, turned
from src.reader.reading_order import reading_order
from src.reader.tilt import followed, image_tilt, level_boxes
from src.reader.whole_image import may_be_one_line, whole_wins
from src.text_connector.detector import TextLines

FORM = [(row, x) for row in range(5) for x in (60, 700)]  # labels and values, in reading order


def form(degrees):
    """Lines of a form that was turned by so many degrees, in reading order."""
    turn = cv2.getRotationMatrix2D((500, 300), degrees, 1)
    corners = [
        [(x, 100 + 100 * row), (x + 120, 100 + 100 * row), (x + 120, 132 + 100 * row), (x, 132 + 100 * row)]
        for row, x in FORM
    ]
    polygons = np.array(corners) @ turn[:, :2].T + turn[:, 2]
    boxes = np.concatenate([polygons.min(axis=1), polygons.max(axis=1)], axis=1)
    return TextLines(boxes.astype(np.float32), np.ones(len(boxes), np.float32), polygons.astype(np.float32))


@pytest.mark.parametrize("degrees", [-5, -3, -2, 0, 2, 3, 5])
def test_a_tilted_form_is_read_row_by_row(degrees):
    lines = form(degrees)
    tilt = image_tilt(lines.polygons)
    assert np.degrees(np.arctan(tilt)) == pytest.approx(-degrees, abs=0.05)
    shuffled = np.random.default_rng(0).permutation(len(lines))
    mixed = TextLines(lines.boxes[shuffled], lines.scores[shuffled], lines.polygons[shuffled])
    assert shuffled[reading_order(level_boxes(mixed, tilt))].tolist() == list(range(len(FORM)))


def test_polygons_follow_where_tilt_shows():
    level, tilted = form(0.3), form(3)
    assert (followed(level, image_tilt(level.polygons), "auto").polygons == box_corners(level.boxes)).all()
    assert (followed(tilted, image_tilt(tilted.polygons), "auto").polygons == tilted.polygons).all()
    assert (followed(tilted, image_tilt(tilted.polygons), False).polygons == box_corners(tilted.boxes)).all()
    assert (followed(level, image_tilt(level.polygons), True).polygons == level.polygons).all()
    assert image_tilt(tilted.polygons[:2]) == 0  # two lines are no tilt of an image


def test_turns_are_clockwise():
    image = np.zeros((2, 3, 3), np.uint8)
    image[0, 0] = 255
    assert turned(image, 90).shape == (3, 2, 3) and turned(image, 90)[0, 1].all()
    assert turned(image, 180)[1, 2].all() and turned(image, 270)[2, 0].all()
    assert (turned(image, 0) == image).all()


def test_what_leaves_open_how_an_image_stands():
    assert not is_doubtful([("Open daily", 0.97), ("l", 0.5)])
    assert is_doubtful([("uado", 0.7), ("ll", 0.99)]) and is_doubtful([])
    assert is_doubtful([("U", 0.99), ("LL", 0.99), ("n", 0.9), ("LLI", 0.99)])  # letters that lie on their side
    assert not is_doubtful([("27", 0.99)])


def test_which_images_may_be_one_line():
    none, word = np.empty((0, 4)), np.array([[5, 3, 90, 28]])
    assert may_be_one_line((32, 100), none) and may_be_one_line((32, 100), word)
    assert may_be_one_line((17, 16), none) and may_be_one_line((205, 769), word * 7)
    rows = np.array([[5, 3, 90, 14], [5, 17, 90, 28]])
    assert not may_be_one_line((32, 100), rows)
    assert not may_be_one_line((960, 1280), none) and not may_be_one_line((256, 256), none)
    assert not may_be_one_line((120, 200), word / 3)  # a small word in a larger image


def test_the_surer_reading_wins():
    assert whole_wins(("VIRGINIA", 0.99), [("VIRGINI", 0.93), ("IRGINIA", 0.98)])
    assert not whole_wins(("Bie", 0.6), [("RENEW NOW!", 0.99)])
    assert whole_wins(("7", 0.9), []) and not whole_wins(("7", 0.7), []) and not whole_wins(("", 0.0), [])
