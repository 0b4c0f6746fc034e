"""Large images in parts: overlapping tiles in which small text is still tall enough for the network.

All sizes are (height, width). A tile begins at a multiple of the network's stride, so the columns and rows of all
tiles lie on one grid, as if the network had seen the whole image. Every position belongs to the core of exactly
one tile, where it is far from the tile's border.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from src.ctpn.proposal_generator import Proposals
from src.ctpn.topology import STRIDE
from src.text_connector.detector import TextLines

OVERLAP = 128  # pixels that neighboring tiles share; text up to this height is whole in one of them
SEEN_HEIGHT = 12  # pixels of the network's input: text of this height is still found
MOST_TILES = 200


@dataclass(frozen=True)
class Tile:
    """A part of the scaled image: where it begins, and its core (y1, x1, y2, x2) in the scaled image."""

    y: int
    x: int
    core: tuple[float, float, float, float]


def scaled_size(size: tuple[int, int], smallest_text: float, image_shape: tuple[int, int]) -> tuple[int, int]:
    """The size at which text `smallest_text` pixels high in an image of `size` is just high enough.

    Never larger than the image, and never more than `MOST_TILES` tiles.
    """
    core = [side - OVERLAP for side in image_shape]
    affordable = math.sqrt(MOST_TILES / max(size[0] / core[0] * size[1] / core[1], 1e-9)) * 0.9
    factor = min(1.0, SEEN_HEIGHT / smallest_text, affordable)
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def plan_tiles(size: tuple[int, int], image_shape: tuple[int, int]) -> list[Tile]:
    """Tiles of `image_shape` that cover a (scaled) image of `size`; the last ones may reach beyond it."""
    rows, columns = _cuts(size[0], image_shape[0]), _cuts(size[1], image_shape[1])
    return [Tile(y, x, (y1, x1, y2, x2)) for y, y1, y2 in rows for x, x1, x2 in columns]


def _cuts(length: int, tile: int) -> list[tuple[int, float, float]]:
    """(begin, begin of the core, end of the core) along one side."""
    count = 1 if length <= tile else math.ceil((length - OVERLAP) / (tile - OVERLAP))
    # The tiles share what is to cover evenly; all that is left over becomes overlap.
    step = (length - tile) / (count - 1) if count > 1 else 0
    begins = [math.ceil(step * i / STRIDE) * STRIDE for i in range(count)]
    edges = [(a + tile + b) / 2 for a, b in pairwise(begins)]
    edges = [-math.inf, *edges, math.inf]
    return list(zip(begins, edges[:-1], edges[1:], strict=True))


def cut_tile(scaled: np.ndarray, tile: Tile, image_shape: tuple[int, int]) -> np.ndarray:
    """The pixels of a tile; smaller than `image_shape` at the image's right and lower border."""
    return scaled[tile.y : tile.y + image_shape[0], tile.x : tile.x + image_shape[1]]


def join_proposals(parts: list[tuple[Tile, Proposals]]) -> Proposals:
    """Proposals of the whole scaled image: of every tile those whose center lies in its core, best first."""
    boxes, scores, dx = [], [], []
    for tile, proposals in parts:
        moved = proposals.boxes + np.array([tile.x, tile.y, tile.x, tile.y], np.float32)
        y, x = (moved[:, 1] + moved[:, 3]) / 2, (moved[:, 0] + moved[:, 2]) / 2
        y1, x1, y2, x2 = tile.core
        own = (y >= y1) & (y < y2) & (x >= x1) & (x < x2)
        boxes.append(moved[own])
        scores.append(proposals.scores[own])
        dx.append(None if proposals.dx is None else proposals.dx[own])
    order = np.argsort(-np.concatenate(scores), kind="stable")
    joined_dx = None if any(part is None for part in dx) else np.concatenate(dx)[order]
    return Proposals(np.concatenate(boxes)[order], np.concatenate(scores)[order], joined_dx)


def with_tall_lines(lines: TextLines, whole: TextLines, tallest: float) -> TextLines:
    """Lines found in tiles, and those of the whole image that are too tall for a tile to hold.

    Args:
        lines, whole: in pixels of one image.
        tallest: height from which a line of `whole` counts; lines of the tiles that lie on it are parts of it.
    """
    tall = whole.boxes[:, 3] - whole.boxes[:, 1] >= tallest
    low = np.maximum(lines.boxes[:, None, :2], whole.boxes[None, tall, :2])
    high = np.minimum(lines.boxes[:, None, 2:], whole.boxes[None, tall, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)  # (lines, tall ones)
    area = np.maximum((lines.boxes[:, 2:] - lines.boxes[:, :2]).prod(axis=1), 1e-6)
    kept = ~(shared > 0.5 * area[:, None]).any(axis=1)
    return TextLines(
        np.concatenate([lines.boxes[kept], whole.boxes[tall]]),
        np.concatenate([lines.scores[kept], whole.scores[tall]]),
        np.concatenate([lines.polygons[kept], whole.polygons[tall]]),
    )
