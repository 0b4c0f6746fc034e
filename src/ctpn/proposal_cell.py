"""Network and proposals in one graph: what MINDIR and AIR files hold for the C++ application.

Shapes: B batch, N anchors per image in the order y, x, anchor, K = anchors that are decoded,
P = proposals that come out.
"""

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops

from src.ctpn.topology import MAX_PROPOSALS, NMS_PRE, NMS_THRESHOLD

NMS_LIMIT = 2864  # boxes that the NMSWithMask kernels accept


class CtpnProposals(nn.Cell):
    """Image to proposals, with fixed output shapes.

    Args:
        network: `Ctpn`.
        anchors: (N, 4) of `make_anchors` for the image size that will be exported.
        nms_pre: anchors that are decoded, the best by score; at most 2864.
        nms_threshold: IoU above which a box goes when a better one stays.
        max_num: proposals that come out.
        side_refinement: put out dx, too.

    Inputs:
        image (B, 3, 16 H, 16 W): normalized RGB, float16 or float32.

    Outputs:
        proposals (B, P, 5) float32: x1, y1, x2, y2, score; those that survive suppression first, each group
            best first. P = min(max_num, nms_pre, N). x2 and y2 are outer edges (no "- 1"), as published.
        mask (B, P) bool: True for those that survive.
        dx (B, P) float32, with `side_refinement`: offset of the nearest line end from a proposal's center, in
            anchor widths.
    """

    def __init__(
        self,
        network: nn.Cell,
        anchors: np.ndarray,
        nms_pre: int = NMS_PRE,
        nms_threshold: float = NMS_THRESHOLD,
        max_num: int = MAX_PROPOSALS,
        *,
        side_refinement: bool = False,
    ):
        super().__init__(auto_prefix=False)
        if not 0 < nms_pre <= NMS_LIMIT:
            raise ValueError(f"nms_pre {nms_pre}: NMSWithMask accepts 1 to {NMS_LIMIT} boxes")
        if max_num < 1:
            raise ValueError(f"max_num {max_num}: at least 1")
        self.network = network
        self.side_refinement = side_refinement
        self.num_decoded = min(nms_pre, len(anchors))
        self.num_proposals = min(max_num, self.num_decoded)
        x1, y1, x2, y2 = np.asarray(anchors, np.float32).T
        height = y2 - y1 + 1
        # x1, x2 + 1, center y, height of each anchor
        self.anchors = ms.Tensor(np.stack([x1, x2 + 1, y1 + height / 2, height], axis=1))
        # Numbers by which TopK puts survivors first and keeps the order of each group.
        self.rank = ms.Tensor(np.arange(self.num_decoded, 0, -1, dtype=np.float32))
        self.nms = ops.NMSWithMask(nms_threshold)

    def construct(self, image: Tensor) -> tuple[Tensor, ...]:
        score_map, delta_map = self.network(image.astype(ms.float32))
        batch = score_map.shape[0]
        scores = score_map.transpose((0, 2, 3, 1)).reshape((batch, -1, 2))  # (B, N, 2)
        deltas = delta_map.transpose((0, 2, 3, 1)).reshape((batch, -1, 4))  # (B, N, 4)
        text_scores = ops.softmax(scores, -1)[:, :, 1]  # (B, N)
        best_scores, best = ops.topk(text_scores, self.num_decoded)  # (B, K)

        proposals, masks, offsets = [], [], []
        for i in range(batch):
            boxes = self.decode(ops.gather(self.anchors, best[i], 0), ops.gather(deltas[i], best[i], 0))
            boxes = ops.concat((boxes, best_scores[i].reshape((-1, 1))), 1)  # (K, 5)
            boxes, index, mask = self.nms(boxes)
            first = self.rank + mask.astype(ms.float32) * self.num_decoded
            _, order = ops.topk(first, self.num_proposals)
            proposals.append(ops.gather(boxes, order, 0))
            masks.append(ops.gather(mask.astype(ms.int32), order, 0))
            if self.side_refinement:
                dx = ops.gather(ops.gather(deltas[i], best[i], 0)[:, 0], index, 0)
                offsets.append(ops.gather(dx, order, 0))
        if self.side_refinement:
            return ops.stack(proposals), ops.stack(masks).astype(ms.bool_), ops.stack(offsets)
        return ops.stack(proposals), ops.stack(masks).astype(ms.bool_)

    def decode(self, anchors: Tensor, deltas: Tensor) -> Tensor:
        """(K, 4) anchors as stored and (K, 4) deltas -> (K, 4) boxes; only dy and log dh are used."""
        center = anchors[:, 2] + deltas[:, 1] * anchors[:, 3]
        half = 0.5 * anchors[:, 3] * ops.exp(deltas[:, 3])
        return ops.stack((anchors[:, 0], center - half, anchors[:, 1], center + half), 1)
