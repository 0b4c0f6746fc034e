"""Loss of CTPN over the sampled anchors of a batch.

Shapes: B batch, H and W feature rows and columns, A anchors per position, N = H * W * A anchors
per image in the order y, x, anchor.
"""

import mindspore as ms
from mindspore import Tensor, nn, ops

from src.ctpn.topology import SMOOTH_L1_BETA


class CtpnLoss(nn.Cell):
    """Network and loss in one cell, as a training step wants it.

    With S = the number of anchors of the batch that count (label 0 or 1):

        rpn_cls = 1/S * sum over those that count of -log softmax(score)[label]
        rpn_reg = 1/S * sum over anchors and coordinates of weight * smooth_l1(delta - target)
        smooth_l1(d) = d^2 / (2 beta) where |d| < beta, |d| - beta / 2 elsewhere;  beta = 1/9
        loss = cls_weight * rpn_cls + reg_weight * rpn_reg

    A batch in which nothing is sampled has the loss 0 and zero gradients. All in float32.

    Args:
        network: `Ctpn` or anything with its inputs and outputs.
        cls_weight: weight of the classification term.
        reg_weight: weight of the regression term.
        hard_negatives: background anchors per image that count, those with the largest loss (Shrivastava et al.,
            CVPR 2016); 0 lets all that are sampled count.

    Inputs:
        image (B, 3, 16 H, 16 W) float32.
        labels (B, N) int32: 1 text, 0 background, -1 not sampled.
        delta_targets (B, N, 4) float32: dx, dy, log dw, log dh.
        delta_weights (B, N, 4) float32: 0 where a coordinate is not to be learned.

    Outputs:
        (loss, rpn_cls, rpn_reg), float32 scalars named by `term_names`.
    """

    term_names = ("loss", "rpn_cls", "rpn_reg")

    def __init__(self, network: nn.Cell, cls_weight: float = 1.0, reg_weight: float = 3.0, hard_negatives: int = 0):
        # Without prefix: checkpoints of the loss cell keep the names of the network.
        super().__init__(auto_prefix=False)
        self.network = network
        self.cls_weight = float(cls_weight)
        self.reg_weight = float(reg_weight)
        self.hard_negatives = int(hard_negatives)

    def construct(
        self, image: Tensor, labels: Tensor, delta_targets: Tensor, delta_weights: Tensor
    ) -> tuple[Tensor, ...]:
        score_map, delta_map = self.network(image)
        batch = score_map.shape[0]
        scores = score_map.transpose((0, 2, 3, 1)).reshape((batch, -1, 2))  # (B, N, 2)
        deltas = delta_map.transpose((0, 2, 3, 1)).reshape((batch, -1, 4))  # (B, N, 4)

        log_probability = ops.log_softmax(scores, -1)  # (B, N, 2)
        is_text = labels == 1
        cross_entropy = -ops.select(is_text, log_probability[:, :, 1], log_probability[:, :, 0])  # (B, N)
        counts = labels >= 0
        if self.hard_negatives:
            background_loss = ops.select(labels == 0, ops.stop_gradient(cross_entropy), -1.0)
            most = min(self.hard_negatives, labels.shape[1])
            least = ops.topk(background_loss, most)[0][:, most - 1 :]  # (B, 1)
            counts = ops.logical_or(is_text, ops.logical_and(counts, background_loss >= least))
        counts = counts.astype(ms.float32)  # (B, N)
        num_sampled = ops.clamp(counts.sum(), min=1.0)
        cls_loss = (cross_entropy * counts).sum() / num_sampled

        distance = ops.abs(deltas - delta_targets)  # (B, N, 4)
        smooth_l1 = ops.select(
            distance < SMOOTH_L1_BETA,
            distance * distance * (0.5 / SMOOTH_L1_BETA),
            distance - 0.5 * SMOOTH_L1_BETA,
        )
        reg_loss = (smooth_l1 * delta_weights).sum() / num_sampled

        loss = self.cls_weight * cls_loss + self.reg_weight * reg_loss
        return loss, cls_loss, reg_loss
