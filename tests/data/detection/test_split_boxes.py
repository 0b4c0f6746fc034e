import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.data.detection.split_boxes import split_boxes


def brute_force(boxes, stride):
    slices, owners = [], []
    for index, (x1, y1, x2, y2) in enumerate(boxes):
        left = math.floor(x1 / stride) * stride
        right = math.ceil(x2 / stride) * stride
        if right <= left:
            right = left + stride
        while left < right:
            slices.append([left, y1, left + stride - 1, y2])
            owners.append(index)
            left += stride
    return np.array(slices).reshape(-1, 4), owners


corner = st.floats(-40, 200, width=16)
extent = st.floats(0, 120, width=16)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(corner, corner, extent, extent), max_size=6), st.sampled_from([8, 16]))
def test_equals_brute_force(shapes, stride):
    boxes = np.array([[x, y, x + w, y + h] for x, y, w, h in shapes]).reshape(-1, 4)
    slices, box_index = split_boxes(boxes, stride)
    expected, owners = brute_force(boxes.tolist(), stride)
    np.testing.assert_allclose(slices, expected, rtol=1e-6)
    assert box_index.tolist() == owners


def test_by_hand():
    slices, box_index = split_boxes(np.array([[10, 5, 40, 20], [64, 1, 79, 2], [16, 0, 16, 9]]))
    assert slices.tolist() == [
        [0, 5, 15, 20],
        [16, 5, 31, 20],
        [32, 5, 47, 20],
        [64, 1, 79, 2],
        [16, 0, 31, 9],
    ]
    assert box_index.tolist() == [0, 0, 0, 1, 2]


def test_min_cover_drops_barely_touched_columns_but_never_a_box():
    boxes = np.array([[13, 0, 50, 9], [14, 0, 17, 9]])  # covers 3, 16, 16, 3 pixels; 2, 2 pixels
    slices, box_index = split_boxes(boxes, min_cover=0.5)
    assert slices[box_index == 0][:, 0].tolist() == [16, 32]
    assert slices[box_index == 1][:, 0].tolist() == [0, 16]
    lone, _ = split_boxes(np.array([[20, 0, 22, 9]]), min_cover=0.5)
    assert lone[:, 0].tolist() == [16]


def test_tilted_slices_follow_the_line():
    slices, _ = split_boxes(np.array([[0, 40, 63, 59]]), tilt=0.25)
    middles = (slices[:, 1] + slices[:, 3]) / 2
    np.testing.assert_allclose(np.diff(middles), 4)
    np.testing.assert_allclose(middles.mean(), 49.5)
    np.testing.assert_allclose(slices[:, 3] - slices[:, 1], 19)


def test_no_boxes():
    slices, box_index = split_boxes(np.zeros((0, 4)))
    assert slices.shape == (0, 4)
    assert len(box_index) == 0


@pytest.mark.parametrize("box", [[5, 5, 4, 9], [5, 5, 9, 4], [0, 0, np.nan, 1], [0, 0, np.inf, 1]])
def test_bad_boxes_are_refused(box):
    with pytest.raises(ValueError, match="finite"):
        split_boxes(np.array([box]))
