"""Thresholds are chosen on other images than those they are evaluated on; the interval holds the metric."""

import importlib
import json

import cv2
import numpy as np
import pytest

from pytorch.threshold_choice import (
    best_choice,
    bootstrap_interval,
    cross_validated,
    fold_of,
    mean_hmean,
    set_metrics,
)
from src.metrics.detection_result import ImageResult


def image(hits, found, there=10):
    return ImageResult(recall_credit=hits, precision_credit=hits, ground_truths=there, detections=found)


NAMES = [f"{number}.jpg" for number in range(40)]


def test_metrics_are_those_of_all_images_together():
    found = set_metrics([image(5, 10), image(8, 8), image(0, 0)])
    assert found["precision"] == pytest.approx(13 / 18) and found["recall"] == pytest.approx(13 / 30)
    assert set_metrics([image(0, 0, 0)]) == {"precision": 0, "recall": 0, "hmean": 0}


def test_the_choice_of_a_fold_does_not_see_the_fold():
    """Every choice is perfect on one fold and poor on the others: who saw the fold would choose it."""
    by_choice = {
        choice: {"a": {name: image(10 if fold_of(name, 4) == choice else 1, 10) for name in NAMES}}
        for choice in range(4)
    }
    held_out, choices = cross_validated(by_choice, 4)
    assert sorted(held_out["a"]) == sorted(NAMES)
    assert all(choice != fold for fold, choice in enumerate(choices))
    assert mean_hmean(held_out) == pytest.approx(0.1)
    assert mean_hmean(by_choice[best_choice(by_choice)]) > 0.2


def test_sets_count_equally():
    scores = {"large": {name: image(10, 10) for name in NAMES}, "small": {"x": image(5, 10)}}
    assert mean_hmean(scores) == pytest.approx(0.75)


def test_the_interval_holds_the_metric_and_narrows_with_more_images():
    def scores(names):
        return {"a": {name: image(3 + int(name.split(".")[0]) % 8, 10) for name in names}}

    low, high = bootstrap_interval(scores(NAMES))
    assert low < mean_hmean(scores(NAMES)) < high
    wide_low, wide_high = bootstrap_interval(scores(NAMES[:8]))
    assert wide_high - wide_low > 1.5 * (high - low)
    assert bootstrap_interval(scores(NAMES)) == (low, high)
    same = {"a": {name: image(6, 10) for name in NAMES}}
    assert bootstrap_interval(same) == pytest.approx((0.6, 0.6))


def test_the_command_judges_every_image_of_every_set(tmp_path, monkeypatch, capsys):
    torch = pytest.importorskip("torch")
    choose_thresholds = importlib.import_module("pytorch.choose_thresholds")

    torch.manual_seed(0)
    torch.save(importlib.import_module("pytorch.ctpn").Ctpn(1 / 8).state_dict(), tmp_path / "weights.pth")
    sets = []
    for name in ("one", "two"):
        for kind in ("pixels", "gt"):
            (tmp_path / name / kind).mkdir(parents=True)
        for number in range(3):
            pixels = np.random.default_rng(number).integers(0, 256, (48, 64, 3), np.uint8)
            cv2.imwrite(str(tmp_path / name / "pixels" / f"{number}.png"), pixels)
            (tmp_path / name / "gt" / f"{number}.txt").write_text('10, 20, 50, 40, "Word"\n')
        sets.append([str(tmp_path / name / "pixels"), str(tmp_path / name / "gt")])
    sets[1][0] = str((tmp_path / "two" / "pixels").rename(tmp_path / "two" / "images"))
    monkeypatch.setattr(
        "sys.argv",
        [
            "choose",
            str(tmp_path / "weights.pth"),
            "--val_images",
            str(sets),
            "--backbone_width",
            "0.125",
            "--img_height",
            "48",
            "--img_width",
            "64",
            "--device",
            "cpu",
            "--precision",
            "fp32",
        ],
    )
    assert choose_thresholds.main() == 0
    output, shown = capsys.readouterr()
    assert "pixels" in shown and shown.count("3/3") == 2
    found = json.loads(output)
    assert set(found["cross-validated, set by set"]) == set(found["IoU 0.5 at these thresholds"]) == {"pixels", "two"}
    low, high = found["95 % interval"]
    assert low <= found["DetEval hmean, mean of the sets, cross-validated"] <= high
    assert len(found["chosen on the folds"]) == choose_thresholds.FOLDS


@pytest.mark.parametrize("name", ["choose_thresholds", "evaluate", "make_teacher_samples"])
def test_help_comes_before_the_weights(name, monkeypatch, capsys):
    pytest.importorskip("torch")
    module = importlib.import_module(f"pytorch.{name}")
    monkeypatch.setattr("sys.argv", [name, "--help"])
    with pytest.raises(SystemExit) as ending:
        module.main()
    assert ending.value.code == 0 and f"python pytorch/{name}.py WEIGHTS" in capsys.readouterr().out
