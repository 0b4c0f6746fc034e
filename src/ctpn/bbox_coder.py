"""Boxes coded relative to anchors, as (dx, dy, log dw, log dh).

Widths and heights count pixels (x2 - x1 + 1). The network regresses four numbers per anchor; CTPN uses dy and
dh, and with side refinement dx as the offset of a line's end (Tian et al. 2016, section 3.3).

Shapes: n anchors and boxes (x1, y1, x2, y2) in pixels.
"""

import numpy as np


def encode_boxes(anchors: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Code boxes relative to their anchors.

    Args:
        anchors: (n, 4) inclusive corners.
        boxes: (n, 4) inclusive corners.

    Returns:
        (n, 4) float32: dx, dy, log dw, log dh.

    Raises:
        ValueError: a box without area.
    """
    anchors, boxes = np.asarray(anchors, np.float64), np.asarray(boxes, np.float64)
    anchor_size = anchors[:, 2:] - anchors[:, :2] + 1
    box_size = boxes[:, 2:] - boxes[:, :2] + 1
    if box_size.size and box_size.min() <= 0:
        bad = boxes[(box_size <= 0).any(axis=1)][0]
        raise ValueError(f"cannot code a box without area: {bad.tolist()}, expected x1 <= x2 and y1 <= y2")
    shift = (boxes[:, :2] + boxes[:, 2:] - anchors[:, :2] - anchors[:, 2:]) / 2 / anchor_size
    return np.concatenate([shift, np.log(box_size / anchor_size)], axis=1).astype(np.float32)


def decode_boxes(anchors: np.ndarray, deltas: np.ndarray) -> np.ndarray:
    """Boxes of deltas; only dy and log dh are used.

    Args:
        anchors: (n, 4) inclusive corners.
        deltas: (n, 4): dx, dy, log dw, log dh.

    Returns:
        (n, 4) float32. x2 and y2 are the *outer* edges (one more than the inclusive corner), as in the published
        networks.
    """
    anchors, deltas = np.asarray(anchors, np.float32), np.asarray(deltas, np.float32)
    anchor_height = anchors[:, 3] - anchors[:, 1] + 1
    center = anchors[:, 1] + anchor_height / 2 + deltas[:, 1] * anchor_height
    height = anchor_height * np.exp(deltas[:, 3])
    return np.stack([anchors[:, 0], center - height / 2, anchors[:, 2] + 1, center + height / 2], axis=1)


def encode_sides(anchors: np.ndarray, side_x: np.ndarray) -> np.ndarray:
    """Offsets o* = (x_side - c_x) / w of line ends `side_x` (n,) from their anchors (n, 4): (n,) float32."""
    anchors = np.asarray(anchors, np.float64)
    center = (anchors[:, 0] + anchors[:, 2]) / 2
    width = anchors[:, 2] - anchors[:, 0] + 1
    return ((np.asarray(side_x, np.float64) - center) / width).astype(np.float32)
