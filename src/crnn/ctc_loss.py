"""Connectionist temporal classification (Graves et al., 2006) as a training loss.

Shapes: T time steps, B batch, C classes (0 is the blank), L width of the padded label array.
"""

import mindspore as ms
from mindspore import Tensor, nn, ops

from src.crnn.flat_start import FlatStartLoss
from src.crnn.topology import BLANK


class CtcLoss(nn.Cell):
    """Negative log-likelihood of each label, and 0 with a zero gradient for a label that cannot be written.

    A label needs one time step per character and one more between equal neighbors; with more than T it has
    probability 0 and an infinite loss. Such a label gets the loss 0 (PyTorch's `zero_infinity`), decided
    from the label before the operator sees it, since the operator raises on labels that are longer than T.

    Args:
        reduction: "none" or "mean".

    Inputs:
        log_probs (T, B, C) float32.
        labels (B, L) int32, padded with 0.
        label_lengths (B,) int32.

    Outputs:
        With "none", the losses (B,) float32; with "mean", PyTorch's mean: each loss divided by the length of its
        label (at least 1), then averaged over all B, the zeroed ones included.

    `ops.ctc_loss` (CTCLossV2) is the operator that takes padded labels and blank 0 and is documented for
    Ascend, GPU and CPU. `ops.CTCLoss` has the blank last and takes sparse labels; on CPU both need less than
    1 % of a train step.
    """

    def __init__(self, reduction: str = "mean"):
        super().__init__()
        if reduction not in {"mean", "none"}:
            raise ValueError(f"reduction {reduction!r}: accepted are 'mean' and 'none'")
        self.reduction = reduction

    def construct(self, log_probs: Tensor, labels: Tensor, label_lengths: Tensor) -> Tensor:
        num_steps, batch, _ = log_probs.shape
        _, label_width = labels.shape
        position = ops.arange(label_width).astype(ms.int32).expand_dims(0)  # (1, L)
        inside = position < label_lengths.expand_dims(1)  # (B, L)
        repeated = ops.logical_and(labels[:, 1:] == labels[:, :-1], inside[:, 1:])
        needed = label_lengths + repeated.astype(ms.int32).sum(axis=1)
        feasible = ops.logical_and(needed <= num_steps, label_lengths <= label_width)
        safe_lengths = ops.select(feasible, label_lengths, ops.zeros_like(label_lengths))
        input_lengths = ops.full((batch,), num_steps, dtype=ms.int32)
        losses, _ = ops.ctc_loss(log_probs, labels, input_lengths, safe_lengths, BLANK, "none", True)
        losses = ops.select(feasible, losses, ops.zeros_like(losses))
        if self.reduction == "none":
            return losses
        return (losses / ops.maximum(label_lengths, 1).astype(ms.float32)).mean()


class CrnnLoss(nn.Cell):
    """Network and loss in one cell, as the training loop takes them.

    Args:
        network: `Crnn` or anything with its inputs and outputs.
        flat_start_width: batches of this width in pixels are trained by `FlatStartLoss`, all others by CTC; 0: none.

    Inputs:
        images (B, 1, 32, W) float32.
        labels (B, L) int32, padded with 0.
        label_lengths (B,) int32.

    Outputs:
        (loss,), a float32 scalar named by `term_names`.
    """

    term_names = ("loss",)

    def __init__(self, network: nn.Cell, flat_start_width: int = 0):
        super().__init__(auto_prefix=False)
        self.network = network
        self.ctc_loss = CtcLoss()
        self.flat_start_loss = FlatStartLoss()
        self.flat_start_width = flat_start_width

    def construct(self, images: Tensor, labels: Tensor, label_lengths: Tensor) -> tuple[Tensor]:
        if images.shape[3] == self.flat_start_width:  # known when the graph is made: each width has its own
            return (self.flat_start_loss(self.network(images), labels, label_lengths),)
        return (self.ctc_loss(self.network(images), labels, label_lengths),)
