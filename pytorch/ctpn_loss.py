"""Loss of CTPN over the sampled anchors of a batch, as in src/ctpn/loss.py.

Shapes: B batch, H and W feature rows and columns, A anchors per position, N = H * W * A anchors of
an image in the order y, x, anchor.
"""

import torch
from torch.nn import functional

from src.ctpn.topology import SMOOTH_L1_BETA


def ctpn_loss(
    score_map: torch.Tensor,
    delta_map: torch.Tensor,
    labels: torch.Tensor,
    delta_targets: torch.Tensor,
    delta_weights: torch.Tensor,
    *,
    cls_weight: float = 1.0,
    reg_weight: float = 3.0,
    hard_negatives: int = 0,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Total, classification and regression loss, float32 scalars; both terms are divided by the anchors that count.

    Args:
        score_map: (B, 2A, H, W).
        delta_map: (B, 4A, H, W).
        labels: (B, N) 1 text, 0 background, -1 not sampled.
        delta_targets: (B, N, 4) dx, dy, log dw, log dh.
        delta_weights: (B, N, 4) 0 where a coordinate is not to be learned.
        hard_negatives: background anchors of an image that count, those with the largest loss; 0 lets all count.
    """
    batch = score_map.shape[0]
    with torch.autocast(score_map.device.type, enabled=False):
        scores = score_map.float().permute(0, 2, 3, 1).reshape(-1, 2)  # B*N x 2
        deltas = delta_map.float().permute(0, 2, 3, 1).reshape(batch, -1, 4)  # B x N x 4
        cross_entropy = functional.cross_entropy(
            scores, labels.reshape(-1).long(), ignore_index=-1, reduction="none"
        ).reshape(batch, -1)  # B x N
        counts = labels >= 0
        if hard_negatives:
            background_loss = cross_entropy.detach().masked_fill(labels != 0, -1.0)
            least = background_loss.topk(min(hard_negatives, labels.shape[1])).values[:, -1:]  # B x 1
            counts = (labels == 1) | (counts & (background_loss >= least))
        num_sampled = counts.sum().clamp(min=1)
        cls_loss = (cross_entropy * counts).sum() / num_sampled
        distance = functional.smooth_l1_loss(deltas, delta_targets, beta=SMOOTH_L1_BETA, reduction="none")
        reg_loss = (distance * delta_weights).sum() / num_sampled
        return cls_weight * cls_loss + reg_weight * reg_loss, cls_loss, reg_loss
