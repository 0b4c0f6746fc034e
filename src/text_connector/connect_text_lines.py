"""Chains of proposals to text lines: ends, straight top and bottom, score.

A chain's line spans from its smallest x1 to its largest x2. Its top is a straight line fitted through the
proposals' (x1, y1), its bottom one through (x1, y2); both are read half a proposal inside the ends, and the
line's box takes the higher top and the lower bottom. Its score is the mean of its proposals' scores.

Shapes: N proposals, P chain members, M lines; coordinates in pixels. Sums run in chain order in double precision,
so that a plain loop over the same chain gives the same bits.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ConnectedLines:
    """Lines before clipping and filtering.

    Attributes:
        boxes: (M, 4) float64, axis-aligned (x1, y1, x2, y2).
        scores: (M,) float64.
        corners: (M, 4, 2) float64, along the fitted top and bottom, clockwise from the top left.
    """

    boxes: np.ndarray
    scores: np.ndarray
    corners: np.ndarray


def connect_text_lines(
    boxes: np.ndarray,
    scores: np.ndarray,
    member: np.ndarray,
    line: np.ndarray,
    side_x: np.ndarray | None = None,
) -> ConnectedLines:
    """Make one text line of every chain.

    Args:
        boxes: (N, 4) float64 proposals.
        scores: (N,) float64.
        member: (P,) proposals of the chains, as `get_successions.chains` returns them.
        line: (P,) number of the chain that each member belongs to.
        side_x: (N,) or None: where each proposal places the nearest end of its line (side refinement, section
            3.3 of the paper). A line then ends where its first and last proposals place it. A value that is not
            finite, or that would turn the line inside out, is not used.

    Returns:
        The lines in the order of the chains.
    """
    count = int(line[-1]) + 1 if len(line) else 0
    first = np.searchsorted(line, np.arange(count), side="left")
    last = np.searchsorted(line, np.arange(count), side="right") - 1
    if not count:
        return ConnectedLines(np.empty((0, 4)), np.empty(0), np.empty((0, 4, 2)))
    x1, y1, x2, y2 = boxes[member].T  # (P,) each
    left = np.minimum.reduceat(x1, first)
    right = np.maximum.reduceat(x2, first)
    inset = (x2[first] - x1[first]) * 0.5
    members = np.bincount(line, minlength=count)
    mean_x = np.bincount(line, x1, count) / members
    from_mean = x1 - mean_x[line]
    spread = np.bincount(line, from_mean * from_mean, count)

    def fit(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mean_y = np.bincount(line, y, count) / members
        slope = np.bincount(line, from_mean * (y - mean_y[line]), count)
        # A chain of one proposal is level.
        slope = np.divide(slope, spread, out=np.zeros(count), where=spread > 0)
        return mean_y, slope

    def read(line_fit: tuple[np.ndarray, np.ndarray], x: np.ndarray) -> np.ndarray:
        mean_y, slope = line_fit
        return mean_y + slope * (x - mean_x)

    top, bottom = fit(y1), fit(y2)
    top_left, top_right = read(top, left + inset), read(top, right - inset)
    bottom_left, bottom_right = read(bottom, left + inset), read(bottom, right - inset)
    if side_x is not None:
        refined_left, refined_right = side_x[member[first]], side_x[member[last]]
        usable = refined_left < refined_right  # false where either is NaN
        left = np.where(usable & np.isfinite(refined_left), refined_left, left)
        right = np.where(usable & np.isfinite(refined_right), refined_right, right)
    line_boxes = np.stack(
        [left, np.minimum(top_left, top_right), right, np.maximum(bottom_left, bottom_right)], axis=1
    )
    # The fits are of y against a proposal's left edge though y belongs to its center: for corners at the very
    # ends of the line, half a proposal is taken off again.
    corners = np.stack(
        [
            np.stack([left, read(top, left - inset)], axis=1),
            np.stack([right, read(top, right - inset)], axis=1),
            np.stack([right, read(bottom, right - inset)], axis=1),
            np.stack([left, read(bottom, left - inset)], axis=1),
        ],
        axis=1,
    )
    return ConnectedLines(line_boxes, np.bincount(line, scores[member], count) / members, corners)
