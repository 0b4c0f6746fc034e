"""Thresholds by cross-validation, and how sure a metric is. Without PyTorch.

What was found at each choice of thresholds is scored once for every image; choosing, dividing and resampling then
only add these scores up.
"""

import hashlib
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from src.metrics.detection_result import ImageResult, harmonic_mean

Scores = Mapping[str, Mapping[str, ImageResult]]  # set -> image -> score
Choice = TypeVar("Choice", bound=Hashable)


def fold_of(name: str, folds: int) -> int:
    """Which of the parts an image belongs to; the same on every machine."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") % folds


def mean_hmean(scores: Scores) -> float:
    """Mean over the sets of their hmean, sets without images left out."""
    return float(np.mean([set_metrics(list(images.values()))["hmean"] for images in scores.values() if images]))


def set_metrics(images: Sequence[ImageResult]) -> dict[str, float]:
    """Precision, recall and hmean over images."""
    totals = _table(images).sum(axis=0)
    return _metrics(totals)


def best_choice(by_choice: Mapping[Choice, Scores]) -> Choice:
    """The choice with the highest mean hmean; of equals the first."""
    return max(by_choice, key=lambda choice: mean_hmean(by_choice[choice]))


def cross_validated(by_choice: Mapping[Choice, Scores], folds: int) -> tuple[Scores, list[Choice]]:
    """Scores of each image at the choice that is best on the images of the other folds, and these choices.

    Args:
        by_choice: what was scored at each choice, the same images everywhere.
        folds: parts that the images of each set are divided into by their names.
    """
    picked: dict[str, dict[str, ImageResult]] = {}
    choices: list[Choice] = []
    for fold in range(folds):

        def held_out(name: str, fold: int = fold) -> bool:
            return fold_of(name, folds) == fold

        others = {choice: _only(scores, held_out, is_so=False) for choice, scores in by_choice.items()}
        choice = best_choice(others)
        choices.append(choice)
        for set_name, images in _only(by_choice[choice], held_out, is_so=True).items():
            picked.setdefault(set_name, {}).update(images)
    return picked, choices


def bootstrap_interval(scores: Scores, draws: int = 2000, seed: int = 0, share: float = 0.95) -> tuple[float, float]:
    """The interval that holds `share` of the mean hmeans when the images of each set are drawn anew, with repetition.

    It shows how far the metric would move with other images of the same kinds.
    """
    rng = np.random.default_rng(seed)
    means = np.zeros(draws)
    for images in scores.values():
        table = _table(list(images.values()))
        weights = rng.multinomial(len(table), np.full(len(table), 1 / len(table)), size=draws)
        means += np.array([_metrics(totals)["hmean"] for totals in weights @ table]) / len(scores)
    low, high = np.quantile(means, [(1 - share) / 2, (1 + share) / 2])
    return float(low), float(high)


def _only(scores: Scores, held_out: Callable[[str], bool], *, is_so: bool) -> dict[str, dict[str, ImageResult]]:
    return {
        set_name: {name: image for name, image in images.items() if held_out(name) == is_so}
        for set_name, images in scores.items()
    }


def _table(images: Sequence[ImageResult]) -> np.ndarray:
    """(images, 4): recall credit, ground truths, precision credit, detections."""
    rows = [(i.recall_credit, i.ground_truths, i.precision_credit, i.detections) for i in images]
    return np.array(rows, np.float64).reshape(-1, 4)


def _metrics(totals: np.ndarray) -> dict[str, float]:
    recall_credit, truths, precision_credit, detections = totals
    recall = recall_credit / truths if truths else 0.0
    precision = precision_credit / detections if detections else 0.0
    return {"precision": precision, "recall": recall, "hmean": harmonic_mean(precision, recall)}
