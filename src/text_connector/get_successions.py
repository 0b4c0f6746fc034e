"""Which proposal follows which: the graph of the CTPN paper (Tian et al., ECCV 2016), section 3.2.

Two proposals are compatible when their vertical overlap, as a share of the smaller height, and the ratio of
their heights both reach a minimum. The candidates to follow a proposal are the compatible ones in the
nearest pixel column to its right, within `max_gap`, that has any; its successor is the best scored of them.
The link is kept when, looking back from the *successor*, no proposal of the nearest compatible column scores
more than the predecessor. Equal scores: the earlier proposal wins.

Shapes: N proposals, P chain members. The column of a proposal is floor(x1), moved into the image.
"""

import numpy as np

from src.text_connector.nms import by_score, expand_runs

NONE = -1


def get_successions(
    boxes: np.ndarray,
    scores: np.ndarray,
    image_width: int,
    *,
    max_gap: int,
    min_v_overlaps: float,
    min_size_sim: float,
) -> np.ndarray:
    """The successor of every proposal.

    Args:
        boxes: (N, 4) float64, finite, not inverted.
        scores: (N,).
        image_width: width in pixels of the image that the boxes are in.
        max_gap: pixel columns to the right that are searched, at least 1.
        min_v_overlaps: least vertical overlap as a share of the smaller height, in (0, 1].
        min_size_sim: least ratio of the heights, in (0, 1].

    Returns:
        (N,) int64: index of the successor, or NONE.
    """
    count = len(boxes)
    successor = np.full(count, NONE, dtype=np.int64)
    if count < 2:
        return successor
    column = np.clip(np.floor(boxes[:, 0]), 0, image_width - 1).astype(np.int64)
    left, right = _compatible_pairs(boxes, column, max_gap, min_v_overlaps, min_size_sim)
    if not len(left):
        return successor
    order = by_score(scores)
    rank = np.empty(count, dtype=np.int64)
    rank[order] = np.arange(count)
    distance = column[right] - column[left]
    # Nearest column first, then best rank: one number per pair, whose minimum identifies the proposal too.
    predecessor, best = _smallest_by_group(left, distance * count + rank[right])
    followed, best_before = _smallest_by_group(right, distance * count + rank[left])
    successor[predecessor] = order[best % count]
    rival = np.full(count, NONE, dtype=np.int64)
    rival[followed] = order[best_before % count]
    # A successor was reached through a compatible pair, hence always has a proposal before it.
    outdone = scores[predecessor] < scores[rival[successor[predecessor]]]
    successor[predecessor[outdone]] = NONE
    return successor


def chains(successor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Follow the links from every proposal that has a successor and no predecessor.

    Two proposals of one column and of equal score can share a successor; each then begins its own chain.

    Args:
        successor: (N,) int64, as `get_successions` returns it.

    Returns:
        member (P,) int64, line (P,) int64: the proposals of all chains, chain after chain, left to right within one,
        in the order of their first proposal's index; and the number of the chain each belongs to, from 0.
    """
    has_predecessor = np.zeros(len(successor), dtype=bool)
    has_predecessor[successor[successor != NONE]] = True
    following = successor.tolist()
    member: list[int] = []
    line: list[int] = []
    for number, start in enumerate(np.flatnonzero((successor != NONE) & ~has_predecessor).tolist()):
        node = start
        while node != NONE:
            member.append(node)
            line.append(number)
            node = following[node]
    return np.array(member, dtype=np.int64), np.array(line, dtype=np.int64)


def _compatible_pairs(
    boxes: np.ndarray, column: np.ndarray, max_gap: int, min_v_overlaps: float, min_size_sim: float
) -> tuple[np.ndarray, np.ndarray]:
    """(left, right) index arrays of the compatible pairs whose columns are 1 to `max_gap` apart."""
    by_column = np.argsort(column, kind="stable")
    columns = column[by_column]
    first = np.searchsorted(columns, columns + 1, side="left")
    last = np.searchsorted(columns, columns + max_gap, side="right")
    left, right = expand_runs(first, last - first)

    top, bottom = boxes[by_column, 1], boxes[by_column, 3]
    height = bottom - top + 1
    shared = np.minimum(bottom[left], bottom[right]) - np.maximum(top[left], top[right]) + 1
    beside = shared > 0  # most pairs are not side by side, and need no more work
    left, right, shared = left[beside], right[beside], shared[beside]
    smaller, larger = np.minimum(height[left], height[right]), np.maximum(height[left], height[right])
    fits = (shared / smaller >= min_v_overlaps) & (smaller / larger >= min_size_sim)
    return by_column[left[fits]], by_column[right[fits]]


def _smallest_by_group(group: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct groups, ascending, and the smallest value of each."""
    order = np.argsort(group, kind="stable")
    group, value = group[order], value[order]
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    return group[starts], np.minimum.reduceat(value, starts)
