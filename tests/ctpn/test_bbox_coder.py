import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.ctpn.bbox_coder import decode_boxes, encode_boxes, encode_sides


def test_encode_by_hand():
    anchor, box = [16, 10, 31, 19], [20, 14, 27, 33]  # 16 x 10 and 8 x 20 pixels
    dx, dy, dw, dh = encode_boxes(np.array([anchor]), np.array([box]))[0]
    assert dx == pytest.approx(0)  # both centered at 23.5
    assert dy == pytest.approx((23.5 - 14.5) / 10)
    assert dw == pytest.approx(math.log(8 / 16))
    assert dh == pytest.approx(math.log(20 / 10))


def test_a_box_equal_to_its_anchor_is_zero():
    anchors = np.array([[0, -5, 15, 18], [32, 7, 47, 9]])
    np.testing.assert_array_equal(encode_boxes(anchors, anchors), np.zeros((2, 4)))


number = st.floats(-300, 300, width=32)
length = st.floats(0, 200, width=32)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(number, length, number, length), min_size=1, max_size=8))
def test_decode_restores_the_vertical_extent(intervals):
    anchors = np.array([[32, a, 47, a + b] for a, b, _, _ in intervals])
    boxes = np.array([[32, c, 47, c + d] for _, _, c, d in intervals])
    decoded = decode_boxes(anchors, encode_boxes(anchors, boxes))
    np.testing.assert_array_equal(decoded[:, 0], 32)
    np.testing.assert_array_equal(decoded[:, 2], 48)  # outer edges
    tolerance = 1e-5 * (np.abs(intervals).max() + 1) * 10
    np.testing.assert_allclose(decoded[:, 1], boxes[:, 1], atol=tolerance)
    np.testing.assert_allclose(decoded[:, 3], boxes[:, 3] + 1, atol=tolerance)


def test_decode_uses_only_dy_and_dh():
    anchors = np.array([[16.0, 0, 31, 15]])
    plain = decode_boxes(anchors, np.array([[0, 0.25, 0, 0.5]]))
    moved = decode_boxes(anchors, np.array([[3, 0.25, -2, 0.5]]))
    np.testing.assert_array_equal(plain, moved)
    height = 16 * math.exp(0.5)
    np.testing.assert_allclose(plain[0], [16, 12 - height / 2, 32, 12 + height / 2], rtol=1e-6)


def test_sides_by_hand():
    anchors = np.array([[16, 0, 31, 15], [16, 0, 31, 15]])
    offsets = encode_sides(anchors, np.array([19.5, 39.5]))
    np.testing.assert_allclose(offsets, [-0.25, 1.0])


def test_no_boxes():
    assert encode_boxes(np.zeros((0, 4)), np.zeros((0, 4))).shape == (0, 4)
    assert decode_boxes(np.zeros((0, 4)), np.zeros((0, 4))).shape == (0, 4)


def test_a_box_without_area_is_refused():
    with pytest.raises(ValueError, match="without area"):
        encode_boxes(np.array([[0, 0, 15, 15]]), np.array([[0, 9, 15, 3]]))
