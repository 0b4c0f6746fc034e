"""The vectorised connector beside plain loops, a hand-made line, and bad input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.bench_connector import proposals, scattered
from benchmarks.connector_plain import plain_chains, plain_fit, plain_lines, plain_nms
from src.common.boxes import box_corners
from src.common.options import OptionError
from src.text_connector.connect_text_lines import connect_text_lines
from src.text_connector.detector import detect_text_lines
from src.text_connector.get_successions import NONE, chains, get_successions
from src.text_connector.nms import _row_blocks, suppress
from src.text_connector.options import ConnectorParams

LENIENT = ConnectorParams(line_min_score=0.0, min_ratio=0.0, min_num_proposals=0)


def row(columns, top=100.0, bottom=119.0, score=0.95):
    """Proposals of one level line: (N, 4) boxes at the given 16-pixel columns and (N,) scores."""
    x1 = np.asarray(columns) * 16.0
    boxes = np.stack([x1, np.full(len(x1), top), x1 + 16, np.full(len(x1), bottom)], axis=1)
    return boxes, np.full(len(x1), score)


def assert_equals_plain(boxes, scores, size, params):
    lines = detect_text_lines(boxes, scores, size, params)
    want_boxes, want_scores = plain_lines(boxes, scores, size, params)
    np.testing.assert_array_equal(lines.boxes, want_boxes.astype(np.float32))
    np.testing.assert_array_equal(lines.scores, want_scores.astype(np.float32))
    return len(lines)


def test_one_level_line():
    boxes, scores = row([3, 4, 5, 6])
    lines = detect_text_lines(boxes, scores, (576, 960))
    np.testing.assert_array_equal(lines.boxes, [[48, 100, 112, 119]])
    np.testing.assert_allclose(lines.scores, [0.95])
    np.testing.assert_array_equal(lines.polygons, [[[48, 100], [112, 100], [112, 119], [48, 119]]])
    assert lines.boxes.dtype == lines.scores.dtype == lines.polygons.dtype == np.float32


def test_gap_decides_between_one_line_and_two():
    def found(gap):
        start = [0, 1, 2]
        boxes, scores = row(start + [2 + gap + step for step in (0, 1, 2)])
        return len(detect_text_lines(boxes, scores, (576, 960)))

    assert found(3) == 1  # 48 pixels
    assert found(4) == 2  # 64 pixels > 60


@pytest.mark.parametrize("gap, linked", [(32, True), (31, False)])
def test_gap_counts_pixel_columns_and_is_inclusive(gap, linked):
    boxes, scores = row([1, 3, 5])
    params = ConnectorParams(max_horizontal_gap=gap)
    assert len(detect_text_lines(boxes, scores, (576, 960), params)) == int(linked)


@pytest.mark.parametrize("maker", [proposals, scattered])
@pytest.mark.parametrize("seed", range(6))
def test_equal_to_plain_loops_on_random_images(maker, seed):
    boxes, scores = maker(150 + 50 * seed, seed)
    size = (576, 960) if seed % 2 else (300, 500)  # half of them reach out of the image
    found = assert_equals_plain(boxes, scores, size, ConnectorParams(line_min_score=0.5))
    assert found > 0
    assert_equals_plain(boxes, scores, size, LENIENT)


@pytest.mark.parametrize("seed", range(4))
def test_equal_to_plain_loops_with_many_ties(seed):
    rng = np.random.default_rng(seed)
    count = 200
    x1 = rng.integers(0, 12, count) * 16.0 + rng.choice([0, 0.5], count)
    y1 = rng.integers(0, 6, count) * 10.0
    boxes = np.stack([x1, y1, x1 + 15, y1 + rng.choice([9, 10, 14], count)], axis=1)
    scores = rng.choice([0.8, 0.9, 1.0], count)
    assert assert_equals_plain(boxes, scores, (100, 200), LENIENT) > 0


edges = st.sampled_from([0.0, 16.0, 32.0, 48.0, np.nan, np.inf])
coordinate = st.one_of(st.integers(-20, 140).map(float), st.floats(-50, 200), edges)
score = st.sampled_from([0.2, 0.7, 0.8, 0.95, 1.0, np.nan])
proposal = st.tuples(coordinate, coordinate, coordinate, coordinate, score)
column_proposal = st.tuples(
    st.integers(0, 7).map(lambda column: column * 16.0),
    st.integers(0, 8).map(lambda place: place * 5.0),
    st.integers(8, 14).map(float),
    st.sampled_from([0.75, 0.9, 0.99]),
).map(lambda part: (part[0], part[1], part[0] + 16, part[1] + part[2], part[3]))


@settings(max_examples=120, deadline=None)
@given(
    st.lists(st.one_of(column_proposal, proposal), max_size=40),
    st.sampled_from([1, 16, 31, 60]),
    st.sampled_from([0.01, 0.2, 0.7, 1.0]),
    st.tuples(st.integers(1, 80), st.integers(1, 140)),
)
def test_equal_to_plain_loops_on_adversarial_input(rows, gap, nms_threshold, size):
    data = np.array(rows, dtype=np.float64).reshape(-1, 5)
    params = ConnectorParams(
        max_horizontal_gap=gap,
        text_proposals_nms_thresh=nms_threshold,
        line_min_score=0.0,
        min_ratio=0.0,
        min_num_proposals=0,
    )
    assert_equals_plain(data[:, :4], data[:, 4], size, params)


def test_precursor_is_judged_from_the_successor():
    # a (best column neighbor of c by reach) loses c to the better scored b, though c is a's own choice.
    boxes, _ = row([1, 1, 2])
    boxes[0, [1, 3]], boxes[1, [1, 3]], boxes[2, [1, 3]] = (100, 119), (104, 123), (102, 121)
    link = get_successions(boxes, np.array([0.8, 0.9, 0.7]), 960, max_gap=60, min_v_overlaps=0.7, min_size_sim=0.7)
    assert link.tolist() == [NONE, 2, NONE]


def test_equal_scores_share_a_successor():
    boxes, scores = row([1, 1, 2, 3])
    boxes[0, [1, 3]], boxes[1, [1, 3]] = (98, 117), (102, 121)
    link = get_successions(boxes, scores, 960, max_gap=60, min_v_overlaps=0.7, min_size_sim=0.7)
    assert link.tolist() == [2, 2, 3, NONE]
    member, line = chains(link)
    assert member.tolist() == [0, 2, 3, 1, 2, 3]
    assert line.tolist() == [0, 0, 0, 1, 1, 1]


@given(st.lists(st.integers(1, 6), min_size=1, max_size=40), st.randoms())
@settings(max_examples=50, deadline=None)
def test_chains_equal_plain(steps, random):
    successor = [
        index + step if index + step < len(steps) and random.random() < 0.8 else NONE
        for index, step in enumerate(steps)
    ]
    member, line = chains(np.array(successor))
    want = plain_chains(successor)
    assert member.tolist() == [node for chain in want for node in chain]
    assert line.tolist() == [number for number, chain in enumerate(want) for _ in chain]


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(0, 12), st.integers(0, 12)), max_size=30),
    st.sampled_from([0.1, 0.2, 0.5, 1.0]),
)
@settings(max_examples=60, deadline=None)
def test_nms_equals_plain(rows, threshold):
    boxes = np.array(rows, dtype=np.float64).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    scores = np.linspace(1, 0.5, len(boxes))
    assert suppress(boxes, scores, threshold).tolist() == plain_nms(boxes.tolist(), threshold)


def test_nms_boundary_suppresses_and_ties_keep_the_earlier():
    boxes = np.array([[0, 0, 9, 9], [0, 5, 9, 14], [50, 50, 59, 59], [50, 50, 59, 59]], np.float64)
    scores = np.array([0.5, 0.9, 0.7, 0.7])
    assert suppress(boxes, scores, 50 / 150).tolist() == [1, 2]  # IoU is exactly the threshold
    assert suppress(boxes, scores, 0.34).tolist() == [1, 2, 0]


def test_nms_of_many_in_one_place_works_in_blocks():
    rng = np.random.default_rng(0)
    boxes = rng.integers(0, 40, (900, 4)).astype(np.float64)
    boxes[:, 2:] = boxes[:, :2] + rng.integers(5, 40, (900, 2))
    scores = rng.permutation(900) / 900.0
    order = np.argsort(-scores)
    want = order[plain_nms(boxes[order].tolist(), 0.4)]
    assert suppress(boxes, scores, 0.4).tolist() == want.tolist()
    counts = np.full(900, 5000)
    blocks = _row_blocks(counts)
    assert len(blocks) > 1
    assert [begin for begin, _ in blocks[1:]] == [end for _, end in blocks[:-1]]
    assert (blocks[0][0], blocks[-1][1]) == (0, 900)


def test_fit_is_the_least_squares_line():
    rng = np.random.default_rng(3)
    x1 = np.array([16.0, 32, 64, 80, 96])
    y1, y2 = 50 + 0.2 * x1 + rng.normal(0, 1, 5), 80 + 0.2 * x1 + rng.normal(0, 1, 5)
    boxes = np.stack([x1, y1, x1 + 16, y2], axis=1)
    lines = connect_text_lines(boxes, np.ones(5), np.arange(5), np.zeros(5, int))
    top, bottom = np.polyfit(x1, y1, 1), np.polyfit(x1, y2, 1)
    ends = np.array([16 + 8, 112 - 8])
    assert lines.boxes[0, 1] == pytest.approx(np.polyval(top, ends).min(), abs=1e-9)
    assert lines.boxes[0, 3] == pytest.approx(np.polyval(bottom, ends).max(), abs=1e-9)
    assert plain_fit(x1.tolist(), y1.tolist(), tuple(ends)) == pytest.approx(np.polyval(top, ends))


@pytest.mark.parametrize(
    "boxes, scores",
    [
        (np.zeros((0, 4)), np.zeros(0)),
        ([], []),
        ([[0, 0, 16, 16]], [0.99]),
        (np.tile([[0, 0, 16, 16]], (50, 1)), np.full(50, 0.99)),
        (np.full((5, 4), np.nan), np.full(5, 0.99)),
        (row([1, 2, 3, 4])[0], np.full(4, np.nan)),
        (row([1, 2, 3, 4])[0][:, [2, 1, 0, 3]], np.full(4, 0.99)),  # inverted
        (row([1, 2, 3, 4])[0][:, [0, 3, 2, 1]], np.full(4, 0.99)),
        (np.full((3, 4), np.inf), np.full(3, 0.99)),
        (np.array([[-1e308, -1e308, 1e308, 1e308]] * 2), [0.99, 0.98]),
    ],
)
def test_nothing_to_connect(boxes, scores):
    lines = detect_text_lines(boxes, scores, (576, 960))
    assert len(lines) == 0
    assert lines.boxes.shape == (0, 4) and lines.scores.shape == (0,) and lines.polygons.shape == (0, 4, 2)


def test_bad_boxes_do_not_disturb_good_ones():
    boxes, scores = row([3, 4, 5, 6])
    bad = np.array([[np.nan, 0, 16, 16], [80, 100, 70, 119], [48, np.inf, 64, 119], [64, 100, 80, 119]])
    lines = detect_text_lines(np.vstack([bad, boxes]), np.append([1, 1, 1, np.nan], scores), (576, 960))
    np.testing.assert_array_equal(lines.boxes, [[48, 100, 112, 119]])


def test_order_of_input_does_not_matter_without_ties():
    boxes, scores = proposals(300, 5)
    scores = np.random.default_rng(0).permutation(np.linspace(0.75, 1, 300))
    shuffled = np.random.default_rng(1).permutation(300)
    params = ConnectorParams(line_min_score=0.5)
    here = detect_text_lines(boxes, scores, (576, 960), params)
    there = detect_text_lines(boxes[shuffled], scores[shuffled], (576, 960), params)
    assert len(here) > 3
    np.testing.assert_array_equal(here.boxes, there.boxes)


def test_lines_are_clipped_and_inputs_untouched():
    boxes, scores = row([0, 1, 2, 3, 4], top=-10, bottom=30)
    before = boxes.copy()
    lines = detect_text_lines(boxes, scores, (21, 60))
    np.testing.assert_array_equal(lines.boxes, [[0, 0, 59, 20]])
    np.testing.assert_array_equal(boxes, before)


def test_filters():
    size = (576, 960)
    boxes, scores = row([1, 2])
    assert len(detect_text_lines(boxes, scores, size)) == 0  # width 32 is not above 16 * 2
    boxes, scores = row([1, 2, 3])
    assert len(detect_text_lines(boxes, scores, size)) == 1
    assert len(detect_text_lines(boxes, np.full(3, 0.9), size)) == 0  # not above 0.9
    boxes, scores = row([1, 2, 3], bottom=100 + 96)
    assert len(detect_text_lines(boxes, scores, size)) == 0  # 48 / 96 is not above 0.5
    boxes, scores = row([1, 2, 3], bottom=100 + 95)
    assert len(detect_text_lines(boxes, scores, size)) == 1
    boxes, scores = row([1, 2, 3])
    scores[1] = 0.7
    assert len(detect_text_lines(boxes, scores, size, LENIENT)) == 1  # linked over the gap
    assert detect_text_lines(boxes, scores, size, LENIENT).scores[0] == pytest.approx(0.95)


def test_oriented_polygon_follows_a_tilted_line():
    x1 = np.arange(2, 22) * 16.0
    center = x1 + 8
    slope = 0.15
    boxes = np.stack([x1, 100 + slope * center, x1 + 16, 130 + slope * center], axis=1)
    scores = np.full(20, 0.95)
    level = detect_text_lines(boxes, scores, (576, 960))
    tilted = detect_text_lines(boxes, scores, (576, 960), ConnectorParams(oriented=True))
    np.testing.assert_array_equal(level.boxes, tilted.boxes)
    np.testing.assert_array_equal(level.polygons, box_corners(level.boxes))
    left, right = 32.0, 352.0
    want = [[x, y + slope * x] for x, y in ((left, 100), (right, 100), (right, 130), (left, 130))]
    np.testing.assert_allclose(tilted.polygons[0], want, atol=1e-3)


def test_side_refinement_moves_the_ends():
    boxes, scores = row([3, 4, 5, 6])
    params = ConnectorParams(side_refinement=True)
    dx = np.array([0.25, 9.0, -9.0, 0.75])
    lines = detect_text_lines(boxes, scores, (576, 960), params, dx)
    # centers 48 + 7.5 and 96 + 7.5, widths of 16
    np.testing.assert_allclose(lines.boxes, [[55.5 + 4, 100, 103.5 + 12, 119]])
    unusable = np.array([9.0, 0, 0, -9.0])  # would turn the line inside out
    lines = detect_text_lines(boxes, scores, (576, 960), params, unusable)
    np.testing.assert_allclose(lines.boxes, [[48, 100, 112, 119]])
    lines = detect_text_lines(boxes, scores, (576, 960), params, np.full(4, np.nan))
    np.testing.assert_allclose(lines.boxes, [[48, 100, 112, 119]])
    with pytest.raises(ValueError, match="needs dx"):
        detect_text_lines(boxes, scores, (576, 960), params)


def test_line_nms_keeps_the_better_line():
    upper, upper_scores = row([1, 2, 3, 4], top=100, bottom=119, score=0.99)
    lower, lower_scores = row([1, 2, 3, 4], top=110, bottom=140, score=0.95)
    boxes, scores = np.vstack([lower, upper]), np.append(lower_scores, upper_scores)
    loose = {"text_proposals_nms_thresh": 0.9}
    assert len(detect_text_lines(boxes, scores, (576, 960), ConnectorParams(**loose))) == 2
    lines = detect_text_lines(boxes, scores, (576, 960), ConnectorParams(line_nms_thresh=0.2, **loose))
    np.testing.assert_array_equal(lines.boxes, [[16, 100, 80, 119]])


@pytest.mark.parametrize(
    "name, value",
    [
        ("max_horizontal_gap", 0),
        ("max_horizontal_gap", 1.5),
        ("max_horizontal_gap", True),
        ("text_proposals_nms_thresh", 0),
        ("min_v_overlaps", 1.1),
        ("min_size_sim", float("nan")),
        ("line_min_score", "0.9"),
        ("line_nms_thresh", -0.1),
        ("min_ratio", -1),
        ("oriented", 1),
    ],
)
def test_parameters_are_checked(name, value):
    with pytest.raises(OptionError, match=name):
        ConnectorParams(**{name: value})


@pytest.mark.parametrize(
    "boxes, scores, size",
    [
        (np.zeros((3, 5)), np.zeros(3), (10, 10)),
        (np.zeros((3, 4)), np.zeros(2), (10, 10)),
        (np.zeros((3, 4)), np.zeros((3, 1)), (10, 10)),
        (np.zeros((3, 4)), np.zeros(3), (0, 10)),
    ],
)
def test_shapes_are_checked(boxes, scores, size):
    with pytest.raises(ValueError):
        detect_text_lines(boxes, scores, size)
