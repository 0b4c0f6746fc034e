"""Where a run stands, and its way into a checkpoint and back."""

import math
import random

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn

from src.common.errors import UserError
from src.training.checkpoints import Snapshot
from src.training.eval_callback import EvalCallback
from src.training.loss_scale import LossScaler
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
        try:
            self._restore(snapshot)
        except UserError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
            raise UserError(f"resume: the state beside the checkpoint cannot be used ({error!r})") from None

    def _restore(self, snapshot: Snapshot) -> None:
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


def random_state() -> dict:
    """State of Python's, NumPy's global and MindSpore's default generator, as JSON values.

    The masks of `nn.Dropout` in graph mode come from a state inside the compiled kernel that cannot be read: a
    resumed run with dropout is a valid continuation, but draws other masks.
    """
    version, internal, gauss = random.getstate()
    kind, keys, position, has_gauss, cached = np.random.get_state()
    return {
        "python": [version, list(internal), gauss],
        "numpy": [kind, np.asarray(keys).tolist(), position, has_gauss, cached],
        "mindspore": ms.get_rng_state().asnumpy().tolist(),
    }


def restore_random_state(state: dict) -> None:
    """Put `random_state()` back."""
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))
    kind, keys, *rest = state["numpy"]
    np.random.set_state((kind, np.array(keys, np.uint32), *rest))
    ms.set_rng_state(Tensor(np.array(state["mindspore"], np.uint8)))


def optimizer_arrays(optimizer: nn.Optimizer) -> dict[str, np.ndarray]:
    """Copies of the step counter and the moments by name; neither the weights nor the learning rate table."""
    return {name: param.asnumpy().copy() for name, param in _remembered(optimizer).items()}


def restore_optimizer(optimizer: nn.Optimizer, arrays: dict[str, np.ndarray]) -> None:
    """Put `optimizer_arrays` back; UserError if they are of another optimizer or network."""
    remembered = _remembered(optimizer)
    expected = {name: tuple(param.shape) for name, param in remembered.items()}
    given = {name: array.shape for name, array in arrays.items()}
    if expected != given:
        differing = sorted(n for n in expected.keys() | given.keys() if expected.get(n) != given.get(n))
        raise UserError(f"resume: the checkpoint is of another optimizer; these differ: {', '.join(differing[:8])}")
    for name, param in remembered.items():
        param.set_data(Tensor(arrays[name].copy(), param.dtype))


def _remembered(optimizer: nn.Optimizer) -> dict[str, Parameter]:
    weights = {id(param) for param in optimizer.parameters}
    return {
        name: param
        for name, param in optimizer.parameters_and_names()
        # The table comes from the configuration; a longer training may be given when resuming.
        if id(param) not in weights and not name.startswith("learning_rate")
    }


class NotFiniteError(UserError):
    """A loss term or the gradient is NaN or infinite; the weights are those before the step."""


def not_finite_message(metrics: dict[str, float], state: RunState) -> str:
    """Which of the metrics of a step are not finite, and where."""
    bad = [f"{name} = {value}" for name, value in metrics.items() if not math.isfinite(value)]
    where = f"epoch {state.epoch} step {state.step + 1} (step {state.global_step + 1} of the training)"
    return f"not finite at {where}: {', '.join(bad) or 'loss of another rank'}; no update was made"
