"""Connectionist temporal classification with the conventions of src/crnn/ctc_loss.py.

Shapes: T time steps, B batch, C classes (0 is the blank), L width of the padded label array.
"""

import torch
from torch.nn import functional

from src.crnn.topology import BLANK

REDUCTIONS = ("mean", "none")


def ctc_loss(
    log_probs: torch.Tensor, labels: torch.Tensor, lengths: torch.Tensor, reduction: str = "mean"
) -> torch.Tensor:
    """Negative log-likelihood of the labels, 0 without gradient for a label that cannot be written in T steps.

    Args:
        log_probs: (T, B, C) float32.
        labels: (B, L) whole numbers, padded with 0.
        lengths: (B,) whole numbers; -1 where there is no label, which has no loss either.
        reduction: "none" gives (B,) losses; "mean" divides each by the length of its label (at least 1) and
            averages over all B, the zeroed ones included.
    """
    if reduction not in REDUCTIONS:
        raise ValueError(f"reduction {reduction!r}: accepted are {', '.join(REDUCTIONS)}")
    steps, batch, _ = log_probs.shape
    labels, lengths = labels.long(), lengths.long()
    # A length beyond the array has no loss in MindSpore; PyTorch's operator would refuse the batch.
    position = torch.arange(1, labels.shape[1], device=labels.device)
    repeated = (labels[:, 1:] == labels[:, :-1]) & (position < lengths[:, None])
    feasible = (lengths >= 0) & (lengths + repeated.sum(1) <= steps) & (lengths <= labels.shape[1])
    safe_lengths = lengths.where(feasible, 0)
    input_lengths = torch.full((batch,), steps, dtype=torch.long, device=log_probs.device)
    with torch.autocast(log_probs.device.type, enabled=False):
        losses = functional.ctc_loss(
            log_probs.float(), labels, input_lengths, safe_lengths, BLANK, "none", zero_infinity=True
        )
    losses = losses.where(feasible, 0.0)
    return losses if reduction == "none" else (losses / lengths.clamp(min=1)).mean()


def flat_start_loss(log_probs: torch.Tensor, labels: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of each time step with the character that lies there if all are equally wide.

    As src/crnn/flat_start.py, which explains its use; a label that is not there (length -1) has no loss.
    """
    steps = len(log_probs)
    place = (torch.arange(steps, device=log_probs.device) + 0.5) / steps  # (T,)
    character = (place[None] * lengths.clamp(min=0)[:, None]).long()  # (B, T)
    targets = labels.long().gather(1, character).T[:, :, None]  # (T, B, 1)
    losses = -log_probs.gather(2, targets)[:, :, 0].mean(0)  # (B,)
    return losses.where(lengths >= 0, 0.0).mean()
