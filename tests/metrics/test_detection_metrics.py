"""DetEval and IoU hmean beside slow, independent versions of the protocols."""

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.metrics.detection_result import DetectionResult, GroundTruth, MetricError
from src.metrics.deteval import deteval
from src.metrics.iou_hmean import iou_hmean


class PlainDetEval:
    """The protocol page, sentence by sentence, with loops and whole numbers."""

    def __init__(self, truths, ignored, found):
        self.truths, self.ignored, self.found = truths, ignored, found
        self.found_ignored = {
            d for d in range(len(found)) if any(ignored[g] and self.precision(g, d) > 0.4 for g in range(len(truths)))
        }
        self.matched_truths, self.matched_found = set(), set()
        self.recall_credit = self.precision_credit = 0.0
        self.one_to_one()
        self.one_to_many()
        self.many_to_one()

    @staticmethod
    def area(box):
        return (box[2] - box[0] + 1) * (box[3] - box[1] + 1)

    def intersection(self, g, d):
        a, b = self.truths[g], self.found[d]
        wide = min(a[2], b[2]) - max(a[0], b[0]) + 1
        high = min(a[3], b[3]) - max(a[1], b[1]) + 1
        return wide * high if wide >= 0 and high >= 0 else 0

    def recall(self, g, d):
        return self.intersection(g, d) / self.area(self.truths[g])

    def precision(self, g, d):
        return self.intersection(g, d) / self.area(self.found[d])

    def holds(self, g, d):
        return self.recall(g, d) >= 0.8 and self.precision(g, d) >= 0.4

    def overlaps_of_truth(self, g):
        return sum(self.recall(g, d) > 0 for d in range(len(self.found)) if d not in self.found_ignored)

    def overlaps_of_found(self, d):
        return sum(self.recall(g, d) > 0 for g in range(len(self.truths)) if not self.ignored[g])

    def near(self, g, d):
        a, b = self.truths[g], self.found[d]

        def center(box):
            return box[0] + (box[2] - box[0] + 1) / 2, box[1] + (box[3] - box[1] + 1) / 2

        def diagonal(box):
            return math.sqrt((box[2] - box[0] + 1) ** 2 + (box[3] - box[1] + 1) ** 2)

        return math.dist(center(a), center(b)) / ((diagonal(a) + diagonal(b)) / 2) < 1

    def free_truths(self):
        return [g for g in range(len(self.truths)) if not self.ignored[g] and g not in self.matched_truths]

    def free_found(self):
        taken = self.found_ignored | self.matched_found
        return [d for d in range(len(self.found)) if d not in taken]

    def mark(self, truths, found, recall, precision):
        self.matched_truths |= set(truths)
        self.matched_found |= set(found)
        self.recall_credit += recall
        self.precision_credit += precision

    def one_to_one(self):
        for g in range(len(self.truths)):
            for d in range(len(self.found)):
                if g not in self.free_truths() or d not in self.free_found() or not self.holds(g, d):
                    continue
                if sum(self.holds(g, other) for other in range(len(self.found))) != 1:
                    continue
                if sum(self.holds(other, d) for other in range(len(self.truths))) != 1:
                    continue
                if self.overlaps_of_truth(g) == 1 and self.overlaps_of_found(d) == 1 and self.near(g, d):
                    self.mark([g], [d], 1, 1)

    def one_to_many(self):
        for g in range(len(self.truths)):
            if g not in self.free_truths():
                continue
            parts = [d for d in self.free_found() if self.precision(g, d) >= 0.4]
            if round(sum(self.recall(g, d) for d in parts), 4) >= 0.8 and self.overlaps_of_truth(g) >= 2:
                k = len(parts)
                self.mark([g], parts, *((1, 1) if k == 1 else (0.8, 0.8 * k)))

    def many_to_one(self):
        for d in range(len(self.found)):
            if d not in self.free_found():
                continue
            parts = [g for g in self.free_truths() if self.recall(g, d) >= 0.8]
            if round(sum(self.precision(g, d) for g in parts), 4) >= 0.4 and self.overlaps_of_found(d) >= 2:
                self.mark(parts, [d], len(parts), 1)

    def counts(self):
        return sum(not flag for flag in self.ignored), len(self.found) - len(self.found_ignored)


def plain_metrics(images):
    """(precision, recall, hmean) of [(truths, ignored, found)]."""
    scores = [PlainDetEval(*image) for image in images]
    truths = sum(score.counts()[0] for score in scores)
    found = sum(score.counts()[1] for score in scores)
    recall = sum(score.recall_credit for score in scores) / truths if truths else 0
    precision = sum(score.precision_credit for score in scores) / found if found else 0
    both = precision + recall
    return precision, recall, 2 * precision * recall / both if both else 0


def ours(images, metric=deteval):
    truths = {str(i): GroundTruth(np.array(t).reshape(-1, 4), g) for i, (t, g, _) in enumerate(images)}
    found = {str(i): np.array(d).reshape(-1, 4) for i, (_, _, d) in enumerate(images)}
    result = metric(truths, found)
    return result.precision, result.recall, result.hmean


place, side = st.integers(0, 24), st.integers(0, 16)
box = st.tuples(place, place, side, side).map(lambda b: [b[0], b[1], b[0] + b[2], b[1] + b[3]])


@st.composite
def image(draw):
    truths = draw(st.lists(box, max_size=5))
    ignored = draw(st.lists(st.booleans(), min_size=len(truths), max_size=len(truths)))
    found = draw(st.lists(box, max_size=5))
    for truth in truths:  # otherwise random boxes seldom match
        how = draw(st.sampled_from(["none", "copy", "halves", "grown"]))
        middle = (truth[0] + truth[2]) // 2
        if how == "copy":
            found.append(list(truth))
        elif how == "halves" and truth[2] > truth[0]:
            found += [[truth[0], truth[1], middle, truth[3]], [middle + 1, truth[1], truth[2], truth[3]]]
        elif how == "grown":
            found.append([truth[0] - 2, truth[1], truth[2] + draw(side), truth[3] + 1])
    return truths, ignored, found


@settings(max_examples=120, deadline=None)
@given(st.lists(image(), max_size=3))
def test_deteval_equals_the_page(images):
    assert ours(images) == pytest.approx(plain_metrics(images), abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_deteval_equals_the_page_on_whole_sets(seed):
    rng = np.random.default_rng(seed)
    images = []
    for _ in range(40):
        truths = rng.integers(0, 300, (rng.integers(0, 9), 4))
        truths[:, 2:] = truths[:, :2] + rng.integers(5, 120, (len(truths), 2))
        found = np.concatenate([truths, truths])[rng.random(2 * len(truths)) < 0.7]
        found = found + rng.integers(-6, 7, found.shape)
        found[:, 2:] = np.maximum(found[:, 2:], found[:, :2])
        images.append((truths.tolist(), (rng.random(len(truths)) < 0.2).tolist(), found.tolist()))
    want = plain_metrics(images)
    assert 0.1 < want[2] < 0.95
    assert ours(images) == pytest.approx(want, abs=1e-9)


A, B, FAR = [0, 0, 99, 19], [110, 0, 209, 19], [500, 500, 520, 520]


@pytest.mark.parametrize(
    "truths, ignored, found, want",
    [
        ([], [], [], (0, 0, 0)),
        ([A], [False], [], (0, 0, 0)),
        ([], [], [A], (0, 0, 0)),
        ([A], [True], [A], (0, 0, 0)),
        ([A], [True], [FAR], (0, 0, 0)),
        ([A, B], [False, True], [A, B], (1, 1, 1)),
        ([A, B], [False, False], [A, B], (1, 1, 1)),
        ([A, B], [False, False], [A, FAR], (0.5, 0.5, 0.5)),
        # one detection over two words: full recall, precision 1 of 1
        ([A, B], [False, False], [[0, 0, 209, 19]], (1, 1, 1)),
        # two halves of one word: 0.8 recall, 2 * 0.8 of 2
        ([A], [False], [[0, 0, 49, 19], [50, 0, 99, 19]], (0.8, 0.8, 0.8)),
        # the same detection twice: neither pair is alone; as parts of one word their recalls add up
        ([A], [False], [A, A], (0.8, 0.8, 0.8)),
        # 0.799975 of the area is found: sums are rounded to four decimals
        ([[0, 0, 199, 199]], [False], [[0, 0, 199, 158], [0, 159, 198, 159]], (0.8, 0.8, 0.8)),
        # an ignored detection also holds: the good pair is not the only one of its row, nor one of several
        ([A, [0, 20, 99, 39]], [False, True], [A, [0, 0, 99, 39]], (0, 0, 0)),
        # an ignored ground truth with a share of exactly 0.4 also holds, in the column
        ([[0, 0, 9, 9], [0, 0, 9, 3]], [False, True], [[0, 0, 9, 9]], (0, 0, 0)),
        # one ground truth twice under one detection: merged
        ([A, A], [False, False], [A], (1, 1, 1)),
    ],
)
def test_deteval_by_hand(truths, ignored, found, want):
    assert ours([(truths, ignored, found)]) == pytest.approx(want)
    assert plain_metrics([(truths, ignored, found)]) == pytest.approx(want)


def test_ground_truth_that_overlaps_itself_scores_below_one():
    inside = [[0, 0, 99, 99], [10, 10, 29, 29]]  # the small one looks like a piece of the large one
    images = [(inside, [False] * 2, inside), ([A, B], [False] * 2, [A, B])]
    assert ours(images) == pytest.approx((3.6 / 4, 2.8 / 4, 2 * 0.9 * 0.7 / 1.6))
    assert plain_metrics(images) == pytest.approx(ours(images))


def test_per_image_metrics_and_matches():
    truth = {
        "both": GroundTruth(np.array([A, B])),
        "empty": GroundTruth(np.empty((0, 4))),
        "noise": GroundTruth(np.array([A]), np.array([True])),
    }
    result = deteval(truth, {"both": np.array([A, FAR]), "noise": np.array([FAR, A])})
    images = result.per_image
    assert (images["both"].precision, images["both"].recall, images["both"].hmean) == (0.5, 0.5, 0.5)
    assert images["both"].matches == [((0,), (0,))]
    assert (images["empty"].precision, images["empty"].recall) == (1, 1)
    assert (images["noise"].precision, images["noise"].recall) == (0, 1)
    assert images["noise"].ignored_detections == (1,)
    assert result.metrics() == pytest.approx({"precision": 1 / 3, "recall": 0.5, "hmean": 0.4})


def test_sharding_does_not_change_the_metrics():
    rng = np.random.default_rng(0)
    truth, found = {}, {}
    for index in range(60):
        boxes = rng.integers(0, 50, (4, 4))
        boxes[:, 2:] += boxes[:, :2]
        truth[str(index)] = GroundTruth(boxes)
        found[str(index)] = np.maximum(boxes + rng.integers(0, 2, boxes.shape), 0)[:, [0, 1, 2, 3]]
        found[str(index)][:, 2:] = np.maximum(found[str(index)][:, 2:], found[str(index)][:, :2])
    whole = deteval(truth, found)
    parts = {}
    for shard in (2, 0, 1):
        names = list(truth)[shard::3]
        parts |= deteval({n: truth[n] for n in names}, {n: found[n] for n in names}).per_image
    assert DetectionResult.from_images(parts).metrics() == whole.metrics()


@pytest.mark.parametrize("metric", [deteval, iou_hmean])
def test_bad_input_is_named(metric):
    truth = {"one": GroundTruth(np.array([A]))}
    with pytest.raises(MetricError, match="two"):
        metric(truth, {"two": np.array([A])})
    with pytest.raises(MetricError, match="one"):
        metric(truth, {"one": np.array([[5, 0, 4, 9]])})
    with pytest.raises(MetricError, match="one"):
        metric(truth, {"one": np.array([[5, 0, np.nan, 9]])})
    with pytest.raises(ValueError, match="shape"):
        metric(truth, {"one": np.array([1.0, 2, 3, 4])})
    with pytest.raises(ValueError, match="ignored"):
        GroundTruth(np.array([A]), np.array([True, False]))
    with pytest.raises(MetricError, match="x1 <= x2"):
        GroundTruth(np.array([[5, 5, 4, 9]]))


@pytest.mark.parametrize("metric", [deteval, iou_hmean])
def test_a_thousand_images_take_little_time(metric):
    rng = np.random.default_rng(1)
    boxes = rng.integers(0, 900, (1000, 12, 4))
    boxes[..., 2:] = boxes[..., :2] + rng.integers(5, 200, (1000, 12, 2))
    truth = {str(i): GroundTruth(rows[:8]) for i, rows in enumerate(boxes)}
    found = {str(i): rows for i, rows in enumerate(boxes)}
    start = time.process_time()
    metric(truth, found)
    assert time.process_time() - start < 3  # 0.3 s on a free core


def plain_iou(images, threshold):
    """ICDAR 2015 with loops, boxes as areas in the plane."""
    wanted = counted = hits = 0
    for truths, ignored, found in images:

        def shared(a, b):
            return max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))

        def area(a):
            return (a[2] - a[0]) * (a[3] - a[1])

        skip = {
            d
            for d, b in enumerate(found)
            if any(
                flag and area(b) > 0 and shared(a, b) / area(b) > 0.5 for a, flag in zip(truths, ignored, strict=True)
            )
        }
        used = set()
        for a, flag in zip(truths, ignored, strict=True):
            if flag:
                continue
            for d, b in enumerate(found):
                whole = area(a) + area(b) - shared(a, b)
                if d not in skip | used and whole > 0 and shared(a, b) / whole > threshold:
                    used.add(d)
                    break
        hits += len(used)
        wanted += sum(not flag for flag in ignored)
        counted += len(found) - len(skip)
    precision, recall = hits / counted if counted else 0, hits / wanted if wanted else 0
    both = precision + recall
    return precision, recall, 2 * precision * recall / both if both else 0


@settings(max_examples=60, deadline=None)
@given(st.lists(image(), max_size=3), st.sampled_from([0.3, 0.5, 0.75]))
def test_iou_equals_plain(images, threshold):
    got = ours(images, lambda truth, found: iou_hmean(truth, found, threshold))
    assert got == pytest.approx(plain_iou(images, threshold), abs=1e-9)


def test_iou_threshold_is_exclusive_and_matching_one_to_one():
    truth = {"a": GroundTruth(np.array([[0, 0, 10, 10]]))}
    assert iou_hmean(truth, {"a": np.array([[0, 0, 10, 5]])}).recall == 0  # IoU is exactly 0.5
    assert iou_hmean(truth, {"a": np.array([[0, 0, 10, 6]])}).recall == 1
    twice = iou_hmean(truth, {"a": np.array([[0, 0, 10, 10]] * 2)})
    assert (twice.precision, twice.recall) == (0.5, 1)
    with pytest.raises(ValueError, match="iou"):
        iou_hmean(truth, {}, iou=1.0)


def as_polygons(boxes):
    return np.array([[[a, b], [c, b], [c, d], [a, d]] for a, b, c, d in boxes], float).reshape(-1, 4, 2)


@settings(max_examples=30, deadline=None)
@given(image())
def test_polygons_that_are_boxes_score_as_boxes(sample):
    pytest.importorskip("shapely")
    truths, ignored, found = sample
    by_box = iou_hmean({"a": GroundTruth(np.array(truths).reshape(-1, 4), ignored)}, {"a": np.array(found)})
    outlined = GroundTruth(np.array(truths).reshape(-1, 4), ignored, as_polygons(truths))
    by_polygon = iou_hmean({"a": outlined}, {"a": as_polygons(found)})
    mixed = iou_hmean({"a": outlined}, {"a": np.array(found)})
    assert by_polygon.metrics() == by_box.metrics() == mixed.metrics()


def test_tilted_and_twisted_polygons():
    pytest.importorskip("shapely")
    diamond = np.array([[[10, 0], [20, 10], [10, 20], [0, 10]]], float)
    truth = {"a": GroundTruth(np.array([[0, 0, 20, 20]]), polygons=diamond)}
    assert iou_hmean(truth, {"a": diamond}).hmean == 1
    assert iou_hmean(truth, {"a": np.array([[0, 0, 20, 20]])}).hmean == 0  # the diamond is half of its box
    twisted = np.array([[[0, 0], [20, 20], [20, 0], [0, 20]]], float)  # two triangles, half of the box
    bow = {"a": GroundTruth(np.array([[0, 0, 20, 20]]), polygons=twisted)}
    assert iou_hmean(bow, {"a": twisted}).hmean == 1
    assert iou_hmean(bow, {"a": np.array([[0, 0, 20, 20]])}, iou=0.49).hmean == 1
    assert iou_hmean(bow, {"a": np.array([[0, 0, 20, 20]])}, iou=0.51).hmean == 0
