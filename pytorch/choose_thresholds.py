"""Thresholds of a detector by cross-validation over its validation sets, with metrics that know their interval.

    python pytorch/choose_thresholds.py WEIGHTS [--config_path RECIPE] [--key value ...]

Keys are those of recipes/ctpn.yaml. For every image the network runs once; `text_proposals_min_scores` and
`line_min_score` are then chosen on four fifths of the images for the last fifth, five times, so that no image is
evaluated with thresholds that were chosen on it. The thresholds to ship are those that are best on all images. Prints
a JSON with the metrics of each set under DetEval (which chooses) and IoU 0.5, and the 95 % interval of their mean.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from src.common.command_start import start_command

if __name__ == "__main__":
    start_command()

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from pytorch.ctpn_recipe import CtpnRecipe
from pytorch.detection_sets import read_val_sets
from pytorch.detection_validation import DetectionValidation
from pytorch.device import choose_device, prepare, uses_bf16
from pytorch.recipe_options import leading_words
from pytorch.start_weights import trained_ctpn
from pytorch.threshold_choice import Scores, best_choice, bootstrap_interval, cross_validated, mean_hmean, set_metrics
from src.ctpn.text_lines import DetectOptions, lines_from_maps
from src.metrics.detection_result import DetectionResult, GroundTruth, ImageResult
from src.metrics.deteval import deteval
from src.metrics.iou_hmean import iou_hmean
from src.metrics.submission import to_pixels
from src.model_utils.command import run_command
from src.model_utils.load_options import load_options

FOLDS = 5
PROPOSAL_SCORES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
LINE_SCORES = tuple(round(0.5 + 0.03 * step, 2) for step in range(16))
Protocol = Callable[[Mapping[str, GroundTruth], Mapping[str, np.ndarray]], DetectionResult]
PROTOCOLS: dict[str, Protocol] = {"DetEval": deteval, "IoU 0.5": iou_hmean}

Choice = tuple[float, float]


def main() -> int:
    (file,), options = leading_words(sys.argv[1:], __doc__, "choose_thresholds.py", "WEIGHTS")
    config = load_options(CtpnRecipe, options)
    device = choose_device(config.device)
    prepare(device)
    bf16 = uses_bf16(config.precision, device)
    network = trained_ctpn(file, config, device, bf16)
    cache = Path(config.feature_cache) / "validation" if config.feature_cache else None
    validate = DetectionValidation(config, read_val_sets(config), device, bf16, cache, shows=True)
    by_choice: dict[Choice, dict[str, dict[str, dict[str, ImageResult]]]] = {}
    for name, images in validate.sets.items():
        for image, maps in zip(images, validate.maps(network, name), strict=True):
            truth = GroundTruth(image.boxes, image.ignored)
            for choice, boxes in boxes_by_choice(maps, image.size, validate.options).items():
                scores = by_choice.setdefault(choice, {protocol: {} for protocol in PROTOCOLS})
                for protocol, score in PROTOCOLS.items():
                    scores[protocol].setdefault(name, {})[image.name] = score_of(score, truth, boxes)
    print(json.dumps(summary(by_choice), indent=2))
    return 0


def boxes_by_choice(
    maps: tuple[np.ndarray, np.ndarray], size: tuple[int, int], options: DetectOptions
) -> dict[Choice, np.ndarray]:
    """Boxes of the lines of one image for each choice of (text_proposals_min_scores, line_min_score)."""
    found = {}
    score_map, delta_map = maps
    for proposal_score in PROPOSAL_SCORES:
        connector = options.connector.replace(text_proposals_min_scores=proposal_score, line_min_score=0.0)
        lines = lines_from_maps(score_map, delta_map, np.array([size]), replace(options, connector=connector))[0]
        for line_score in LINE_SCORES:
            found[proposal_score, line_score] = to_pixels(lines.boxes[lines.scores > line_score])
    return found


def score_of(score: Protocol, truth: GroundTruth, boxes: np.ndarray) -> ImageResult:
    """The score of one image under a protocol."""
    return score({"": truth}, {"": boxes}).per_image[""]


def summary(by_choice: Mapping[Choice, Mapping[str, Scores]]) -> dict[str, Any]:
    """Metrics at the thresholds chosen on other images, and the thresholds that are best on all."""
    deteval_scores = {choice: scores["DetEval"] for choice, scores in by_choice.items()}
    held_out, choices = cross_validated(deteval_scores, FOLDS)
    best = best_choice(deteval_scores)
    result: dict[str, Any] = {
        "text_proposals_min_scores": best[0],
        "line_min_score": best[1],
        "chosen on the folds": choices,
        "DetEval hmean, mean of the sets, cross-validated": round(mean_hmean(held_out), 4),
        "95 % interval": [round(value, 4) for value in bootstrap_interval(held_out)],
        "cross-validated, set by set": {name: _rounded(images) for name, images in held_out.items()},
    }
    for protocol in PROTOCOLS:
        at_best = by_choice[best][protocol]
        result[f"{protocol} at these thresholds"] = {name: _rounded(images) for name, images in at_best.items()}
    return result


def _rounded(images: Mapping[str, ImageResult]) -> dict[str, float]:
    return {key: round(value, 4) for key, value in set_metrics(list(images.values())).items()}


if __name__ == "__main__":
    run_command(main)
