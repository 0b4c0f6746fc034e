"""Parts of an image that the detector runs on: overlapping tiles at one scale, each position owned by one of them.

All sizes are (height, width), in pixels of the scaled image. A tile begins at a multiple of the network's stride, so
the columns and rows of all tiles lie on one grid, as if the network had seen the whole image. Of what several tiles
see, the owner's proposals count: nothing is found twice, and at a border of two owners a line goes on.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from src.ctpn.proposal_generator import Proposals
from src.ctpn.topology import STRIDE

CELL = 32  # pixels: squares of this side are wanted or not
OVERLAP = 96  # pixels that neighboring tiles share; text up to half this height is whole in one of them
MARGIN = 48  # pixels that a tile shows around what is wanted of it
FIXED_COST = 10_000  # pixels: what one more tile costs beside its own
MOST_GROUPS = 48  # of wanted cells, before near ones are taken together


@dataclass(frozen=True)
class Tile:
    """A part of the scaled image: where it begins, its size, and the part that it owns (y1, x1, y2, x2)."""

    y: int
    x: int
    size: tuple[int, int]
    core: tuple[float, float, float, float]

    @property
    def pixels(self) -> int:
        return self.size[0] * self.size[1]


def whole_tile(size: tuple[int, int]) -> Tile:
    """One tile for a scaled image whose sides are multiples of the stride."""
    return Tile(0, 0, size, (-math.inf, -math.inf, math.inf, math.inf))


def plan_tiles(size: tuple[int, int], largest: tuple[int, int]) -> list[Tile]:
    """Tiles no larger than `largest` that cover a scaled image of `size`."""
    rows, columns = _cuts(size[0], largest[0]), _cuts(size[1], largest[1])
    return [
        Tile(y, x, (height, width), (y1, x1, y2, x2)) for y, height, y1, y2 in rows for x, width, x1, x2 in columns
    ]


def _cuts(length: int, longest: int) -> list[tuple[int, int, float, float]]:
    """(begin, size, begin of the core, end of the core) along one side."""
    count = 1 if length <= longest else math.ceil((length - OVERLAP) / (longest - OVERLAP))
    # The tiles share what is to cover evenly.
    tile = up_to_stride((length + (count - 1) * OVERLAP) / count)
    step = (length - tile) / (count - 1) if count > 1 else 0
    begins = [math.ceil(step * i / STRIDE) * STRIDE for i in range(count)]
    edges = [(a + tile + b) / 2 for a, b in pairwise(begins)]
    edges = [-math.inf, *edges, math.inf]
    return [(begin, tile, a, b) for begin, a, b in zip(begins, edges[:-1], edges[1:], strict=True)]


def tiles_of(wanted: np.ndarray, size: tuple[int, int], largest: tuple[int, int]) -> list[Tile]:
    """Tiles that show the wanted cells of a scaled image of `size`, with `MARGIN` around them.

    Args:
        wanted: bool (ceil(height / CELL), ceil(width / CELL)).
    """
    boxes = _joined(_groups(wanted))
    everything = sum(_shown(box, size) for box in boxes)
    if everything > 0.7 * size[0] * size[1]:
        return plan_tiles(size, largest)
    tiles = []
    for y1, x1, y2, x2 in boxes:
        top, left = _down(y1 - MARGIN), _down(x1 - MARGIN)
        height, width = min(y2 + MARGIN, size[0]) - top, min(x2 + MARGIN, size[1]) - left
        for part in plan_tiles((height, width), largest):
            core = (
                max(part.core[0] + top, y1 - MARGIN / 2),
                max(part.core[1] + left, x1 - MARGIN / 2),
                min(part.core[2] + top, y2 + MARGIN / 2),
                min(part.core[3] + left, x2 + MARGIN / 2),
            )
            tiles.append(Tile(part.y + top, part.x + left, part.size, core))
    return tiles


def _groups(wanted: np.ndarray) -> list[tuple[int, int, int, int]]:
    """Boxes (y1, x1, y2, x2) in pixels around wanted cells that touch, or are near each other where they are many."""
    reach = 1
    while True:
        near = cv2.dilate(wanted.astype(np.uint8), np.ones((2 * reach - 1, 2 * reach + 1), np.uint8))
        count, labels = cv2.connectedComponents(near, connectivity=8)
        if count <= MOST_GROUPS + 1:
            break
        reach *= 2
    labels[~wanted] = 0
    boxes = []
    for label in range(1, count):
        rows, columns = np.nonzero(labels == label)
        top, left, bottom, right = rows.min(), columns.min(), rows.max() + 1, columns.max() + 1
        boxes.append((int(top) * CELL, int(left) * CELL, int(bottom) * CELL, int(right) * CELL))
    return boxes


def _joined(boxes: list[tuple[int, int, int, int]]) -> list[tuple[int, int, int, int]]:
    """Boxes that cost less as one are made one."""
    boxes = list(boxes)
    again = True
    while again:
        again = False
        for i in range(len(boxes)):
            for j in range(len(boxes) - 1, i, -1):
                a, b = boxes[i], boxes[j]
                both = (min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3]))
                if _cost(both) <= _cost(a) + _cost(b):
                    boxes[i] = both
                    del boxes[j]
                    again = True
    return boxes


def _cost(box: tuple[int, int, int, int]) -> int:
    return (box[2] - box[0] + 2 * MARGIN) * (box[3] - box[1] + 2 * MARGIN) + FIXED_COST


def _shown(box: tuple[int, int, int, int], size: tuple[int, int]) -> int:
    """Pixels of a box and its margin inside the image."""
    height = min(box[2] + MARGIN, size[0]) - max(box[0] - MARGIN, 0)
    width = min(box[3] + MARGIN, size[1]) - max(box[1] - MARGIN, 0)
    return height * width


def _down(value: float) -> int:
    return max(0, int(value // STRIDE) * STRIDE)


def up_to_stride(value: float) -> int:
    """The next multiple of the stride, at least one."""
    return max(STRIDE, math.ceil(value / STRIDE) * STRIDE)


def join_proposals(parts: list[tuple[Tile, Proposals]]) -> Proposals:
    """Proposals of the scaled image: of every tile those whose center lies in its core, best first.

    Where cores overlap, the first tile is the owner.
    """
    boxes, scores, dx = [], [], []
    for index, (tile, proposals) in enumerate(parts):
        moved = proposals.boxes + np.array([tile.x, tile.y, tile.x, tile.y], np.float32)
        y, x = (moved[:, 1] + moved[:, 3]) / 2, (moved[:, 0] + moved[:, 2]) / 2
        own = _inside(y, x, tile.core)
        for other, _ in parts[:index]:
            own &= ~_inside(y, x, other.core)
        boxes.append(moved[own])
        scores.append(proposals.scores[own])
        if proposals.dx is not None:
            dx.append(proposals.dx[own])
    order = np.argsort(-np.concatenate(scores), kind="stable")
    joined_dx = np.concatenate(dx)[order] if len(dx) == len(parts) else None
    return Proposals(np.concatenate(boxes)[order], np.concatenate(scores)[order], joined_dx)


def _inside(y: np.ndarray, x: np.ndarray, core: tuple[float, float, float, float]) -> np.ndarray:
    return (y >= core[0]) & (y < core[2]) & (x >= core[1]) & (x < core[3])
