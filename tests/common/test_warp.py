"""Images that are too long for OpenCV's warps: what is taken from them is what their part alone would give."""

import cv2
import numpy as np
import pytest

from src.common.boxes import box_corners
from src.common.warp import LONGEST_SIDE, part_to_warp
from src.data.detection.augment import _warp
from src.data.recognition.crops import crop_word
from src.reader.cut_ends import lines_with_cut_ends
from src.reader.line_crops import cut_line
from src.reader.passes import DetectionPass
from src.reader.row_marks import with_marks
from src.reader.text_detector import _turn
from src.reader.tile_pixels import cut
from src.reader.tiles import Tile
from src.text_connector.detector import TextLines

START, WIDTH = 36_000, 320  # of the part with text


@pytest.fixture(scope="module")
def part():
    image = np.full((64, WIDTH), 230, np.uint8)
    cv2.putText(image, "a long way", (20, 45), cv2.FONT_HERSHEY_SIMPLEX, 1.2, 20, 3, cv2.LINE_AA)
    return image


@pytest.fixture(scope="module")
def long_image(part):
    image = np.full((64, START + WIDTH + 100), 230, np.uint8)
    image[:, START : START + WIDTH] = part
    return image


def tilted(x):
    return np.array([[20, 10], [280, 30], [277, 62], [17, 42]], np.float64) + np.array([x, 0])


def lines(*polygons):
    corners = np.array(polygons, np.float32)
    boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    return TextLines(boxes, np.ones(len(boxes), np.float32), corners)


def test_only_long_images_are_cut(part, long_image):
    assert part_to_warp(part, tilted(0))[0] is part
    cropped, origin = part_to_warp(long_image, tilted(START))
    assert cropped.shape == (57, 270) and origin.tolist() == [START + 14, 7]
    whole, _ = part_to_warp(long_image, np.array([[0.0, 0.0], [37_000.0, 60.0]]))
    assert whole.shape[1] == LONGEST_SIDE


def test_a_tilted_line(part, long_image):
    alone, found = cut_line(part, tilted(0)).pixels, cut_line(long_image, tilted(START)).pixels
    assert alone.shape == found.shape
    assert np.abs(alone.astype(int) - found).max() <= 2


def test_a_labeled_word(part, long_image):
    alone, found = crop_word(part, tilted(0)), crop_word(long_image, tilted(START))
    assert np.abs(alone.astype(int) - found).max() <= 2


def test_a_tile(part, long_image):
    size = 128, 2 * long_image.shape[1]
    tile = Tile(0, 2 * START, (128, 2 * WIDTH), (0, 0, 128, 2 * WIDTH))
    found = cut(long_image, DetectionPass(size, (tile,)), tile)
    alone = cv2.resize(part, (2 * WIDTH, 128), interpolation=cv2.INTER_LINEAR)
    assert np.abs(alone[:, 4:-4].astype(int) - found[:, 4:-4]).max() <= 2


def test_a_window_of_a_training_image(part, long_image):
    matrix = np.array([[0.5, 0.1, 3.0], [-0.1, 0.5, 20.0]])
    moved = matrix.copy()
    moved[:, 2] -= matrix[:, :2] @ (START, 0)
    alone, found = _warp(part, matrix, (64, 128)), _warp(long_image, moved, (64, 128))
    assert np.abs(alone[24:40, 30:110].astype(int) - found[24:40, 30:110]).max() <= 2


def test_ends_of_tilted_lines(part, long_image):
    short = tilted(0)
    short[1:3] -= (60, 5)
    (alone,) = lines_with_cut_ends(lines(short), part)
    (found,) = lines_with_cut_ends(lines(short + np.array([START, 0])), long_image)
    np.testing.assert_allclose(found.polygon - (START, 0), alone.polygon, atol=0.1)


def test_they_are_not_turned(long_image):
    boxes = [[x, y, x + 60, y + 12] for x in (100, 300) for y in (2, 22, 42)]
    rows = lines(*box_corners(np.array(boxes, np.float32)))
    assert _turn(rows, long_image, 0.1) == 0
    assert with_marks(rows, long_image, 0.1) is rows
