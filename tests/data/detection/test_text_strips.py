"""Words as strips, and joined into lines."""

import numpy as np

from src.data.detection.split_boxes import split_boxes
from src.data.detection.text_strips import TextStrips, join_words, strips_of_quads


def words(*boxes, tilts=None, ignored=()):
    boxes = np.array(boxes, np.float32)
    flags = np.isin(np.arange(len(boxes)), ignored)
    return TextStrips(boxes, np.zeros(len(boxes), np.float32) if tilts is None else np.array(tilts), flags)


def joined(*boxes, **kwargs):
    found = join_words(words(*boxes, **kwargs))
    return sorted(map(tuple, found.boxes.round(1).tolist()))


def test_close_words_of_a_line_are_one_strip_as_tall_as_they_reach():
    assert joined((10, 20, 60, 40), (70, 24, 100, 45), (110, 20, 160, 40)) == [(10, 20, 160, 45)]
    assert joined((70, 24, 100, 45), (10, 20, 60, 40)) == [(10, 20, 100, 45)]  # in any order


def test_words_far_apart_or_beside_each_other_stay_words():
    far = ((10, 20, 60, 40), (90, 20, 140, 40))  # a gap of 29 at a height of 21
    assert joined(*far) == sorted(far)
    below = ((10, 20, 60, 40), (62, 34, 120, 54))
    assert joined(*below) == sorted(below)
    smaller = ((10, 20, 60, 60), (66, 35, 90, 50))
    assert joined(*smaller) == sorted(smaller)
    under = ((10, 20, 60, 40), (10, 42, 60, 62))
    assert joined(*under) == sorted(under)


def test_a_word_joins_the_nearest_one_only():
    near, lower, first = (68, 20, 100, 40), (70, 28, 100, 48), (10, 20, 60, 40)
    assert joined(first, near, lower) == [(10, 20, 100, 40), lower]


def test_ignored_words_join_nothing_and_stay_ignored():
    found = join_words(words((10, 20, 60, 40), (66, 20, 100, 40), (110, 20, 160, 40), ignored=[1]))
    assert sorted(map(tuple, found.boxes.tolist())) == [(10, 20, 60, 40), (66, 20, 100, 40), (110, 20, 160, 40)]
    assert found.boxes[found.ignored].tolist() == [[66, 20, 100, 40]]


def test_tilted_words_join_along_their_tilt():
    tilt = 0.3
    boxes = [(x, 100 + tilt * (x + 20), x + 40, 120 + tilt * (x + 20)) for x in (0, 50, 100)]
    found = join_words(words(*boxes, tilts=[tilt] * 3))
    np.testing.assert_allclose(found.boxes, [[0, 100 + tilt * 70, 140, 120 + tilt * 70]], atol=1e-4)
    np.testing.assert_allclose(found.tilts, [tilt], atol=1e-6)


def test_upright_boxes_of_a_tilted_line_follow_its_words():
    """Four words that step down by a third of their height each: their upright union would be twice as tall."""
    boxes = [(x, 100 + 0.12 * x, x + 45, 120 + 0.12 * x) for x in (0, 55, 110, 165)]
    found = join_words(words(*boxes))
    assert len(found.boxes) == 1
    np.testing.assert_allclose(found.tilts, [0.12], atol=1e-3)
    np.testing.assert_allclose(found.boxes[0, 3] - found.boxes[0, 1], 20, atol=0.1)


def test_a_quadrilateral_becomes_a_strip_whose_slices_lie_in_it():
    quad = np.array([[10, 20], [106, 44], [104, 74], [8, 50]], float)  # turned by 14 degrees
    strips = strips_of_quads(quad[None], np.array([False]))
    np.testing.assert_allclose(strips.tilts, [0.25])
    slices, _ = split_boxes(strips.boxes, tilt=strips.tilts)
    for left, top, right, bottom in slices[1:-1]:
        middle = (left + right) / 2
        np.testing.assert_allclose(top, 20 + 0.25 * (middle - 10), atol=0.2)
        np.testing.assert_allclose(bottom, 50 + 0.25 * (middle - 8), atol=0.2)


def test_an_upright_quadrilateral_is_its_box_and_a_steep_one_is_ignored():
    level = [[10, 20], [60, 20], [60, 40], [10, 40]]
    steep = [[100, 10], [110, 80], [90, 82], [80, 12]]
    strips = strips_of_quads(np.array([level, steep, level[2:] + level[:2]], float), np.zeros(3, bool))
    assert strips.boxes.tolist() == [[10, 20, 60, 40], [80, 10, 110, 82], [10, 20, 60, 40]]
    assert strips.tilts.tolist() == [0, 0, 0] and strips.ignored.tolist() == [False, True, False]


def test_nothing_gives_nothing():
    found = join_words(TextStrips(np.zeros((0, 4)), np.zeros(0), np.zeros(0, bool)))
    assert found.boxes.shape == (0, 4) and found.tilts.shape == (0,)
