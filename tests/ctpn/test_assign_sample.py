import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.ctpn.anchor_generator import make_anchors
from src.ctpn.bbox_assign_sample import assign_targets
from src.ctpn.bbox_coder import decode_boxes, encode_boxes
from src.ctpn.options import AssignOptions

SHAPE = (96, 80)
HEIGHTS = (4, 11, 23, 48, 97)
ANCHORS = make_anchors((6, 5), HEIGHTS)
EVERY = AssignOptions(num_expected_pos=10**6, num_expected_neg=10**7)
NONE = np.zeros((0, 4))


def iou_and_cover(anchor, box):
    width = min(anchor[2], box[2]) - max(anchor[0], box[0]) + 1
    height = min(anchor[3], box[3]) - max(anchor[1], box[1]) + 1
    common = max(width, 0) * max(height, 0)
    area = (anchor[2] - anchor[0] + 1) * (anchor[3] - anchor[1] + 1)
    return common / (area + (box[2] - box[0] + 1) * (box[3] - box[1] + 1) - common), common / area


def brute_force(anchors, slices, ignored, shape, *, pos=0.7, neg=0.5, least=0.001, cover=0.5):
    """The rules of the docstring with whole boxes and plain loops: label and slice of every anchor."""
    height, width = shape
    inside = [a[0] >= 0 and a[1] >= 0 and a[2] <= width - 1 and a[3] <= height - 1 for a in anchors]
    table = [[iou_and_cover(a, s)[0] if ok else 0 for a, ok in zip(anchors, inside, strict=True)] for s in slices]
    labels, owner = np.full(len(anchors), -1), np.full(len(anchors), -1)
    best_of_ignored = set()
    for s in ignored:
        ious = [iou_and_cover(a, s)[0] if ok else 0 for a, ok in zip(anchors, inside, strict=True)]
        if max(ious) >= least:
            best_of_ignored |= {i for i, value in enumerate(ious) if value == max(ious)}
    for i, anchor in enumerate(anchors):
        if not inside[i]:
            continue
        ious = [row[i] for row in table]
        chosen = any(row[i] == max(row) and max(row) >= least for row in table)
        if ious and (max(ious) >= pos or chosen):
            labels[i], owner[i] = 1, ious.index(max(ious))
        elif not ious or max(ious) < neg:
            labels[i] = 0
        if i in best_of_ignored or any(iou_and_cover(anchor, s)[1] >= cover for s in ignored):
            labels[i] = -1
    return labels, owner


@st.composite
def slices_of(draw, most):
    found = []
    for _ in range(draw(st.integers(0, most))):
        column, top = draw(st.integers(0, 4)) * 16, draw(st.integers(0, 94))
        found.append([column, top, column + 15, min(top + draw(st.integers(0, 70)), 95)])
    return np.array(found, np.float32).reshape(-1, 4)


@settings(max_examples=60, deadline=None)
@given(slices_of(10), slices_of(3))
def test_equals_brute_force(slices, ignored):
    labels, targets, weights = assign_targets(ANCHORS, slices, ignored, SHAPE, EVERY, rng=np.random.default_rng(0))
    expected, owner = brute_force(ANCHORS.tolist(), slices.tolist(), ignored.tolist(), SHAPE)
    np.testing.assert_array_equal(labels, expected)
    text = expected == 1
    np.testing.assert_array_equal(targets[text], encode_boxes(ANCHORS[text], slices[owner[text]]))
    assert not targets[~text].any()
    np.testing.assert_array_equal(weights, text[:, None] * np.array([0, 1, 0, 1]))


def test_thresholds_are_used():
    slices = np.array([[16, 20, 31, 50], [16, 60, 31, 64]])
    ignored = np.array([[32, 10, 47, 40]])
    rules = {"pos": 0.4, "neg": 0.2, "least": 0.9, "cover": 0.8}
    labels, _, _ = assign_targets(
        ANCHORS,
        slices,
        ignored,
        SHAPE,
        EVERY.replace(pos_iou_thr=0.4, neg_iou_thr=0.2, min_pos_iou=0.9, ignore_overlap_thr=0.8),
        rng=np.random.default_rng(0),
    )
    expected, _ = brute_force(ANCHORS.tolist(), slices.tolist(), ignored.tolist(), SHAPE, **rules)
    np.testing.assert_array_equal(labels, expected)
    default, _ = brute_force(ANCHORS.tolist(), slices.tolist(), ignored.tolist(), SHAPE)
    assert (labels != default).any()


def test_ignored_text_is_neither_text_nor_background():
    box = np.array([[32, 36, 47, 58]])
    as_text, _, _ = assign_targets(ANCHORS, box, NONE, SHAPE, EVERY, rng=np.random.default_rng(0))
    as_ignored, _, weights = assign_targets(ANCHORS, NONE, box, SHAPE, EVERY, rng=np.random.default_rng(0))
    assert (as_text == 1).any()
    assert (as_ignored[as_text == 1] == -1).all()
    assert not (as_ignored == 1).any()
    assert not weights.any()
    elsewhere = ANCHORS[:, 0] != 32
    np.testing.assert_array_equal(as_ignored[elsewhere], as_text[elsewhere])


def test_ignored_text_smaller_than_any_anchor_still_counts():
    tiny = np.array([[32, 38, 47, 39]])
    labels, _, _ = assign_targets(ANCHORS, NONE, tiny, SHAPE, EVERY, rng=np.random.default_rng(0))
    inside = brute_force(ANCHORS.tolist(), [], [], SHAPE)[0] == 0
    taken_out = inside & (labels == -1)
    assert 0 < taken_out.sum() <= 2


def test_no_text_is_all_background():
    labels, targets, weights = assign_targets(ANCHORS, NONE, NONE, SHAPE, rng=np.random.default_rng(0))
    assert set(labels.tolist()) == {0, -1}
    assert not targets.any()
    assert not weights.any()


def test_every_slice_gets_an_anchor():
    rng = np.random.default_rng(5)
    for _ in range(20):
        top = rng.integers(0, 90)
        one = np.array([[48, top, 63, min(top + rng.integers(2, 60), 95)]])
        labels, _, _ = assign_targets(ANCHORS, one, NONE, SHAPE, rng=rng)
        reachable, _ = brute_force(ANCHORS.tolist(), one.tolist(), [], SHAPE)
        assert (labels == 1).any() == (reachable == 1).any()


def test_targets_decode_to_the_slice():
    slices = np.array([[0, 10.5, 15, 30.25], [64, 40, 79, 90]], np.float32)
    labels, targets, _ = assign_targets(ANCHORS, slices, NONE, SHAPE, EVERY, rng=np.random.default_rng(0))
    text = labels == 1
    decoded = decode_boxes(ANCHORS[text], targets[text])
    for box in decoded:
        expected = slices[0] if box[0] == 0 else slices[1]
        np.testing.assert_allclose(box, expected + np.array([0, 0, 1, 1]), atol=1e-3)


def test_sampling_counts_and_dependence_on_the_generator():
    anchors = make_anchors((36, 60))
    slices = np.array([[16 * c, 100, 16 * c + 15, 140] for c in range(60)], np.float32)
    every, _, _ = assign_targets(anchors, slices, NONE, (576, 960), EVERY, rng=np.random.default_rng(0))
    assert (every == 1).sum() > 40

    def sampled(seed, **counts):
        return assign_targets(
            anchors, slices, NONE, (576, 960), AssignOptions(**counts), rng=np.random.default_rng(seed)
        )[0]

    labels = sampled(1, num_expected_pos=40, num_expected_neg=100)
    assert (labels == 1).sum() == 40
    assert (labels == 0).sum() == 60
    assert (every[labels == 1] == 1).all()
    assert (every[labels == 0] == 0).all()
    np.testing.assert_array_equal(labels, sampled(1, num_expected_pos=40, num_expected_neg=100))
    assert (labels != sampled(2, num_expected_pos=40, num_expected_neg=100)).any()
    few = sampled(1, num_expected_pos=10**4, num_expected_neg=512)
    assert (few == 1).sum() == (every == 1).sum()
    assert (few == 0).sum() == 512 - (every == 1).sum()
    assert (sampled(1, num_expected_pos=40, num_expected_neg=10) == 0).sum() == 0


def test_sampling_reaches_every_background_anchor_alike():
    rng = np.random.default_rng(0)
    hits = np.zeros(len(ANCHORS))
    inside = brute_force(ANCHORS.tolist(), [], [], SHAPE)[0] == 0
    few = AssignOptions(num_expected_neg=20)
    for _ in range(400):
        hits += assign_targets(ANCHORS, NONE, NONE, SHAPE, few, rng=rng)[0] == 0
    expected = 400 * 20 / inside.sum()
    assert hits[inside].min() > expected / 2
    assert hits[inside].max() < expected * 2
    assert not hits[~inside].any()


def test_line_ends_are_learned_near_the_ends_only():
    anchors = make_anchors((4, 20), (16,))
    columns = np.arange(2, 12) * 16
    slices = np.stack([columns, np.full(10, 16), columns + 15, np.full(10, 31)], axis=1)
    ends = np.tile([37.0, 183.0], (10, 1))
    labels, targets, weights = assign_targets(
        anchors, slices, NONE, (64, 320), rng=np.random.default_rng(0), line_ends=ends
    )
    text = np.flatnonzero(labels == 1)
    centers = (anchors[text, 0] + anchors[text, 2]) / 2
    near = np.minimum(abs(centers - 37), abs(centers - 183)) <= 32
    assert near.any()
    assert not near.all()
    np.testing.assert_array_equal(weights[text, 0], near)
    np.testing.assert_array_equal(weights[text][:, [1, 2, 3]], np.tile([1, 0, 1], (len(text), 1)))
    assert not targets[text[~near], 0].any()
    nearest = np.where(abs(centers - 37) < abs(centers - 183), 37, 183)
    np.testing.assert_allclose(targets[text[near], 0], (nearest - centers)[near] / 16, atol=1e-6)


def test_image_lower_than_every_anchor():
    anchors = make_anchors((1, 4), (100,))
    slices = np.array([[0, 0, 15, 15]])
    labels, _, _ = assign_targets(anchors, slices, slices, (16, 64), rng=np.random.default_rng(0))
    assert (labels == -1).all()


def test_what_does_not_fit_is_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="do not fit"):
        assign_targets(ANCHORS[:-1], NONE, NONE, SHAPE, rng=rng)
    with pytest.raises(ValueError, match="columns 0 to 4"):
        assign_targets(ANCHORS, np.array([[80, 0, 95, 9]]), NONE, SHAPE, rng=rng)
    with pytest.raises(ValueError, match="multiples of 16"):
        assign_targets(ANCHORS, np.array([[8, 0, 23, 9]]), NONE, SHAPE, rng=rng)
