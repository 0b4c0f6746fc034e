"""Evaluation while training, in the same process."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mindspore import nn

from src.common.errors import UserError

Evaluate = Callable[[], dict]


@dataclass
class EvalCallback:
    """When to evaluate, and which evaluation was the best.

    Args:
        evaluate: gives metrics by name for the network as it is.
        network: put into evaluation mode for the call and back as it was.
        start_epoch, interval: evaluates after epochs start, start + interval, ... and after the last one.
        metric: the metric that decides; higher is better.
    """

    evaluate: Evaluate
    network: nn.Cell
    start_epoch: int = 1
    interval: int = 1
    metric: str = "hmean"
    best: float | None = None

    def due(self, epoch: int, last_epoch: int) -> bool:
        """Whether an evaluation follows `epoch` (from 1)."""
        if epoch == last_epoch:
            return True
        return epoch >= self.start_epoch and (epoch - self.start_epoch) % max(self.interval, 1) == 0

    def run(self) -> tuple[dict, bool]:
        """Evaluate. Returns the metrics with `seconds`, and whether they are at least as good as the best."""
        started = time.perf_counter()
        with evaluation_mode(self.network):
            metrics = dict(self.evaluate())
        if self.metric not in metrics:
            raise UserError(f"metric: {self.metric!r} is not among the evaluation's {sorted(metrics)}")
        metrics["seconds"] = time.perf_counter() - started
        value = float(metrics[self.metric])
        is_best = self.best is None or value >= self.best
        if is_best:
            self.best = value
        return metrics, is_best


@contextlib.contextmanager
def evaluation_mode(network: nn.Cell) -> Iterator[None]:
    """The network in evaluation mode; afterwards every cell is back in the mode it had by itself."""
    cells = [cell for _, cell in network.cells_and_names()]
    modes = [cell.training for cell in cells]
    network.set_train(False)
    try:
        yield
    finally:
        # Parents come first, so what a child had by itself is set last.
        for cell, mode in zip(cells, modes, strict=True):
            cell.set_train(mode)
