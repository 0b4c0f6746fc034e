"""What the trainings of both networks do alike, around the loop."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import mindspore as ms
import numpy as np
from mindspore import nn

from src.common.ranks import barrier
from src.training.checkpoints import CheckpointFolder
from src.training.eval_callback import Evaluate
from src.training.loop import TrainData, train
from src.training.optimizers import make_optimizer
from src.training.options import CheckpointOptions, PrecisionOptions, RunOptions, TrainResult
from src.weights.card_config import with_sizes

logger = logging.getLogger(__name__)

OptionsT = TypeVar("OptionsT", bound=PrecisionOptions)


@dataclass(frozen=True)
class Ranks:
    """This process and the number of processes that train together."""

    rank_id: int
    rank_size: int

    @property
    def is_main(self) -> bool:
        return self.rank_id == 0

    def each(self) -> str:
        """For a sentence about what every device does."""
        return f" on each of {self.rank_size} devices" if self.rank_size > 1 else ""


@dataclass(frozen=True)
class Job:
    """What is trained.

    Attributes:
        network: whose parameters the checkpoints hold.
        loss_cell: see `loop.train`.
        rates: (steps,) learning rates.
        metric: of the evaluation, decides about best_acc.ckpt.
        prefix: of the checkpoints' names.
        loss_label: name of the loss in the log.
        evaluate: the metrics of the network as it is; None without evaluations.
    """

    network: nn.Cell
    loss_cell: nn.Cell
    data: TrainData
    epochs: int
    rates: np.ndarray
    metric: str
    prefix: str
    loss_label: str
    evaluate: Evaluate | None = None


def continues(options: CheckpointOptions, prefix: str) -> bool:
    """Whether the training goes on from checkpoints of an earlier one."""
    folder = Path(options.save_checkpoint_path) / "ckpt_0"
    return options.resume and bool(CheckpointFolder(folder, prefix=prefix).existing())


def run_job(job: Job, options: RunOptions, ranks: Ranks, description: str) -> TrainResult:
    """Log what is about to happen, train, and wait for the other ranks.

    Raises:
        UserError: see `loop.train`.
    """
    optimizer = make_optimizer(
        options.optimizer,
        job.network.trainable_params(),
        job.rates,
        weight_decay=options.weight_decay,
        momentum=options.momentum,
    )
    if ranks.is_main:
        logger.info(
            f"{description}\n"
            f"writing to {Path(options.save_checkpoint_path)}: ckpt_0, loss_<rank>.log, metrics.jsonl, tensorboard\n"
            "the first step compiles the network, which takes some time"
        )
    train_options = options.train_options(
        job.epochs,
        ranks.rank_id,
        ranks.rank_size,
        metric=job.metric,
        prefix=job.prefix,
        loss_label=job.loss_label,
    )
    result = train(job.loss_cell, optimizer, job.data, train_options, network=job.network, evaluate=job.evaluate)
    barrier(ranks.rank_size)  # where it was stopped, rank 0 has saved a checkpoint meanwhile
    return result


def settle_precision(options: OptionsT) -> OptionsT:
    """`options` with "auto" replaced by half precision on Ascend, where the original work computes in it."""
    if options.mixed_precision != "auto":
        return options
    return options.replace(mixed_precision=ms.get_context("device_target") == "Ascend")


def settle_sizes(options: OptionsT, network: str, pre_trained: str, ranks: Ranks) -> OptionsT:
    """`options` with the sizes of the network that the weights to start from are of; logs what was taken.

    Raises:
        CardError: as `with_sizes`.
    """
    if not pre_trained:
        return options
    options, sizes = with_sizes(options, network, Path(pre_trained))
    if sizes and ranks.is_main:
        logger.info(sizes)
    return options
