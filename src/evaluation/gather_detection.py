"""What several ranks found in their shares of a test set, on every one of them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from src.common.ranks import gather_json
from src.evaluation.detection import Found
from src.metrics.detection_result import GroundTruth
from src.text_connector.detector import TextLines


def gather_found(found: Sequence[Found], rank_size: int) -> list[Found]:
    """What all ranks found, bit by bit as they found it."""
    if rank_size == 1:
        return list(found)
    shares = gather_json([_packed(item) for item in found], rank_size)
    return [_unpacked(item) for share in shares for item in share]


def _packed(item: Found) -> list:
    lines, truth = item.lines, item.truth
    arrays = (lines.boxes, lines.scores, lines.polygons, item.words, truth.boxes, truth.ignored)
    return [item.index, item.name, *map(_as_json, arrays)]


def _unpacked(values: list) -> Found:
    index, name, *arrays = values
    boxes, scores, polygons, words, truth_boxes, ignored = map(_as_array, arrays)
    return Found(index, name, TextLines(boxes, scores, polygons), words, GroundTruth(truth_boxes, ignored))


def _as_json(array: np.ndarray) -> list[Any]:
    """JSON writes enough digits to get every float back."""
    return [array.dtype.str, list(array.shape), array.ravel().tolist()]


def _as_array(value: list[Any]) -> np.ndarray:
    dtype, shape, numbers = value
    return np.array(numbers, dtype).reshape(shape)
