"""Train the detection network as a configuration says."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import mindspore as ms
import yaml

from src.common.errors import UserError
from src.common.ranks import wait_for_all
from src.ctpn.build import AUTO_KEYS, build_training_ctpn, settle_auto
from src.ctpn.checkpoint_formats import (
    BACKBONE,
    backbone_only,
    describe_backbone,
    mindspore_ctpn,
    missing_backbone_layers,
)
from src.ctpn.lstm_branches import choose_lstm
from src.data.detection.augment import AugmentOptions
from src.data.detection.dataset import COLUMNS, CtpnTrainData
from src.data.detection.evaluation_images import check_folder
from src.data.detection.mindrecord_reader import MindRecordSource
from src.training.checkpoints import CheckpointFolder
from src.training.ctpn_samples import SampleMaker
from src.training.loop import train
from src.training.lr_schedule import warmup_cosine
from src.training.optimizers import make_optimizer
from src.training.options import TrainResult, loop_options
from src.weights.weights_file import load_weights, read_weights

PREFIX = "ctpn"
ASSIGNMENT_KEYS = (
    "pos_iou_thr", "neg_iou_thr", "min_pos_iou", "ignore_overlap_thr", "num_expected_pos", "num_expected_neg",
)  # fmt: skip


def train_ctpn(
    config: Any,
    rank_id: int,
    rank_size: int,
    evaluate: Callable[[Any, ms.nn.Cell], dict] | None = None,
) -> TrainResult:
    """Pre-train or fine-tune; checkpoints, logs and metrics go below `save_checkpoint_path`.

    Args:
        evaluate: gives the metrics of the network for `config`; called when `run_eval` says so.

    Raises:
        UserError: a file that is missing or does not fit, or a diverged training; see `loop.train`.
    """
    pretraining = config.task_type == "Pretraining"
    output = Path(config.save_checkpoint_path)
    continues = config.resume and bool(CheckpointFolder(output / "ckpt_0", prefix=PREFIX).existing())
    if not pretraining and not config.pre_trained and not continues:
        raise UserError("pre_trained: Finetune needs the checkpoint to start from (--pre_trained FILE)")
    if continues:
        config = config.replace(**choices_before(output / "ckpt_0", config))
    config = settle_auto(config, has_backbone=bool(config.pre_trained) or not pretraining)
    data = training_data(config, rank_id, rank_size)
    if config.run_eval and evaluate:
        check_evaluation_data(config)
    network, loss_cell = build_training_ctpn(config)
    if config.pre_trained and not continues:
        print(load_pre_trained(network, config.pre_trained, pretraining, config.lstm_branch))

    epochs = config.pre_total_epoch if pretraining else config.fine_total_epoch
    stage = "pre" if pretraining else "fine"
    rates = warmup_cosine(
        getattr(config, f"{stage}_base_lr"),
        epochs * data.steps_per_epoch,
        warmup_steps=getattr(config, f"{stage}_warmup_step"),
        warmup_ratio=getattr(config, f"{stage}_warmup_ratio"),
    )
    optimizer = make_optimizer(
        config.optimizer, network.trainable_params(), rates,
        weight_decay=config.weight_decay, momentum=config.momentum,
    )  # fmt: skip
    if rank_id == 0:
        print(describe_training(config, data, epochs, rank_size), flush=True)
    result = train(
        loss_cell,
        optimizer,
        data,
        epochs=epochs,
        network=network,
        evaluate=partial(evaluate, config, network) if config.run_eval and evaluate else None,
        prefix=PREFIX,
        **loop_options(config, rank_id, rank_size),
    )
    wait_for_all(rank_size)  # where it was stopped, rank 0 has saved a checkpoint meanwhile
    for name, reason in data.report.reasons.items():
        print(f"replaced {name} while training: {reason}")
    if rank_id == 0:
        print(describe_result(config, result), flush=True)
    return result


def training_data(config: Any, rank_id: int, rank_size: int) -> CtpnTrainData:
    """The training samples of this rank.

    Raises:
        UserError: the data file is missing or not one of ours.
    """
    key = "pretraining_dataset_file" if config.task_type == "Pretraining" else "finetune_dataset_file"
    if config.task_type == "Pretraining" and config.pretrain_dataset_file:
        key = "pretrain_dataset_file"
    with _named(key, getattr(config, key)) as file:
        MindRecordSource(file, COLUMNS)
    make_sample = SampleMaker(
        (config.img_height, config.img_width),
        anchor_heights=tuple(config.anchor_height),
        options=AugmentOptions(**{item.name: getattr(config, item.name) for item in fields(AugmentOptions)}),
        keep_ratio=config.keep_ratio,
        side_refinement=config.side_refinement,
        min_cover=config.min_cover,
        min_text_height=config.min_text_height,
        assignment={key: getattr(config, key) for key in ASSIGNMENT_KEYS},
    )
    return CtpnTrainData(
        file,
        make_sample,
        batch_size=config.batch_size,
        seed=config.seed,
        rank_id=rank_id,
        rank_size=rank_size,
        num_workers=config.num_parallel_workers,
        max_bad_ratio=config.max_bad_ratio,
    )


def check_evaluation_data(config: Any) -> None:
    """What an evaluation while training needs is there now, not only found missing after the first epochs."""
    with _named("eval_dataset_path", config.eval_dataset_path) as file:
        MindRecordSource(file, COLUMNS)
    if config.eval_image_path:
        with _named("eval_image_path", config.eval_image_path) as folder:
            check_folder(config.eval_dataset_path, folder)


@contextlib.contextmanager
def _named(key: str, path: str) -> Iterator[str]:
    """Errors about the data at `path` name the key of the configuration it came from."""
    if not path:
        raise UserError(f"{key}: is empty; make the data with src/create_dataset.py and name its first file")
    try:
        yield path
    except UserError as error:
        raise UserError(f"{key}: {error}") from None


def choices_before(folder: Path, config: Any) -> dict[str, str]:
    """What `auto` stood for in the training that is continued; it depends on its `pre_trained`, not on ours."""
    try:
        before = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    before = before if isinstance(before, dict) else {}
    open_keys = [key for key in AUTO_KEYS if getattr(config, key) == "auto"]
    return {key: before[key] for key in open_keys if before.get(key) in ("learned", "frozen")}


def load_pre_trained(network: ms.nn.Cell, path: str, pretraining: bool, lstm_branch: str) -> str:
    """The backbone (Pretraining) or the whole network (Finetune) from a file, strictly; says what was loaded.

    Raises:
        UserError: missing, damaged, or of another shape; names what differs.
    """
    with _named("pre_trained", path):
        params = read_weights(path)
        if not pretraining:
            lstm = choose_lstm(params, lstm_branch)
            load_weights(network, mindspore_ctpn(params, lstm.branch))
            return f"network: all parameters from {path} ({lstm.note or f'LSTM branch {lstm.branch}'})"
        backbone = backbone_only(params)
        fresh = missing_backbone_layers(backbone)
        others = [name for name, _ in network.parameters_and_names() if not name.startswith("vgg16_")]
        load_weights(network, backbone, allow_missing=[*others, *(f"{BACKBONE}{layer}." for layer in fresh)])
        return describe_backbone(path, fresh)


def describe_training(config: Any, data: CtpnTrainData, epochs: int, rank_size: int) -> str:
    """What is about to happen, for the person who started it."""
    devices = f" on each of {rank_size} devices" if rank_size > 1 else ""
    return (
        f"{config.task_type}: {data.num_samples} images, {epochs} epochs of {data.steps_per_epoch} steps, "
        f"{data.batch_size} images per step{devices}; batch norm {config.bn_statistics}, "
        f"first stages {config.first_stages}\n"
        f"writing to {Path(config.save_checkpoint_path)}: ckpt_0, loss_<rank>.log, metrics.jsonl, tensorboard\n"
        "the first step compiles the network, which takes some time"
    )


def describe_result(config: Any, result: TrainResult) -> str:
    """How it ended, or how to go on."""
    if result.stopped_by:
        return "the same command with --resume continues" if config.save_checkpoint else "nothing was saved"
    speed = "" if result.images_per_second is None else f", {result.images_per_second:.2f} images/s"
    best = "" if result.best is None else f", best hmean {result.best:.5f}"
    return f"finished after epoch {result.epoch} step {result.step}{speed}{best}"
