"""The loss of a small detector that learns the outputs of a large one, beside the labels.

Shapes: B batch, H and W feature rows and columns, A anchors per position, N = H * W * A.
"""

import torch
from torch.nn import functional

from src.ctpn.topology import SMOOTH_L1_BETA

SEEN = 0.1  # probability of text from which an anchor counts whatever its loss is
FARTHEST_END = 2.0  # offsets of line ends beyond so many anchor widths were never learned by the teacher


def distill_loss(
    score_map: torch.Tensor,
    delta_map: torch.Tensor,
    probability: torch.Tensor,
    offsets: torch.Tensor,
    *,
    hard_negatives: int,
    reg_weight: float,
) -> torch.Tensor:
    """Cross entropy with the teacher's probabilities, and the distance to its offsets weighted by them.

    Args:
        score_map: (B, 2A, H, W) of the student.
        delta_map: (B, 4A, H, W) of the student.
        probability: (B, N) of text, the teacher's.
        offsets: (B, N, 4), the teacher's dx, dy, log dw, log dh.
        hard_negatives: anchors of an image that count, by their loss, beside those where the teacher sees text.
        reg_weight: of the offsets.
    """
    batch = len(score_map)
    with torch.autocast(score_map.device.type, enabled=False):
        scores = score_map.float().permute(0, 2, 3, 1).reshape(batch, -1, 2)  # B x N x 2
        deltas = delta_map.float().permute(0, 2, 3, 1).reshape(batch, -1, 4)  # B x N x 4
        logit = scores[..., 1] - scores[..., 0]
        cross_entropy = functional.binary_cross_entropy_with_logits(logit, probability, reduction="none")
        seen = probability >= SEEN
        others = cross_entropy.detach().masked_fill(seen, -1.0)
        least = others.topk(min(hard_negatives, others.shape[1])).values[:, -1:]
        counts = seen | (others >= least.clamp(min=0))
        number = counts.sum().clamp(min=1)
        distance = functional.smooth_l1_loss(deltas, offsets, beta=SMOOTH_L1_BETA, reduction="none")
        known = (
            torch.stack([offsets[..., 0].abs() <= FARTHEST_END, seen, torch.zeros_like(seen), seen], dim=-1)
            & seen[..., None]
        )  # dw is not used by anyone
        regression = (distance * known * probability[..., None]).sum() / number
        return (cross_entropy * counts).sum() / number + reg_weight * regression
