"""DetEval, the protocol of ICDAR 2013 Challenge 2 Task 1 (Wolf and Jolion, IJDAR 2006).

It lets one detection cover several ground truths and several detections make up one, each at its price.
Boxes are axis-aligned with both ends included; metrics equal the official script's when both get the same
whole-number boxes. Shapes: K ground truths, M detections of one image; a pair is (ground truth, detection).
"""

from collections.abc import Mapping

import numpy as np

from src.metrics.detection_result import (
    DetectionResult,
    GroundTruth,
    ImageResult,
    check_names,
    checked_boxes,
)

AREA_RECALL = 0.8
AREA_PRECISION = 0.4
MAX_CENTER_DISTANCE = 1.0
SPLIT_CREDIT = 0.8  # of recall, and of each detection, where several detections make up one ground truth
MERGED_CREDIT = 1.0  # of each ground truth where one detection covers several


def deteval(ground_truth: Mapping[str, GroundTruth], detections: Mapping[str, np.ndarray]) -> DetectionResult:
    """Score a data set.

    Args:
        ground_truth: every image, by name.
        detections: (M, 4) boxes by image name, inclusive pixel corners. An image left out has none.

    Returns:
        Precision, recall and hmean of the data set, and the result of every image.

    Raises:
        MetricError: detections for an unknown image, a box that is inverted or not finite.
    """
    check_names(ground_truth, detections)
    nothing = np.empty((0, 4))
    return DetectionResult.from_images(
        {
            name: score_image(truth.boxes, truth.ignored, checked_boxes(detections.get(name, nothing), name))
            for name, truth in ground_truth.items()
        }
    )


def score_image(truths: np.ndarray, ignored: np.ndarray, found: np.ndarray) -> ImageResult:
    """Score one image.

    Args:
        truths: (K, 4) boxes of the ground truth.
        ignored: (K,) bool, which of them to ignore.
        found: (M, 4) detections.
    """
    if not len(found) or not len(truths):
        return ImageResult(ground_truths=int((~ignored).sum()), detections=len(found))
    recall, precision = _area_shares(truths, found)  # (K, M) each
    found_ignored = (precision[ignored] > AREA_PRECISION).any(axis=0)  # (M,)
    touching = recall > 0
    truth_overlaps = (touching & ~found_ignored).sum(axis=1)  # (K,)
    found_overlaps = (touching & ~ignored[:, None]).sum(axis=0)  # (M,)
    counting = {"ground_truths": int((~ignored).sum()), "detections": int((~found_ignored).sum())}

    truth_free, found_free = ~ignored, ~found_ignored  # not ignored and not matched yet
    matches: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
    recall_credit = precision_credit = 0.0

    holds = (recall >= AREA_RECALL) & (precision >= AREA_PRECISION)
    alone = holds & (holds.sum(axis=1) == 1)[:, None] & (holds.sum(axis=0) == 1)
    alone &= (truth_overlaps == 1)[:, None] & (found_overlaps == 1)
    alone &= truth_free[:, None] & found_free
    for g, d in np.argwhere(alone).tolist():  # at most one per row and column, so none is matched before
        if _center_distance(truths[g], found[d]) < MAX_CENTER_DISTANCE:
            truth_free[g] = found_free[d] = False
            matches.append(((g,), (d,)))
            recall_credit += 1
            precision_credit += 1

    for g in np.flatnonzero(truth_free & (truth_overlaps >= 2)).tolist():
        parts = np.flatnonzero(found_free & (precision[g] >= AREA_PRECISION)).tolist()
        if round(sum(recall[g, parts].tolist()), 4) >= AREA_RECALL:
            truth_free[g] = False
            found_free[parts] = False
            matches.append(((g,), tuple(parts)))
            several = len(parts) > 1
            recall_credit += SPLIT_CREDIT if several else 1
            precision_credit += SPLIT_CREDIT * len(parts) if several else 1

    for d in np.flatnonzero(found_free & (found_overlaps >= 2)).tolist():
        parts = np.flatnonzero(truth_free & (recall[:, d] >= AREA_RECALL)).tolist()
        if round(sum(precision[parts, d].tolist()), 4) >= AREA_PRECISION:
            found_free[d] = False
            truth_free[parts] = False
            matches.append((tuple(parts), (d,)))
            recall_credit += MERGED_CREDIT * len(parts)
            precision_credit += MERGED_CREDIT

    outside = tuple(np.flatnonzero(found_ignored).tolist())
    return ImageResult(recall_credit, precision_credit, **counting, matches=matches, ignored_detections=outside)


def _area_shares(truths: np.ndarray, found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(K, M) intersection as a share of the ground truth's area, and as a share of the detection's."""
    upper = np.minimum(truths[:, None, 2:], found[None, :, 2:])
    lower = np.maximum(truths[:, None, :2], found[None, :, :2])
    shared = np.maximum(upper - lower + 1, 0).prod(axis=2)
    return shared / _area(truths)[:, None], shared / _area(found)


def _area(boxes: np.ndarray) -> np.ndarray:
    return (boxes[:, 2:] - boxes[:, :2] + 1).prod(axis=1)


def _center_distance(truth: np.ndarray, found: np.ndarray) -> float:
    """Distance of the centers in mean diagonals."""
    truth_side, found_side = truth[2:] - truth[:2] + 1, found[2:] - found[:2] + 1
    apart = np.hypot(*(truth[:2] + truth_side / 2 - found[:2] - found_side / 2))
    return float(apart / ((np.hypot(*truth_side) + np.hypot(*found_side)) / 2))
