"""Train the detection network as a configuration says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import mindspore as ms

from src.ctpn.build import build_training_ctpn
from src.ctpn.checkpoint_formats import backbone_only, mindspore_ctpn
from src.data.ctpn_augment import AugmentOptions
from src.data.ctpn_dataset import CtpnTrainData
from src.errors import UserError
from src.training.ctpn_samples import SampleMaker
from src.training.loop import TrainResult, train
from src.training.lr_schedule import warmup_cosine
from src.training.optimizers import make_optimizer
from src.training.weights_file import load_weights, read_weights

ASSIGNMENT_KEYS = (
    "pos_iou_thr", "neg_iou_thr", "min_pos_iou", "ignore_overlap_thr", "num_expected_pos", "num_expected_neg",
)  # fmt: skip


def train_ctpn(
    config: Any,
    rank_id: int,
    rank_size: int,
    evaluate: Callable[[Any, ms.nn.Cell], dict] | None = None,
) -> TrainResult:
    """Pre-train or fine-tune; checkpoints, logs and figures go below `save_checkpoint_path`.

    Args:
        evaluate: gives the figures of the network for `config`; called when `run_eval` says so.

    Raises:
        UserError: a file that is missing or does not fit, or a diverged training; see `loop.train`.
    """
    pretraining = config.task_type == "Pretraining"
    if not pretraining and not config.pre_trained and not config.resume:
        raise UserError("pre_trained: Finetune needs the checkpoint to start from (--pre_trained FILE)")
    data = training_data(config, rank_id, rank_size)
    network, loss_cell = build_training_ctpn(config, has_backbone=bool(config.pre_trained))
    if config.pre_trained:
        load_pre_trained(network, config.pre_trained, pretraining, config.lstm_branch)

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
    loss_scale = "dynamic" if config.dynamic_loss_scale else config.loss_scale
    return train(
        loss_cell,
        optimizer,
        data,
        epochs=epochs,
        output_dir=Path(config.save_checkpoint_path),
        network=network,
        rank_id=rank_id,
        rank_size=rank_size,
        clip_norm=config.clip_norm,
        loss_scale=loss_scale if config.mixed_precision else None,
        evaluate=partial(evaluate, config, network) if config.run_eval and evaluate else None,
        eval_start_epoch=config.eval_start_epoch,
        eval_interval=config.eval_interval,
        save_best_ckpt=config.save_best_ckpt,
        save_checkpoint_epochs=config.save_checkpoint_epochs if config.save_checkpoint else 0,
        save_checkpoint_minutes=config.save_checkpoint_minutes,
        keep_checkpoint_max=config.keep_checkpoint_max,
        resume=config.resume,
        prefix="ctpn",
        log_every=config.log_interval,
        config=config.to_dict(),
    )


def training_data(config: Any, rank_id: int, rank_size: int) -> CtpnTrainData:
    """The training samples of this rank.

    Raises:
        UserError: the data file is missing or not one of ours.
    """
    key = "pretraining_dataset_file" if config.task_type == "Pretraining" else "finetune_dataset_file"
    file = getattr(config, key)
    if not file:
        raise UserError(f"{key}: is empty; make the data with src/create_dataset.py and name its first file")
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


def load_pre_trained(network: ms.nn.Cell, path: str, pretraining: bool, lstm_branch: str) -> None:
    """The backbone (Pretraining) or the whole network (Finetune) from a file, strictly.

    Raises:
        UserError: missing, damaged, or of another shape; names what differs.
    """
    params = read_weights(path)
    if pretraining:
        backbone = backbone_only(params)
        others = [name for name, _ in network.parameters_and_names() if not name.startswith("vgg16_")]
        load_weights(network, backbone, allow_missing=others)
        print(f"backbone: {len(backbone)} parameters from {path}; the rest starts from scratch")
    else:
        load_weights(network, mindspore_ctpn(params, lstm_branch))
        print(f"network: all parameters from {path} (LSTM branch {lstm_branch})")
