"""Host-side proposals: column suppression against the general one, decoding and order against golden."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.ctpn.anchor_generator import make_anchors
from src.ctpn.column_nms import suppress_columns
from src.ctpn.proposal_generator import generate_proposals

GOLDEN = Path(__file__).resolve().parents[1] / "data" / "golden_ctpn.npz"


def general_nms(boxes: np.ndarray, threshold: float) -> np.ndarray:
    """Boxes best first -> which stay; one pair at a time, on whole boxes."""
    keep = np.ones(len(boxes), bool)
    for i in range(len(boxes)):
        for j in range(i):
            if not keep[j]:
                continue
            width = min(boxes[i, 2], boxes[j, 2]) - max(boxes[i, 0], boxes[j, 0])
            height = min(boxes[i, 3], boxes[j, 3]) - max(boxes[i, 1], boxes[j, 1])
            shared = max(width, 0) * max(height, 0)
            areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (boxes[i], boxes[j])]
            if shared > threshold * (sum(areas) - shared):
                keep[i] = False
                break
    return keep


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(-30, 60), st.integers(1, 50)), max_size=40),
    st.sampled_from([0.2, 0.5, 0.7]),
)
def test_column_suppression_equals_general_suppression(places, threshold):
    column, top, height = np.array(places, np.float32).reshape(-1, 3).T
    boxes = np.stack([column * 16, top, column * 16 + 16, top + height], axis=1)
    keep = suppress_columns(column, top, top + height, threshold)
    np.testing.assert_array_equal(keep, general_nms(boxes, threshold))


def test_identical_boxes_leave_one_in_each_column():
    column = np.repeat([3, 1], 500)
    keep = suppress_columns(column, np.zeros(1000), np.full(1000, 10.0), 0.7)
    assert np.flatnonzero(keep).tolist() == [0, 500]


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN) as file:
        return dict(file)


def test_golden_proposals(golden):
    (found,) = generate_proposals(golden["score_map"], golden["delta_map"], make_anchors((4, 6)))
    expected = golden["proposals"][golden["keep"]]
    assert len(found) == len(expected) == 242
    np.testing.assert_allclose(found.boxes, expected[:, :4], atol=1e-3, rtol=1e-6)
    np.testing.assert_allclose(found.scores, expected[:, 4], atol=1e-5)
    assert found.dx is None


def random_maps(batch, rows, columns, seed=0):
    rng = np.random.default_rng(seed)
    return (
        (2 * rng.standard_normal((batch, 28, rows, columns))).astype(np.float32),
        (0.3 * rng.standard_normal((batch, 56, rows, columns))).astype(np.float32),
    )


def plain_proposals(score_map, delta_map, anchors, *, nms_pre, threshold, max_num):
    """One image, softmax and decoding of every anchor by the published formulas."""
    scores = score_map.astype(np.float64).transpose(1, 2, 0).reshape(-1, 2)
    deltas = delta_map.astype(np.float64).transpose(1, 2, 0).reshape(-1, 4)
    exponent = np.exp(scores - scores.max(axis=1, keepdims=True))
    text = exponent[:, 1] / exponent.sum(axis=1)
    order = np.argsort(-text, kind="stable")[:nms_pre]
    x1, y1, x2, y2 = anchors[order].astype(np.float64).T
    height = y2 - y1 + 1
    center = (y1 + y2) / 2 + deltas[order, 1] * height
    half = height * np.exp(deltas[order, 3]) / 2
    boxes = np.stack([x1, center - half + 0.5, x2 + 1, center + half + 0.5], axis=1)
    keep = np.flatnonzero(general_nms(boxes, threshold))[:max_num]
    return boxes[keep], text[order][keep], deltas[order, 0][keep]


def test_every_step_against_a_plain_version():
    score_map, delta_map = random_maps(2, 5, 7)
    anchors = make_anchors((5, 7))
    found = generate_proposals(
        score_map, delta_map, anchors, nms_pre=200, nms_threshold=0.5, max_num=60, side_refinement=True
    )
    for image, proposals in enumerate(found):
        boxes, scores, dx = plain_proposals(
            score_map[image], delta_map[image], anchors, nms_pre=200, threshold=0.5, max_num=60
        )
        np.testing.assert_allclose(proposals.boxes, boxes, atol=1e-3)
        np.testing.assert_allclose(proposals.scores, scores, atol=1e-6)
        np.testing.assert_allclose(proposals.dx, dx, atol=1e-6)


def test_min_score_only_removes_what_is_below():
    score_map, delta_map = random_maps(1, 5, 7, seed=1)
    anchors = make_anchors((5, 7))
    (every,) = generate_proposals(score_map, delta_map, anchors)
    (some,) = generate_proposals(score_map, delta_map, anchors, min_score=0.7)
    enough = every.scores >= 0.7
    assert 0 < enough.sum() < len(every)
    np.testing.assert_array_equal(some.boxes, every.boxes[enough])
    (none,) = generate_proposals(score_map, delta_map, anchors, min_score=1.0)
    assert none.boxes.shape == (0, 4) and none.scores.shape == (0,)


def test_scores_that_saturate_keep_their_order():
    score_map, delta_map = np.zeros((1, 28, 1, 3), np.float32), np.zeros((1, 56, 1, 3), np.float32)
    score_map[0, 1, 0] = [60, 90, 75]  # sigmoid of all is 1 in float32
    (found,) = generate_proposals(score_map, delta_map, make_anchors((1, 3)), min_score=0.9)
    assert found.boxes[:, 0].tolist() == [16, 32, 0]


def test_values_of_a_diverged_network_are_left_out():
    score_map, delta_map = random_maps(1, 2, 2)
    score_map[0, :2] = np.nan
    delta_map[0, 7] = np.inf  # log dh of the second anchor
    delta_map[0, 11] = -np.inf
    delta_map[0, 13] = np.nan
    (found,) = generate_proposals(score_map, delta_map, make_anchors((2, 2)), nms_threshold=1.0)
    assert len(found) == 4 * (14 - 4)
    assert np.isfinite(found.boxes).all() and np.isfinite(found.scores).all()


def test_half_precision_maps_are_accepted():
    score_map, delta_map = (x.astype(np.float16) for x in random_maps(1, 2, 3))
    (found,) = generate_proposals(score_map, delta_map, make_anchors((2, 3)))
    assert found.boxes.dtype == found.scores.dtype == np.float32


def test_shapes_that_do_not_fit_are_refused():
    score_map, delta_map = random_maps(1, 2, 3)
    with pytest.raises(ValueError, match=r"anchors \(56, 4\)"):
        generate_proposals(score_map, delta_map, make_anchors((2, 2)))
    with pytest.raises(ValueError, match="delta map"):
        generate_proposals(score_map, delta_map[:, :20], make_anchors((2, 3)))
