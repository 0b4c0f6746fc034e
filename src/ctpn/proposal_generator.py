"""Text proposals from the network's maps, on the host and without any framework.

Softmax, the best `nms_pre` anchors, boxes, suppression, the best `max_num` (the order of the published
network). The same inside a graph: `proposal_cell.CtpnProposals`.

Shapes: B batch, H and W feature rows and columns, A anchors per position, N = H * W * A anchors in
the order y, x, anchor; n proposals of an image.
"""

from dataclasses import dataclass

import numpy as np

from src.ctpn.bbox_coder import decode_boxes
from src.ctpn.column_nms import suppress_columns
from src.ctpn.topology import MAX_PROPOSALS, NMS_PRE, NMS_THRESHOLD


@dataclass(frozen=True)
class Proposals:
    """Proposals of one image, best first.

    Attributes:
        boxes: (n, 4) float32 (x1, y1, x2, y2) in pixels of the network's input; x2 and y2 are outer edges.
        scores: (n,) float32, probability of text.
        dx: (n,) float32 offset of the nearest line end from the anchor's center, in anchor widths, or None.
    """

    boxes: np.ndarray
    scores: np.ndarray
    dx: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.boxes)


def generate_proposals(
    score_map: np.ndarray,
    delta_map: np.ndarray,
    anchors: np.ndarray,
    *,
    nms_pre: int = NMS_PRE,
    nms_threshold: float = NMS_THRESHOLD,
    max_num: int = MAX_PROPOSALS,
    min_score: float = 0.0,
    side_refinement: bool = False,
) -> list[Proposals]:
    """Maps of a batch to the proposals of each image.

    Args:
        score_map: (B, 2A, H, W) logits, channel = anchor * 2 + class, class 1 is text.
        delta_map: (B, 4A, H, W), channel = anchor * 4 + coordinate.
        anchors: (N, 4) of `make_anchors`.
        nms_pre: anchors that are decoded, the best by score.
        nms_threshold: a box goes when its IoU with a better one that stays is above this.
        max_num: most proposals per image.
        min_score: anchors below this score are left out first (the result for the rest is the same).
        side_refinement: also return dx.

    Returns:
        B sets of proposals. Boxes that are not finite or have no height (a diverged network) are left out.

    Raises:
        ValueError: shapes that do not fit together.
    """
    batch, channels, rows, columns = score_map.shape
    num_anchors = channels // 2
    expected = (batch, 4 * num_anchors, rows, columns)
    if channels % 2 or delta_map.shape != expected:
        raise ValueError(f"delta map {delta_map.shape}: {expected} belongs to score map {score_map.shape}")
    if anchors.shape != (rows * columns * num_anchors, 4):
        raise ValueError(f"anchors {anchors.shape}: the maps need {(rows * columns * num_anchors, 4)}")

    scores = np.asarray(score_map, np.float32).reshape(batch, num_anchors, 2, rows, columns)
    # Of two classes, softmax is a sigmoid of the difference: rank by that, and it never saturates into ties.
    margin = (scores[:, :, 1] - scores[:, :, 0]).transpose(0, 2, 3, 1).reshape(batch, -1)  # (B, N)
    deltas = np.asarray(delta_map).reshape(batch, num_anchors, 4, rows, columns)
    result = []
    for image in range(batch):
        best = _best_anchors(margin[image], nms_pre, min_score)
        position, anchor = np.divmod(best, num_anchors)
        row, column = np.divmod(position, columns)
        chosen = deltas[image][anchor, :, row, column].astype(np.float32)  # (n, 4)
        with np.errstate(over="ignore", invalid="ignore"):
            boxes = decode_boxes(anchors[best], chosen)
            usable = np.isfinite(boxes).all(axis=1) & (boxes[:, 3] > boxes[:, 1])
        boxes, chosen, best, column = boxes[usable], chosen[usable], best[usable], column[usable]
        keep = suppress_columns(column, boxes[:, 1], boxes[:, 3], nms_threshold)
        keep = np.flatnonzero(keep)[:max_num]
        result.append(
            Proposals(
                boxes[keep],
                _sigmoid(margin[image, best[keep]]),
                chosen[keep, 0] if side_refinement else None,
            )
        )
    return result


def _best_anchors(margin: np.ndarray, count: int, min_score: float) -> np.ndarray:
    """Indices of the `count` largest margins of at least the logit of `min_score`, best first."""
    if min_score > 0:
        with np.errstate(divide="ignore"):
            enough = margin >= np.log(min_score) - np.log1p(-min_score)
    else:
        enough = ~np.isnan(margin)
    index = np.flatnonzero(enough)
    if len(index) > count:
        index = index[np.argpartition(-margin[index], count - 1)[:count]]
    return index[np.lexsort((index, -margin[index]))]


def _sigmoid(x: np.ndarray) -> np.ndarray:
    """Logistic function of float32, from the side that cannot overflow."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + small), small / (1 + small)).astype(np.float32)
