"""Where a run stands, and its way into a checkpoint and back."""

import math

import numpy as np
from mindspore import nn

from src.common.errors import UserError
from src.training.checkpoints import Snapshot
from src.training.eval_callback import EvalCallback
from src.training.loss_scale import LossScaler
from src.training.optimizer_state import optimizer_arrays, restore_optimizer
from src.training.random_state import random_state, restore_random_state
from src.weights.weights_file import load_weights, network_arrays


class RunState:
    """Counters of a run together with the parts that change while it trains.

    Attributes:
        epoch, step: the epoch being trained, from 1, and the steps done in it.
        epoch_closed: whether its evaluation and checkpoint are done, too.
        global_step: steps done since the training began, skipped ones included.
    """

    def __init__(
        self,
        network: nn.Cell,
        optimizer: nn.Optimizer,
        scaler: LossScaler,
        evaluation: EvalCallback | None,
        steps_per_epoch: int,
    ):
        self.network, self.optimizer = network, optimizer
        self.scaler, self.evaluation = scaler, evaluation
        self.steps_per_epoch = steps_per_epoch
        self.epoch, self.step, self.global_step, self.epoch_closed = 0, 0, 0, True
        self._sums: dict[str, float] = {}
        self._counts: dict[str, int] = {}

    @property
    def updates(self) -> int:
        """Updates made so far: the row of the learning rate table that comes next."""
        return self.global_step - self.scaler.overflows

    def open_next_epoch(self) -> None:
        """Begin the next epoch, or go on with one that was left in the middle."""
        if self.epoch_closed:
            self.epoch, self.step, self.epoch_closed = self.epoch + 1, 0, False

    def count_step(self, metrics: dict[str, float]) -> None:
        """A step was made; its finite metrics enter the means."""
        self.step += 1
        self.global_step += 1
        for name, value in metrics.items():
            if math.isfinite(value):
                self._sums[name] = self._sums.get(name, 0.0) + value
                self._counts[name] = self._counts.get(name, 0) + 1

    def take_means(self) -> dict[str, float]:
        """Means of the metrics since the last call."""
        means = {name: self._sums[name] / self._counts[name] for name in self._sums}
        self._sums, self._counts = {}, {}
        return means

    def statistics_are_finite(self) -> bool:
        """Whether the batch-norm statistics are sound: they move in the forward pass, before any check.

        A loss scale cannot help a forward pass that is not finite (ReLU can hide it from the loss).
        """
        statistics = [p for p in self.network.get_parameters() if not p.requires_grad]
        return all(np.isfinite(param.asnumpy()).all() for param in statistics)

    def snapshot(self) -> Snapshot:
        """Everything a resumed run needs, copied."""
        progress = {
            "epoch": self.epoch,
            "step": self.step,
            "epoch_closed": self.epoch_closed,
            "global_step": self.global_step,
            "steps_per_epoch": self.steps_per_epoch,
            "loss_scale": self.scaler.state(),
            "best": self.evaluation.best if self.evaluation is not None else None,
            "sums": self._sums,
            "counts": self._counts,
            "random": random_state(),
        }
        return Snapshot(network_arrays(self.network), optimizer_arrays(self.optimizer), progress)

    def restore(self, snapshot: Snapshot) -> None:
        """Continue from `snapshot`; UserError if it belongs to another network, optimizer or data set."""
        progress = snapshot.progress
        if progress["steps_per_epoch"] != self.steps_per_epoch:
            raise UserError(
                f"resume: the checkpoint has {progress['steps_per_epoch']} steps per epoch, the data has "
                f"{self.steps_per_epoch}; use the same data, batch size and number of devices"
            )
        load_weights(self.network, snapshot.weights)
        restore_optimizer(self.optimizer, snapshot.optimizer)
        self.scaler.restore(progress["loss_scale"])
        if self.evaluation is not None:
            self.evaluation.best = progress["best"]
        self.epoch, self.step = progress["epoch"], progress["step"]
        self.epoch_closed, self.global_step = progress["epoch_closed"], progress["global_step"]
        self._sums, self._counts = dict(progress["sums"]), dict(progress["counts"])
        restore_random_state(progress["random"])
