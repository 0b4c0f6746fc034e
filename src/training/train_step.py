"""One training step as a graph: loss, gradient, mean over ranks, clipping, and an update if all is finite."""

from typing import NamedTuple

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops

_square_sum = ops.MultitypeFuncGraph("square_sum")
_row_products = ops.MultitypeFuncGraph("row_products")
_batched_product = ops.BatchMatMul(transpose_b=True)
_multiply = ops.MultitypeFuncGraph("multiply")


def _square_sum_of_tensor(gradient: Tensor) -> Tensor:
    return ops.square(gradient.astype(ms.float32)).sum()


def _row_products_of_tensor(gradient: Tensor) -> Tensor:
    """The same sum as products of rows with themselves."""
    count = gradient.shape[0] if gradient.ndim > 1 else 1
    rows = gradient.astype(ms.float32).reshape((count, 1, -1))
    return _batched_product(rows, rows).sum()


def _multiply_tensor(factor: Tensor, gradient: Tensor) -> Tensor:
    return gradient * factor.astype(gradient.dtype)


_square_sum.register("Tensor")(_square_sum_of_tensor)
_row_products.register("Tensor")(_row_products_of_tensor)
_multiply.register("Tensor", "Tensor")(_multiply_tensor)


class _ScaledLoss(nn.Cell):
    """Loss cell whose first output, the one that is differentiated, carries the loss scale."""

    def __init__(self, loss_cell: nn.Cell):
        super().__init__(auto_prefix=False)
        self.loss_cell = loss_cell

    def construct(self, scale: Tensor, *batch: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        terms = self.loss_cell(*batch)
        return terms[0].astype(ms.float32) * scale, terms


class StepReport(NamedTuple):
    """A step as the host sees it; the last three count ranks (see `TrainStep`)."""

    terms: dict[str, float]
    norm: float
    bad_losses: int
    bad_gradients: int
    stopping: int


class TrainStep(nn.Cell):
    """A step that leaves weights and optimizer untouched when a loss term or the gradient is not finite.

    Args:
        loss_cell: `construct(*batch)` gives a tuple of scalars, the first is minimized.
        optimizer: over the trainable parameters of `loss_cell`.
        clip_norm: greatest global norm of the gradient, 0 = no clipping.
        rank_size: above 1, gradients are averaged and a step that is bad on one rank is skipped on all.
        scaled: whether a loss scale is used; without it the division is not in the graph.

    Inputs:
        control (2,) float32: the loss scale; 1 when this rank was asked to stop, else 0.
        batch: inputs of the loss cell.

    Outputs:
        (K + 4,) float32: the K loss terms (means over the ranks), the norm of the gradient before clipping, and
        three numbers of ranks: with a loss term that is not finite, with a gradient that is not, asked to stop.
        The update happened if the first two are 0. One tensor, so that the host waits once per step.
    """

    def __init__(
        self,
        loss_cell: nn.Cell,
        optimizer: nn.Optimizer,
        *,
        clip_norm: float = 0.0,
        rank_size: int = 1,
        scaled: bool = False,
    ):
        super().__init__(auto_prefix=False)
        self.scaled_loss = _ScaledLoss(loss_cell)
        self.optimizer = optimizer
        self.gradient = ops.value_and_grad(self.scaled_loss, None, optimizer.parameters, has_aux=True)
        self.clip_norm = float(clip_norm)
        self.scaled = scaled
        self.num_terms = len(loss_cell.term_names)
        self.rank_size = rank_size
        self.distributed = rank_size > 1
        if self.distributed:
            self.mean_over_ranks = nn.DistributedGradReducer(optimizer.parameters, True, rank_size)
            self.sum_over_ranks = ops.AllReduce(ops.ReduceOp.SUM)
        self.map = ops.HyperMap()
        # On CPU, products of rows take a fifth of the time: the squares need not be stored. Elsewhere a matrix
        # product may round its inputs to fewer bits.
        self.square_sum = _row_products if ms.get_context("device_target") == "CPU" else _square_sum

    def run(self, batch: tuple[np.ndarray, ...], scale: float, stop: bool) -> StepReport:
        """Make a step with a batch of arrays (they are copied, so the data may reuse its buffers)."""
        control = Tensor(np.array([scale, float(stop)], np.float32))
        inputs = [Tensor(np.ascontiguousarray(array)) for array in batch]
        *terms, norm, bad_losses, bad_gradients, stopping = self(control, *inputs).asnumpy().tolist()
        names = self.scaled_loss.loss_cell.term_names
        return StepReport(
            dict(zip(names, terms, strict=True)),
            norm,
            round(bad_losses),
            round(bad_gradients),
            round(stopping),
        )

    def construct(self, control: Tensor, *batch: Tensor) -> Tensor:
        scale, stop = control[0], control[1]
        (_, terms), gradients = self.gradient(scale, *batch)
        if self.distributed:
            gradients = self.mean_over_ranks(gradients)
        loss_terms = ops.stack([term.astype(ms.float32) for term in terms])  # K
        norm = ops.sqrt(ops.addn(self.map(self.square_sum, gradients))) / scale
        bad_loss = 1.0 - ops.isfinite(loss_terms).all().astype(ms.float32)
        bad_gradient = 1.0 - ops.isfinite(norm).astype(ms.float32)
        flags = ops.stack((bad_loss, bad_gradient, stop))  # 3
        if self.distributed:  # in one go: what costs is the meeting
            summed = self.sum_over_ranks(ops.concat((loss_terms / self.rank_size, flags)))  # K + 3
            loss_terms, flags = summed[: self.num_terms], summed[self.num_terms :]
        if self.clip_norm > 0:
            factor = ops.minimum(Tensor(1.0, ms.float32), self.clip_norm / (norm + 1e-12)) / scale
            gradients = self.map(ops.partial(_multiply, factor), gradients)
        elif self.scaled:
            gradients = self.map(ops.partial(_multiply, 1.0 / scale), gradients)
        if flags[0] + flags[1] < 0.5:
            self.optimizer(gradients)
        return ops.concat((loss_terms, norm.reshape((1,)), flags))
