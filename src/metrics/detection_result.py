"""What detection metrics take and give, whatever the protocol.

Shapes: K ground truths, M detections, P corners of a polygon. An image is named by any key, the same in both
dictionaries; a key is left out of the detections when nothing was found there.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from src.common.errors import UserError


class MetricError(UserError):
    """Ground truth or detections that cannot be scored."""


@dataclass(frozen=True)
class GroundTruth:
    """The text of one image.

    Attributes:
        boxes: (K, 4) float64 (x1, y1, x2, y2), inclusive pixel corners.
        ignored: (K,) bool; text that counts neither for nor against ("###"). None = none of it.
        polygons: (K, P, 2) where the text was outlined by more than a box; boxes are then their bounds.
        texts: K transcriptions, or empty where there are none.

    Raises:
        ValueError: shapes that do not fit together.
        MetricError: a box that is inverted or not finite.
    """

    boxes: np.ndarray
    ignored: np.ndarray = None  # type: ignore[assignment] # __post_init__ makes an array of it
    polygons: np.ndarray | None = None
    texts: Sequence[str] = ()

    def __post_init__(self) -> None:
        boxes = checked_boxes(self.boxes, "ground truth")
        ignored = np.zeros(len(boxes), bool) if self.ignored is None else np.asarray(self.ignored, dtype=bool)
        if ignored.shape != (len(boxes),):
            raise ValueError(f"ignored must have shape ({len(boxes)},), got {ignored.shape}")
        object.__setattr__(self, "boxes", boxes)
        object.__setattr__(self, "ignored", ignored)
        if self.polygons is not None:
            polygons = checked_polygons(self.polygons, "ground truth")
            if len(polygons) != len(boxes):
                raise ValueError(f"there are {len(boxes)} boxes, but {len(polygons)} polygons")
            object.__setattr__(self, "polygons", polygons)


@dataclass(frozen=True)
class ImageResult:
    """The score of one image: credits, what they are shares of, and what was matched with what.

    Attributes:
        recall_credit: sum over the ground truths, each from 0 to 1.
        precision_credit: sum over the detections, each from 0 to 1.
        ground_truths: number of ground truths that count.
        detections: number of detections that count.
        matches: (ground truth indices, detection indices), one entry per match, also one-to-many.
        ignored_detections: indices of detections on ignored text.
    """

    recall_credit: float = 0.0
    precision_credit: float = 0.0
    ground_truths: int = 0
    detections: int = 0
    matches: list[tuple[tuple[int, ...], tuple[int, ...]]] = field(default_factory=list)
    ignored_detections: tuple[int, ...] = ()

    @property
    def recall(self) -> float:
        """For display only; with nothing to find it is 1."""
        return self.recall_credit / self.ground_truths if self.ground_truths else 1.0

    @property
    def precision(self) -> float:
        """For display only; with nothing to find it is 1 unless something was detected."""
        if not self.ground_truths:
            return 0.0 if self.detections else 1.0
        return self.precision_credit / self.detections if self.detections else 0.0

    @property
    def hmean(self) -> float:
        return harmonic_mean(self.precision, self.recall)


@dataclass(frozen=True)
class DetectionResult:
    """Precision, recall and hmean over all images, each from 0 to 1, and the images one by one."""

    precision: float
    recall: float
    hmean: float
    per_image: dict[str, ImageResult]

    @classmethod
    def from_images(cls, per_image: Mapping[str, ImageResult]) -> "DetectionResult":
        """Sum up; images scored in several processes may be put together first."""
        images = per_image.values()
        # fsum is exact, so the metrics do not depend on the order or the number of shards.
        recall = _share((image.recall_credit for image in images), sum(i.ground_truths for i in images))
        precision = _share((image.precision_credit for image in images), sum(i.detections for i in images))
        return cls(precision, recall, harmonic_mean(precision, recall), dict(per_image))

    def metrics(self) -> dict[str, float]:
        """The three metrics by name, in the order of the official script's output."""
        return {"precision": self.precision, "recall": self.recall, "hmean": self.hmean}


def harmonic_mean(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0


def _share(credits: Iterable[float], whole: int) -> float:
    return math.fsum(credits) / whole if whole else 0.0


def check_names(ground_truth: Mapping[str, GroundTruth], detections: Mapping[str, np.ndarray]) -> None:
    """Check that every image with detections has ground truth.

    Raises:
        MetricError: names the images that have none.
    """
    unknown = sorted(set(detections) - set(ground_truth))
    if unknown:
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        raise MetricError(f"detections for images without ground truth: {', '.join(unknown[:5])}{more}")


def checked_boxes(boxes: np.ndarray, of: str) -> np.ndarray:
    """Boxes as (n, 4) float64; `of` names them in messages.

    Raises:
        ValueError: another shape.
        MetricError: a box that is inverted or not finite.
    """
    boxes = np.asarray(boxes, dtype=np.float64)
    if not boxes.size:
        return np.empty((0, 4))
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"{of}: boxes must have shape (n, 4), got {boxes.shape}")
    bad = ~(np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] >= boxes[:, :2]).all(axis=1))
    if bad.any():
        raise MetricError(f"{of}: not a box x1 <= x2, y1 <= y2: {boxes[bad][0].tolist()}")
    return boxes


def checked_polygons(polygons: np.ndarray, of: str) -> np.ndarray:
    """Polygons as (n, P, 2) float64; `of` names them in messages.

    Raises:
        ValueError: another shape, or fewer than three corners.
        MetricError: a corner that is not finite.
    """
    polygons = np.asarray(polygons, dtype=np.float64)
    if polygons.ndim != 3 or polygons.shape[1] < 3 or polygons.shape[2] != 2:
        raise ValueError(f"{of}: polygons must have shape (n, 3 or more corners, 2), got {polygons.shape}")
    if not np.isfinite(polygons).all():
        raise MetricError(f"{of}: a polygon has a corner that is not finite")
    return polygons
