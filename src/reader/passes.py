"""The passes of the detector over an image: at which scale, and over which parts. Pure NumPy and OpenCV.

The first pass takes the whole image. Where the network half sees text that is too small for it, where a line that it
found is small, and, in an image that had to be made much smaller, where there is anything to be seen that no line
explains, another pass follows at a finer scale, until text of `SMALLEST_TEXT` pixels is tall enough.

All sizes are (height, width). A scale is pixels of the network's input per pixel of the image.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from src.common.boxes import size_of
from src.common.resize import resized
from src.ctpn.proposal_generator import Proposals
from src.ctpn.topology import STRIDE
from src.reader.tiles import CELL, Tile, plan_tiles, tiles_of, whole_tile
from src.text_connector.detector import TextLines

SMALLEST_TEXT = 10  # pixels of the image
SEEN_HEIGHT = 12  # pixels of the input: text of this height is still found
CLEAR_HEIGHT = 20  # pixels of the input at which text is found well
FINEST = 16 / SMALLEST_TEXT  # scale beyond which nothing is gained
LARGEST_FIRST = 2.0  # small images are enlarged by so much at most
# Widths of the input, in strides, for which oneDNN takes a tenth longer per pixel, in bfloat16 and in integers: one
# less is taken. 47 would be that of every photograph of 4:3.
SLOW = frozenset((41, 47, 53, 67))
STEP = 2.4  # from one pass to the next at most, so that each line is clear in one of them
SMALLEST_STEP, ONCE_MORE = 1.25, 1.35  # less is not worth a pass; the step beyond the finest scale
HALF_SEEN = 0.25  # score of a proposal that calls for a finer pass
ALONE = 0.6  # the same of a proposal that has no other beside it
NEIGHBORS = 40  # pixels of the input between proposals of one word
SMALL = 32  # pixels of the input: half-seen text below this height may be seen better at a finer scale
WELL_SEEN = 14  # pixels of the input: a found line of this height needs no finer pass
SURE_HEIGHT, SURE_SCORE = 10, 0.95  # nor does a lower one that scores high
ENOUGH_HALF_SEEN = 8  # half-seen proposals from which their heights choose the scale of the next pass
COARSE = 0.5  # scale below which small text leaves no trace in the network's maps
BUSY = 4.0  # mean difference of neighboring gray values in a cell that may hold text
PLAIN = 1.0  # the same, below which it cannot


@dataclass(frozen=True)
class DetectionPass:
    """An image of `size` after scaling, and the parts of it that the network runs on."""

    size: tuple[int, int]
    tiles: tuple[Tile, ...]

    @property
    def pixels(self) -> int:
        return sum(tile.pixels for tile in self.tiles)

    def scale(self, image_size: tuple[int, int]) -> float:
        return math.sqrt(self.size[0] / image_size[0] * self.size[1] / image_size[1])


@dataclass(frozen=True)
class Budget:
    """The largest tile, and how many pixels of the network's input may still be spent on an image."""

    largest: tuple[int, int]
    pixels: int


@dataclass(frozen=True)
class Plan:
    """A finer pass, if one is worth it; and the height of text, in pixels of the image, that the limit costs."""

    next_pass: DetectionPass | None
    lost_height: int = 0


def first_pass(image_size: tuple[int, int], pixels: int) -> DetectionPass:
    """The whole image in its own shape, in an input of about so many pixels."""
    scale = min(math.sqrt(pixels / (image_size[0] * image_size[1])), LARGEST_FIRST)
    height, width = _scaled(image_size, scale)
    if width // STRIDE in SLOW:
        width -= STRIDE
    return DetectionPass((height, width), (whole_tile((height, width)),))


def wanted_scale(smallest_text: float) -> float:
    """At which text of so many pixels of the image is just tall enough."""
    return min(SEEN_HEIGHT / smallest_text, FINEST)


def full_pass(gray: np.ndarray, scale: float, budget: Budget, smallest_text: float) -> Plan:
    """All parts of an image that are not plain, at a given scale."""
    wanted = activity_cells(gray, scale) > PLAIN
    return _within_limit(size_of(gray), scale, wanted, budget, least=1e-3, smallest_text=smallest_text)


def well_seen(lines: TextLines, scale: float) -> np.ndarray:
    """Which lines, in pixels of the image, a pass at `scale` shows well enough: (M,) bool."""
    heights = (lines.boxes[:, 3] - lines.boxes[:, 1]) * scale
    return (heights >= WELL_SEEN) | ((heights >= SURE_HEIGHT) & (lines.scores >= SURE_SCORE))


def finer_pass(gray: np.ndarray, done: DetectionPass, proposals: Proposals, lines: TextLines, budget: Budget) -> Plan:
    """The pass after `done`.

    Args:
        gray: the image, uint8 (H, W).
        proposals: of `done`, with scores from `HALF_SEEN`, in pixels of its scaled image.
        lines: found so far, in pixels of the image.
    """
    now = done.scale(size_of(gray))
    is_last = now * SMALLEST_STEP > FINEST
    if now > FINEST * SMALLEST_STEP:
        return Plan(None)
    explained = lines.boxes[well_seen(lines, now)]
    half_seen, heights = _half_seen(proposals, done, size_of(gray), explained, ALONE if is_last else HALF_SEEN)
    factor = STEP
    if len(heights) >= ENOUGH_HALF_SEEN:
        factor = float(np.clip(CLEAR_HEIGHT / max(float(np.quantile(heights, 0.2)), 1.0), 1.6, STEP))
    # Text as low as a stride may lie between the rows of the maps: what is nearly sure is searched once more.
    scale = now * ONCE_MORE if is_last else min(now * factor, FINEST)
    busy = None
    if now < COARSE:
        busy = activity_cells(gray, scale) > BUSY
        busy &= ~_cells_of(_grown(explained), size_of(gray), size_of(busy), inner=True)
    elif not len(half_seen):
        return Plan(None)
    size = _scaled(size_of(gray), scale)
    wanted = _cells_of(half_seen, size_of(gray), _grid(size))
    if busy is not None:
        wanted |= _fitted(busy, size_of(wanted))
    if not wanted.any():
        return Plan(None)
    return _within_limit(size_of(gray), scale, wanted, budget, least=now * SMALLEST_STEP)


def _within_limit(
    image_size: tuple[int, int],
    scale: float,
    wanted: np.ndarray,
    budget: Budget,
    *,
    least: float,
    smallest_text: float = SMALLEST_TEXT,
) -> Plan:
    """A pass over the wanted cells; at a smaller scale, of at least `least`, where they take too many pixels."""
    size = _scaled(image_size, scale)
    tiles = _tiles(wanted, size, budget.largest)
    cost = sum(tile.pixels for tile in tiles)
    if cost <= budget.pixels:
        return Plan(DetectionPass(size, tuple(tiles)) if tiles else None)
    while cost > budget.pixels:
        scale *= min(0.95, math.sqrt(budget.pixels / cost))
        if scale < least:
            return Plan(None, _lost(least / SMALLEST_STEP, smallest_text))
        size = _scaled(image_size, scale)
        tiles = _tiles(_resized(wanted, _grid(size)), size, budget.largest)
        cost = sum(tile.pixels for tile in tiles)
    return Plan(DetectionPass(size, tuple(tiles)), _lost(scale, smallest_text))


def _lost(scale: float, smallest_text: float) -> int:
    """Height of text up to which it may be missing, where that is more than `smallest_text`; else 0."""
    height = math.ceil(SEEN_HEIGHT / max(scale, 1e-3))
    return height if height > smallest_text else 0


def _tiles(wanted: np.ndarray, size: tuple[int, int], largest: tuple[int, int]) -> list[Tile]:
    if not wanted.any():
        return []
    return plan_tiles(size, largest) if wanted.all() else tiles_of(wanted, size, largest)


def activity_cells(gray: np.ndarray, scale: float) -> np.ndarray:
    """Mean difference of neighboring gray values in each cell of the scaled image, (rows, columns)."""
    height, width = size_of(gray)
    # What a finer scale than the image's own shows is in the image already.
    share = min(scale, 1.0)
    small = gray
    if share < 1:
        small = resized(gray, (max(2, round(height * share)), max(2, round(width * share))))
    change = cv2.absdiff(small[:, 1:], small[:, :-1])[: len(small) - 1]
    cv2.max(change, cv2.absdiff(small[1:], small[:-1])[:, : change.shape[1]], dst=change)
    rows, columns = _grid(_scaled((height, width), scale))
    return cv2.resize(change.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA)


def _half_seen(
    proposals: Proposals, done: DetectionPass, image_size: tuple[int, int], lines: np.ndarray, least: float
) -> tuple[np.ndarray, np.ndarray]:
    """Boxes in pixels of the image of small proposals from a score on that no line explains, and their heights."""
    heights = proposals.boxes[:, 3] - proposals.boxes[:, 1]
    # Text of a middling height is worth a second pass, but no third one.
    limit = SMALL if len(done.tiles) == 1 and done.pixels >= done.size[0] * done.size[1] else SMALL / 2
    small = (proposals.scores >= HALF_SEEN) & (heights < limit)
    boxes, heights, scores = proposals.boxes[small].astype(np.float64), heights[small], proposals.scores[small]
    near = (_has_neighbor(boxes) | (scores >= ALONE)) & (scores >= least)
    boxes, heights = boxes[near], heights[near]
    boxes *= np.tile([image_size[1] / done.size[1], image_size[0] / done.size[0]], 2)
    if len(lines) and len(boxes):
        x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
        grown = _grown(lines)
        inside = (x[:, None] > grown[:, 0]) & (x[:, None] < grown[:, 2])
        inside &= (y[:, None] > grown[:, 1]) & (y[:, None] < grown[:, 3])
        free = ~inside.any(axis=1)
        boxes, heights = boxes[free], heights[free]
    return boxes, heights


def _has_neighbor(boxes: np.ndarray) -> np.ndarray:
    """Which proposals (n, 4) have another beside them, as those of a word do: (n,) bool."""
    x, y = boxes[:, 0], (boxes[:, 1] + boxes[:, 3]) / 2
    across, down = np.abs(x[:, None] - x), np.abs(y[:, None] - y)
    reach = np.maximum(boxes[:, 3] - boxes[:, 1], 8.0)[:, None]
    return ((across > 0) & (across <= NEIGHBORS) & (down <= reach)).any(axis=1)


def _grown(lines: np.ndarray) -> np.ndarray:
    """Line boxes with what belongs to them: a letter before and behind, and the reach of ascenders."""
    height = (lines[:, 3] - lines[:, 1])[:, None]
    return lines + height * np.array([-1.0, -0.35, 1.0, 0.35])


def _cells_of(
    boxes: np.ndarray, image_size: tuple[int, int], grid: tuple[int, int], inner: bool = False
) -> np.ndarray:
    """Cells that boxes in pixels of the image touch or, with `inner`, lie around the middle of: bool `grid`."""
    found = np.zeros(grid, bool)
    if not len(boxes):
        return found
    scaled = boxes * np.tile([grid[1] / image_size[1], grid[0] / image_size[0]], 2)
    low, high = (
        (np.round(scaled[:, :2]), np.round(scaled[:, 2:])) if inner else (scaled[:, :2], np.ceil(scaled[:, 2:]))
    )
    for (x1, y1), (x2, y2) in zip(low.clip(0).astype(int), high.clip(0).astype(int), strict=True):
        found[y1:y2, x1:x2] = True
    return found


def _grid(size: tuple[int, int]) -> tuple[int, int]:
    return math.ceil(size[0] / CELL), math.ceil(size[1] / CELL)


def _fitted(cells: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    return cells if cells.shape == grid else _resized(cells, grid)


def _resized(cells: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """Cells of another scale: wanted where any of the old ones is."""
    share = cv2.resize(cells.astype(np.float32), grid[::-1], interpolation=cv2.INTER_AREA)
    return share > 0


def _scaled(image_size: tuple[int, int], scale: float) -> tuple[int, int]:
    """The image's size at a scale, in whole strides, so that its shape changes by half a stride at most."""
    height, width = (max(2, round(side * scale / STRIDE)) * STRIDE for side in image_size)
    return height, width
