"""Train the recognition network as a configuration says."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import mindspore as ms
import numpy as np

from src.common.errors import UserError
from src.common.ranks import wait_for_all
from src.crnn.alphabet import Alphabet
from src.crnn.build import build_alphabet, build_training_crnn
from src.data.recognition.sources import open_lmdbs
from src.training.checkpoints import CheckpointFolder
from src.training.crnn_samples import WordData, training_data
from src.training.loop import train
from src.training.lr_schedule import constant, usable_warmup, warmup_cosine
from src.training.optimizers import make_optimizer
from src.training.options import TrainResult, loop_options
from src.training.result_table import write_result_table
from src.weights.crnn_weights import load_pre_trained, write_alphabet

PREFIX = "crnn"
METRIC = "accuracy"


def train_crnn(
    config: Any,
    rank_id: int,
    rank_size: int,
    evaluate: Callable[[Any, ms.nn.Cell], dict] | None = None,
) -> TrainResult:
    """Train, or fine-tune from `pre_trained`; everything goes below `save_checkpoint_path`.

    Args:
        evaluate: gives the metrics of the network for `config`; called when `run_eval` says so.

    Raises:
        UserError: a file that is missing or does not fit, or a diverged training; see `loop.train`.
    """
    alphabet = build_alphabet(config)
    if config.run_eval and not open_lmdbs(config.eval_lmdb, config.lmdb_root):  # now, not after the first epoch
        raise UserError("eval_lmdb: is empty; name LMDBs to evaluate on, or use run_eval False")
    data = training_data(config, alphabet, rank_id, rank_size)
    network, loss_cell = build_training_crnn(config, alphabet)
    output = Path(config.save_checkpoint_path)
    continues = config.resume and bool(CheckpointFolder(output / "ckpt_0", prefix=PREFIX).existing())
    if config.pre_trained and not continues:
        remade = load_pre_trained(network, config.pre_trained, alphabet)
        print(f"network: weights from {config.pre_trained}")
        if remade:
            print(f"the head ({', '.join(remade)}) was made for another alphabet; it starts from scratch")
    if rank_id == 0 and (config.save_checkpoint or config.save_best_ckpt):
        write_alphabet(output / "ckpt_0", alphabet)

    rates = learning_rates(config, config.total_epoch * data.steps_per_epoch)
    optimizer = make_optimizer(
        config.optimizer, network.trainable_params(), rates,
        weight_decay=config.weight_decay, momentum=config.momentum,
    )  # fmt: skip
    if rank_id == 0:
        print(describe_training(config, alphabet, data, rank_size), flush=True)
    try:
        result = train(
            loss_cell,
            optimizer,
            data,
            epochs=config.total_epoch,
            network=network,
            evaluate=partial(evaluate, config, network) if config.run_eval and evaluate else None,
            metric=METRIC,
            prefix=PREFIX,
            loss_label="ctc_loss",
            **loop_options(config, rank_id, rank_size),
        )
    finally:
        data.close()
    wait_for_all(rank_size)
    if rank_id == 0:
        report_data(data)
        if result.stopped_by:
            onwards = "--resume True continues" if config.save_checkpoint else "nothing was saved"
            print(f"stopped after epoch {result.epoch} step {result.step}; {onwards}", flush=True)
        else:
            print(write_result_table(result, output, rank_size, "O1" if config.mixed_precision else "O0"), flush=True)
    return result


def learning_rates(config: Any, total_steps: int) -> np.ndarray:
    """(total_steps,) float32: linear warm-up, then constant or a cosine to 0."""
    warmup = {"warmup_steps": config.warmup_step, "warmup_ratio": config.warmup_ratio}
    cosine = warmup_cosine(config.base_lr, total_steps, **warmup)
    if config.lr_schedule == "cosine":
        return cosine
    rates = constant(config.base_lr, total_steps)
    steps = usable_warmup(config.warmup_step, total_steps)
    rates[:steps] = cosine[:steps]
    return rates


def describe_training(config: Any, alphabet: Alphabet, data: WordData, rank_size: int) -> str:
    """What is about to happen, for the person who started it."""
    devices = f" on each of {rank_size} devices" if rank_size > 1 else ""
    early = [
        *([f"{config.flat_start_epochs} of flat start"] if config.flat_start_epochs else []),
        *([f"{config.narrow_epochs} of width {config.narrow_width}"] if config.narrow_epochs else []),
    ]
    return (
        f"{len(alphabet.characters)} characters, input widths {', '.join(map(str, config.image_width))}; "
        f"{config.total_epoch} epochs of {data.steps_per_epoch} steps, {data.batch_size} words per step{devices}"
        f"{', the first ' if early else ''}{', then '.join(early)}\n"
        f"writing to {Path(config.save_checkpoint_path)}: ckpt_0, loss_<rank>.log, metrics.jsonl, tensorboard\n"
        "the first step compiles the network, which takes some time"
    )


def report_data(data: WordData) -> None:
    """Say what the data did not give."""
    report = data.report
    for source in report["sources"]:
        for kind in ("dropped", "bad"):
            for reason, count in source[kind].items():
                print(f"{source['source']}: {count} of {source['samples']} words left out: {reason}")
    for reason, count in report["replaced"].items():
        print(f"{count} words replaced while training: {reason}")
