"""Turned and tilted images, and images that are a line themselves."""

import cv2
import numpy as np
import pytest

from src.common.boxes import box_corners
from src.common.errors import UserError
from src.reader.ink_tilt import ink_tilt
from src.reader.orientation import evidence, is_doubtful, may_lie_on_its_side, turned
from src.reader.reading_order import reading_order
from src.reader.result import Line, ReadResult
from src.reader.steep_tilt import steep_tilt
from src.reader.tilt import followed, level_boxes, level_image, tilted_corners
from src.reader.whole_image import WholeImage, as_one_line, may_be_one_line
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


def slope(degrees):
    return np.tan(np.radians(-degrees))


@pytest.mark.parametrize("degrees", [-5, -3, -2, 0, 2, 3, 5])
def test_a_tilted_form_is_read_row_by_row(degrees):
    lines, tilt = form(degrees), slope(degrees)
    shuffled = np.random.default_rng(0).permutation(len(lines))
    mixed = TextLines(lines.boxes[shuffled], lines.scores[shuffled], lines.polygons[shuffled])
    assert shuffled[reading_order(level_boxes(mixed, tilt))].tolist() == list(range(len(FORM)))


BLANK = np.zeros((620, 1000), np.uint8)
LABELS = ("Name", "Peter", "Street", "Hill", "City", "Ashford", "Phone", "0177", "Sum", "4.50")


@pytest.mark.parametrize("ground", [255, 0])
@pytest.mark.parametrize("degrees", [-6, -2, 0, 1, 3])
def test_the_tilt_of_short_words_is_measured_in_their_ink(degrees, ground):
    image, lines = np.full((620, 1000), ground, np.uint8), form(degrees)
    for (row, x), text in zip(FORM, LABELS, strict=True):
        place = x + 4, 127 + 100 * row
        cv2.putText(image, text, place, cv2.FONT_HERSHEY_SIMPLEX, 1, 255 - ground, 2, cv2.LINE_AA)
    turn = cv2.getRotationMatrix2D((500, 300), degrees, 1)
    tilted = cv2.warpAffine(image, turn, (1000, 620), borderValue=ground)
    assert np.degrees(np.arctan(ink_tilt(tilted, lines.boxes))) == pytest.approx(-degrees, abs=0.3)
    assert ink_tilt(tilted, lines.boxes[:0]) == 0 == ink_tilt(np.full_like(image, 7), lines.boxes)


def test_a_line_without_ink_in_its_middle_tells_no_tilt():
    image = np.full((60, 900), 255, np.uint8)
    image[20:40, 325:330] = image[20:40, 570:575] = 0
    assert ink_tilt(image, np.array([[0, 15, 899, 45]])) == 0


def tilted_page(degrees):
    """A page of print, and boxes as a detector of level lines finds: pieces of several rows each."""
    page = np.full((800, 800), 255, np.uint8)
    for row in range(18):
        text = "the repair of the bridge was agreed"[row % 4 :]
        cv2.putText(page, text, (120, 160 + 28 * row), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 0, 2, cv2.LINE_AA)
    turn = cv2.getRotationMatrix2D((400, 400), degrees, 1)
    boxes = np.array([[x, y, x + 180, y + 30] for x in (150, 330, 510) for y in range(200, 600, 40)], np.float32)
    return cv2.warpAffine(page, turn, (800, 800), borderValue=255), boxes


@pytest.mark.parametrize("degrees", [-34, -19, -8, 11, 15, 27])
def test_the_tilt_of_a_page_is_found_where_its_lines_are_mixed_up(degrees):
    page, boxes = tilted_page(degrees)
    assert np.degrees(np.arctan(steep_tilt(page, boxes))) == pytest.approx(-degrees, abs=0.3)
    assert steep_tilt(page, boxes[:5]) == 0  # lines of a photograph


def test_what_is_level_or_plain_is_no_steep_page():
    page, boxes = tilted_page(2)
    noise = np.random.default_rng(0).integers(0, 255, page.shape).astype(np.uint8)
    for image in (page, noise, np.full_like(page, 9)):
        assert steep_tilt(image, boxes) == 0


def test_polygons_follow_where_tilt_shows():
    level, tilted = form(0.3), form(3)
    assert (followed(level, slope(0.3), BLANK, "auto").polygons == box_corners(level.boxes)).all()
    np.testing.assert_allclose(followed(tilted, slope(3), BLANK, "auto").polygons, tilted.polygons, atol=1)
    assert (followed(tilted, slope(3), BLANK, False).polygons == box_corners(tilted.boxes)).all()
    np.testing.assert_allclose(followed(level, 0.0, BLANK, True).polygons, level.polygons, atol=1)


@pytest.mark.parametrize("degrees", [-14, -8, 8, 16])
def test_each_line_of_a_photograph_follows_its_own_ink(degrees):
    """Proposals show about half of the slope of a short line."""
    image = np.full((400, 400), 200, np.uint8)
    cv2.putText(image, "Market", (140, 212), cv2.FONT_HERSHEY_SIMPLEX, 1, 30, 2, cv2.LINE_AA)
    turn = cv2.getRotationMatrix2D((200, 200), -degrees, 1)
    corners = cv2.transform(np.array([[[140, 184], [252, 184], [252, 216], [140, 216]]], np.float64), turn)[0]
    box = np.concatenate([corners.min(axis=0), corners.max(axis=0)])
    shown = np.array([-1, 1, 1, -1]) * 56 * slope(-degrees) / 2
    by_proposals = np.stack([box[[0, 2, 2, 0]], corners.mean(axis=0)[1] + shown + [-16, -16, 16, 16]], axis=1)
    lines = TextLines(box[None], np.ones(1), by_proposals[None])
    found = followed(lines, 0.0, cv2.warpAffine(image, turn, (400, 400), borderValue=200), "auto").polygons[0]
    np.testing.assert_allclose(found, corners, atol=3)


def test_the_slope_of_a_line_found_in_the_level_image_is_not_measured_again():
    image, tilt = np.full((400, 1000), 255, np.uint8), slope(8)
    turn = cv2.getRotationMatrix2D((500, 200), 8, 1)
    cv2.putText(image, "as the work goes on " * 3, (10, 210), cv2.FONT_HERSHEY_SIMPLEX, 1, 0, 2, cv2.LINE_AA)
    image = cv2.warpAffine(image, turn, (1000, 400), borderValue=255)
    corners = cv2.transform(np.array([[[10, 186], [990, 186], [990, 216], [10, 216]]], np.float64), turn)
    boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    found = followed(TextLines(boxes, np.ones(1), corners), tilt, image, "auto").polygons
    np.testing.assert_allclose(found, corners, atol=2)


def test_a_short_line_whose_slope_was_not_seen_follows_its_image():
    tilted = form(3)
    unseen = TextLines(tilted.boxes, tilted.scores, box_corners(tilted.boxes))
    found = followed(unseen, slope(3), BLANK, "auto").polygons
    edges = found[:, 1] - found[:, 0]
    np.testing.assert_allclose(edges[:, 1] / edges[:, 0], slope(3), rtol=1e-3)
    np.testing.assert_allclose(found.mean(axis=1), tilted.polygons.mean(axis=1), atol=1)


def test_places_of_the_level_image_lead_back():
    image = np.zeros((300, 400), np.uint8)
    image[200:204, 300:304] = 255
    level, origin = level_image(image, 0.05)
    y, x = np.unravel_index(level.argmax(), level.shape)
    box = np.array([[x, y, x, y]]) - np.tile(origin, 2)
    np.testing.assert_allclose(tilted_corners(box, 0.05)[0].mean(axis=0), [301.5, 201.5], atol=2)


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
    on_its_head = [("auoud", 0.99), ("LLTO SSS", 0.97), ("8 peoy uoges", 0.97), ("uoqu8ug", 0.88), ("YeAoN", 0.88)]
    assert is_doubtful(on_its_head)  # a few letters are much alike from both sides
    assert not is_doubtful([("OPEN DAILY", 0.99), ("Y1!VQ", 0.7), ("kl;jxw", 0.8)])


def test_rows_of_single_letters_are_no_text():
    on_its_side = [("H 6 H H N", 0.99), ("O O 6 01 -", 0.9), ("UJ O A", 0.7), ("N J O", 0.95)]
    assert is_doubtful(on_its_side) and may_lie_on_its_side(on_its_side) and not evidence(on_its_side)
    assert may_lie_on_its_side([*[("OC", 0.8)] * 20, ("AUEO00NOU", 0.87)])  # a little text among much that is none
    assert not may_lie_on_its_side([("2 Flat white", 0.9), ("7.60", 0.9)])


def test_text_on_its_head_is_read_but_not_surely():
    assert evidence([("eudleg A", 0.86), ("esuonseno", 0.87)]) < evidence([("Thank you", 0.99), ("Quest", 0.98)]) / 2
    assert evidence([("Thank", 0.7)]) == 0


def test_which_images_may_be_one_line():
    none, word = np.empty((0, 4)), np.array([[5, 3, 90, 28]])
    assert may_be_one_line((32, 100), none) and may_be_one_line((32, 100), word)
    assert may_be_one_line((17, 16), none) and may_be_one_line((205, 769), word * 7)
    rows = np.array([[5, 3, 90, 14], [5, 17, 90, 28]])
    assert not may_be_one_line((32, 100), rows)
    assert not may_be_one_line((960, 1280), none) and not may_be_one_line((256, 256), none)
    assert not may_be_one_line((120, 200), word / 3)  # a small word in a larger image


def test_the_surer_reading_wins():
    wins = WholeImage((0, 0, 99, 31), has_shape=True).wins
    assert wins(("VIRGINIA", 0.99), [("VIRGINI", 0.93), ("IRGINIA", 0.98)])
    assert not wins(("Bie", 0.6), [("RENEW NOW!", 0.99)])
    assert wins(("7", 0.9), []) and not wins(("7", 0.7), []) and not wins(("", 0.0), [])
    wins = WholeImage((0, 0, 99, 99), has_shape=False).wins
    assert wins(("A7", 0.95), []) and wins(("A7", 0.95), [("l", 0.7)])
    assert not wins(("A7", 0.85), []) and not wins(("I", 0.99), [("Open", 0.9)])


def test_an_image_of_any_shape_with_next_to_nothing_found_may_be_one_line():
    none, speck = np.empty((0, 4)), np.array([[10, 10, 24, 22]])
    gray = np.full((400, 600), 250, np.uint8)
    assert as_one_line(gray, none) is None  # nothing there
    gray[180:220, 290:310] = 10
    for boxes in (none, speck):
        whole = as_one_line(gray, boxes)
        assert whole == WholeImage((284, 174, 315, 225), has_shape=False)
        assert whole.cut(gray).shape == (52, 32)
    assert as_one_line(gray, np.array([[100, 100, 300, 140]])) is None
    noise = np.random.default_rng(0).integers(0, 255, (400, 600), np.uint8)
    whole = as_one_line(noise, none)
    assert whole == WholeImage((0, 0, 599, 399), has_shape=False, least_length=2)
    assert whole.wins(("A7", 0.95), []) and not whole.wins(("A", 0.99), [])


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_result_is_drawn_on_the_image_as_it_was_read(turn):
    upright = np.full((40, 90, 3), 255, np.uint8)
    box = (4.0, 4.0, 60.0, 20.0)
    line = Line(box, tuple(map(tuple, box_corners(np.array([box]))[0].tolist())), 0.9)
    result = ReadResult("a.png", 90, 40, (line,), {}, upright, orientation=turn)
    given = turned(upright, (360 - turn) % 360)
    assert (result.draw(image=given) == result.draw()).all()
    with pytest.raises(UserError, match="a.png: is 90x40 pixels"):
        result.draw(image=upright[:30])
