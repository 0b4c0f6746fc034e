"""From options to the three CTPN sets: which data sets go into which, and what is held out."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from src.data.detection.annotations.labeled_image import LabeledImage, LabeledImages
from src.data.detection.annotations.sources import DataSetError, Source, find_sources
from src.data.detection.options import DataSetOptions
from src.data.detection.set_plan import SetPlan, file_digests

TRAIN_SHARDS, TEST_SHARDS = 8, 1
_HELD_OUT_KIND = "icdar2013"


class _SetKeys(NamedTuple):
    """A set's name and the keys of the configuration that belong to it."""

    set_name: str
    list_key: str
    output_key: str
    shards: int
    split: str


_SETS = (
    _SetKeys("pretrain", "train_dataset", "pretrain_dataset_path", TRAIN_SHARDS, "train"),
    _SetKeys("finetune", "finetune_dataset", "finetune_dataset_path", TRAIN_SHARDS, "train"),
    _SetKeys("test", "test_dataset", "test_dataset_path", TEST_SHARDS, "test"),
)


def plan_sets(options: DataSetOptions) -> list[SetPlan]:
    """The sets that the configuration asks for, each with the data sets whose paths are configured.

    With `holdout_count` and no `icdar13_test_path`, the test set takes that many images of the ICDAR 2013
    training data instead (see `choose_held_out`). Build the training sets with `test_digests(plans)` so
    that they leave these, and every other image of the test set, out.

    Raises:
        DataSetError: a name, path or combination that cannot be used, or nothing configured at all.
    """
    plans = [plan for entry in _SETS if (plan := _plan_set(options, entry)) is not None]
    if not plans:
        keys = "icdar13_train_path, icdar13_test_path, icdar15_train_path, coco_root, folder_train_path, ..."
        raise DataSetError(f"no data set is configured; give [images, labels] in {keys}")
    return plans


def test_digests(plans: list[SetPlan]) -> frozenset[str]:
    """Digests of the image files of the test set, empty without one."""
    digests: frozenset[str] = frozenset()
    for plan in plans:
        if plan.set_name == "test":
            for source in plan.sources:
                digests |= file_digests(source.read().images)
    return digests


def choose_held_out(images: list[LabeledImage], count: int, seed: int) -> set[Path]:
    """Paths of `count` labeled images, chosen by a hash of seed and name.

    The choice does not depend on order or folder, and growing `count` only adds to it.
    """
    usable = [image for image in images if not image.missing]
    if count >= len(usable):
        raise DataSetError(f"holdout_count: {count} of {len(usable)} images leaves none to train on")
    ranked = sorted(
        usable, key=lambda image: hashlib.sha256(f"{seed}:{image.name}".encode("utf-8", "surrogateescape")).digest()
    )
    return {image.path for image in ranked[:count]}


def _plan_set(options: DataSetOptions, keys: _SetKeys) -> SetPlan | None:
    set_name, list_key, output_key, shards, split = keys
    sources, without_path = find_sources(getattr(options, list_key), options, split=split, list_key=list_key)
    if set_name == "test" and options.holdout_count and not options.icdar13_test_path:
        sources = sources + _held_out_sources(options, without_path)
        without_path = [name for name in without_path if name != _HELD_OUT_KIND]
    if not sources:
        return None
    return SetPlan(set_name, sources, Path(getattr(options, output_key)), shards, without_path)


def _held_out_sources(options: DataSetOptions, without_path: list[str]) -> list[Source]:
    if _HELD_OUT_KIND not in without_path:
        raise DataSetError(f"holdout_count: needs {_HELD_OUT_KIND} in test_dataset, which it stands in for")
    sources, _ = find_sources([_HELD_OUT_KIND], options, split="train", list_key="test_dataset")
    if not sources:
        raise DataSetError("holdout_count: needs icdar13_train_path, from which the images are taken")
    images = [image for source in sources for image in source.read().images]
    held_out = choose_held_out(images, options.holdout_count, options.holdout_seed)
    return [_only(source, held_out) for source in sources]


def _only(source: Source, paths: set[Path]) -> Source:
    def read() -> LabeledImages:
        found = source.read()
        return replace(found, images=[image for image in found.images if image.path in paths])

    return Source(f"{source.label} hold-out", source.kind, read)
