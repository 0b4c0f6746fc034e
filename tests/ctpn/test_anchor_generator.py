import numpy as np
import pytest

from src.common.errors import UserError
from src.ctpn.anchor_generator import base_anchors, make_anchors
from src.ctpn.topology import ANCHOR_HEIGHTS


def test_published_heights_and_corners():
    base = base_anchors()
    heights = (base[:, 3] - base[:, 1] + 1).astype(int).tolist()
    assert heights == [3, 5, 8, 12, 16, 24, 34, 48, 68, 98, 140, 198, 284, 406]
    assert base[:, 0].tolist() == [0] * 14
    assert base[:, 2].tolist() == [15] * 14
    assert base[0, [1, 3]].tolist() == [6, 8]
    assert base[-1, [1, 3]].tolist() == [-195, 210]
    assert base[4].tolist() == [0, 0, 15, 15]


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (36, 60)])
def test_order_is_row_column_anchor(shape):
    heights = (8, 20, 50)
    anchors = make_anchors(shape, heights)
    expected = [
        [x * 16 + b[0], y * 16 + b[1], x * 16 + b[2], y * 16 + b[3]]
        for y in range(shape[0])
        for x in range(shape[1])
        for b in base_anchors(heights)
    ]
    assert anchors.dtype == np.float32
    np.testing.assert_array_equal(anchors, expected)


def test_count_at_full_size():
    assert make_anchors((36, 60)).shape == (30240, 4)
    assert len(ANCHOR_HEIGHTS) == 14


def test_other_stride_and_width_stay_centered():
    anchors = base_anchors([9], stride=8, width=4)
    assert anchors.tolist() == [[2, -1, 5, 8]]


@pytest.mark.parametrize("heights", [[], [0], [-3, 4], [float("nan")], [[2, 3]]])
def test_bad_heights_are_named(heights):
    with pytest.raises(UserError, match="anchor heights"):
        base_anchors(heights)


def test_bad_sizes_are_refused():
    with pytest.raises(ValueError, match="stride"):
        base_anchors(stride=0)
    with pytest.raises(ValueError, match="feature map"):
        make_anchors((0, 3))
