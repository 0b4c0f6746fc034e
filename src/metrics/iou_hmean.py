"""Intersection over union, one-to-one: the protocol of ICDAR 2015 Challenge 4 Task 1.

Shapes are compared as areas in the plane (a box from x1 to x2 is x2 - x1 wide), as that protocol does, boxes
with boxes in NumPy, anything else as polygons. K ground truths, M detections of one image.
"""

from collections.abc import Mapping

import numpy as np

from src.common.boxes import box_corners, shared_areas
from src.metrics.detection_result import (
    DetectionResult,
    GroundTruth,
    ImageResult,
    check_names,
    checked_boxes,
    checked_polygons,
)

IGNORED_AREA_PRECISION = 0.5


def iou_hmean(
    ground_truth: Mapping[str, GroundTruth], detections: Mapping[str, np.ndarray], iou: float = 0.5
) -> DetectionResult:
    """Score a data set.

    A detection more than half of which lies in one ignored ground truth does not count. Of the others, in
    the order of the ground truth, then of the detections, a pair of which neither is matched yet is a match
    when its IoU is above `iou`.

    Args:
        ground_truth: every image, by name.
        detections: by image name, (M, 4) boxes or (M, P, 2) polygons. An image left out has none.
        iou: threshold, from 0 to less than 1.

    Raises:
        ValueError: a threshold out of range, another shape.
        MetricError: detections for an unknown image, a box or polygon that is not one.
    """
    if not 0 <= iou < 1:
        raise ValueError(f"iou must be from 0 to less than 1, got {iou!r}")
    check_names(ground_truth, detections)
    nothing = np.empty((0, 4))
    return DetectionResult.from_images(
        {name: score_image(truth, detections.get(name, nothing), iou, name) for name, truth in ground_truth.items()}
    )


def score_image(truth: GroundTruth, found: np.ndarray, iou: float, name: str = "detections") -> ImageResult:
    """Score one image; `found` is (M, 4) or (M, P, 2)."""
    found = np.asarray(found, dtype=np.float64)
    outlined = found.ndim == 3
    found = checked_polygons(found, name) if outlined else checked_boxes(found, name)
    wanted = int((~truth.ignored).sum())
    if not len(found) or not len(truth.boxes):
        return ImageResult(ground_truths=wanted, detections=len(found))
    if outlined or truth.polygons is not None:
        shared, truth_area, found_area = _polygon_areas(truth, found)
    else:
        shared, truth_area, found_area = _box_areas(truth.boxes, found)
    whole = truth_area[:, None] + found_area - shared
    overlap = np.divide(shared, whole, out=np.zeros_like(shared), where=whole > 0)
    inside = np.divide(shared, found_area, out=np.zeros_like(shared), where=found_area > 0)
    found_ignored = (inside[truth.ignored] > IGNORED_AREA_PRECISION).any(axis=0)

    free = ~found_ignored
    matches: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
    for g in np.flatnonzero(~truth.ignored).tolist():
        candidates = np.flatnonzero(free & (overlap[g] > iou))
        if len(candidates):
            d = int(candidates[0])
            free[d] = False
            matches.append(((g,), (d,)))
    return ImageResult(
        float(len(matches)),
        float(len(matches)),
        wanted,
        int((~found_ignored).sum()),
        matches,
        tuple(np.flatnonzero(found_ignored).tolist()),
    )


def _box_areas(truths: np.ndarray, found: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(K, M) shared areas, (K,) and (M,) areas."""
    return (
        shared_areas(truths, found),
        (truths[:, 2:] - truths[:, :2]).prod(axis=1),
        (found[:, 2:] - found[:, :2]).prod(axis=1),
    )


def _polygon_areas(truth: GroundTruth, found: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As `_box_areas`, for polygons; shapely sees only the pairs whose bounds meet."""
    import shapely  # noqa: PLC0415  boxes alone, the usual case, do without it

    def shapes(corners: np.ndarray) -> np.ndarray:
        return shapely.make_valid(shapely.polygons(corners))  # a twisted quadrilateral becomes its triangles

    truths = shapes(box_corners(truth.boxes) if truth.polygons is None else truth.polygons)
    others = shapes(found if found.ndim == 3 else box_corners(found))
    bounds_a, bounds_b = shapely.bounds(truths), shapely.bounds(others)
    meet = (bounds_a[:, None, :2] <= bounds_b[None, :, 2:]).all(axis=2)
    meet &= (bounds_b[None, :, :2] <= bounds_a[:, None, 2:]).all(axis=2)
    g, d = np.nonzero(meet)
    shared = np.zeros(meet.shape)
    shared[g, d] = shapely.area(shapely.intersection(truths[g], others[d]))
    return shared, shapely.area(truths), shapely.area(others)
