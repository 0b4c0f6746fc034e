"""Run a detection network over a test set and score what it finds, by file name.

Shape vocabulary: B pictures of a batch, K ground-truth boxes, M detected lines.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from src.errors import UserError
from src.inference.detect import DetectOptions, lines_from_maps
from src.metrics.detection_result import GroundTruth
from src.metrics.deteval import deteval
from src.metrics.iou_hmean import iou_hmean
from src.metrics.submission import to_pixels
from src.text_connector.detector import TextLines

PredictMaps = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass
class DetectionEvaluation:
    """What was found, what should have been found, and how long it took; all by file name."""

    lines: dict[str, TextLines] = field(default_factory=dict)
    ground_truth: dict[str, GroundTruth] = field(default_factory=dict)
    seconds: float = 0.0
    has_ground_truth: bool = True

    def figures(self) -> dict[str, dict[str, float]]:
        """Precision, recall and hmean under each protocol."""
        detections = {name: to_pixels(lines.boxes) for name, lines in self.lines.items()}
        results = {
            "deteval": deteval(self.ground_truth, detections),
            "iou_0.5": iou_hmean(self.ground_truth, detections),
        }
        return {protocol: result.figures() for protocol, result in results.items()}


def evaluate_detection(
    predict: PredictMaps,
    batches: Iterable[Mapping],
    batch_size: int,
    options: DetectOptions,
    on_batch: Callable[[int], None] = lambda count: None,
) -> DetectionEvaluation:
    """Detect in every picture of `batches` (as `CtpnEvalData` yields them).

    Args:
        predict: (batch_size, 3, H, W) float32 -> score and delta maps.
        batch_size: what `predict` is always given; a smaller last batch is filled up with zeros and its
            surplus results are cut off, so that a compiled network sees one shape and no picture counts twice.
        on_batch: called with the number of pictures just finished.

    Raises:
        UserError: two pictures of one name, or none at all.
    """
    evaluation = DetectionEvaluation()
    started = time.perf_counter()
    for batch in batches:
        images, names = batch["images"], batch["file_names"]
        score_map, delta_map = predict(_filled_up(images, batch_size))
        lines = lines_from_maps(score_map[: len(names)], delta_map[: len(names)], batch["sizes"], options)
        for index, name in enumerate(names):
            if name in evaluation.lines:
                raise UserError(f"the test set holds two pictures named '{name}'")
            evaluation.lines[name] = lines[index]
            evaluation.ground_truth[name] = GroundTruth(batch["boxes"][index], batch["ignored"][index])
        on_batch(len(names))
    if not evaluation.lines:
        raise UserError("the test set holds no picture")
    evaluation.seconds = time.perf_counter() - started
    return evaluation


def _filled_up(images: np.ndarray, batch_size: int) -> np.ndarray:
    missing = batch_size - len(images)
    if missing == 0:
        return images
    return np.concatenate([images, np.zeros((missing, *images.shape[1:]), images.dtype)])
