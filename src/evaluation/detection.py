"""Run a detection network over a test set and score what it finds, by file name.

Shapes: B images of a batch, K ground-truth boxes, M detected lines.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from src.common.errors import UserError
from src.ctpn.text_lines import DetectOptions, lines_from_maps
from src.data.recognition.word_gaps import word_boxes
from src.metrics.detection_result import GroundTruth
from src.metrics.deteval import deteval
from src.metrics.iou_hmean import iou_hmean
from src.metrics.submission import to_pixels
from src.text_connector.detector import TextLines

PredictMaps = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Found:
    """What was found in one image and what should have been.

    Attributes:
        index: its place in the test set.
        words: (N, 4) boxes of the lines' words.
    """

    index: int
    name: str
    lines: TextLines
    words: np.ndarray
    truth: GroundTruth


@dataclass
class DetectionEvaluation:
    """What was found, what should have been found, and how long it took; all by file name.

    `words` (N, 4) are the lines, split at the gaps between their words.
    """

    lines: dict[str, TextLines] = field(default_factory=dict)
    ground_truth: dict[str, GroundTruth] = field(default_factory=dict)
    seconds: float = 0.0
    has_ground_truth: bool = True
    words: dict[str, np.ndarray] = field(default_factory=dict)

    def metrics(self) -> dict[str, dict[str, float]]:
        """Precision, recall and hmean of the lines under each protocol, and of their words under DetEval."""
        detections = {name: to_pixels(lines.boxes) for name, lines in self.lines.items()}
        words = {name: to_pixels(boxes) for name, boxes in self.words.items()}
        results = {
            "deteval": deteval(self.ground_truth, detections),
            "deteval_words": deteval(self.ground_truth, words),
            "iou_0.5": iou_hmean(self.ground_truth, detections),
        }
        return {protocol: result.metrics() for protocol, result in results.items()}


def evaluate_detection(
    predict: PredictMaps,
    batches: Iterable[Mapping],
    batch_size: int,
    options: DetectOptions,
    on_batch: Callable[[int], None] = lambda count: None,
    *,
    gather: Callable[[list[Found]], list[Found]] = lambda found: found,
) -> DetectionEvaluation:
    """Detect in every image of `batches` (as `CtpnEvalData` yields them).

    Args:
        predict: (batch_size, 3, H, W) float32 -> score and delta maps.
        batch_size: what `predict` is always given; a smaller last batch is filled up with zeros and its
            surplus results are cut off, so that a compiled network sees one shape and no image counts twice.
        on_batch: called with the number of images just finished.
        gather: gives what all ranks found, from what this one did. The result has the order of the test set.

    Raises:
        UserError: two images of one name, or none at all.
    """
    evaluation = DetectionEvaluation()
    started = time.perf_counter()
    found: list[Found] = []
    for batch in batches:
        images, names = batch["images"], batch["file_names"]
        score_map, delta_map = predict(_filled_up(images, batch_size))
        lines = lines_from_maps(score_map[: len(names)], delta_map[: len(names)], batch["sizes"], options)
        for place, name in enumerate(names):
            truth = GroundTruth(batch["boxes"][place], batch["ignored"][place])
            words = word_boxes(batch["pixels"][place], lines[place].boxes)
            found.append(Found(batch["indices"][place], name, lines[place], words, truth))
        on_batch(len(names))
    for item in sorted(gather(found), key=lambda item: item.index):
        if item.name in evaluation.lines:
            raise UserError(f"the test set holds two images named '{item.name}'")
        evaluation.lines[item.name] = item.lines
        evaluation.words[item.name] = item.words
        evaluation.ground_truth[item.name] = item.truth
    if not evaluation.lines:
        raise UserError("the test set holds no image")
    evaluation.seconds = time.perf_counter() - started
    return evaluation


def _filled_up(images: np.ndarray, batch_size: int) -> np.ndarray:
    missing = batch_size - len(images)
    if missing == 0:
        return images
    return np.concatenate([images, np.zeros((missing, *images.shape[1:]), images.dtype)])
