"""The detection network with an engine: from an image to its text lines, in as many passes as the image needs."""

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from src.common.boxes import size_of
from src.common.errors import UserError
from src.common.resize import resized
from src.common.warp import can_be_warped
from src.ctpn.anchor_generator import make_anchors
from src.ctpn.proposal_generator import Proposals, generate_proposals
from src.ctpn.text_lines import DetectOptions, scale_lines
from src.ctpn.topology import STRIDE
from src.data.detection.preprocess import fitted_size, preprocess
from src.engines.engine import Engine
from src.reader.ink_tilt import ink_tilt
from src.reader.line_union import join_neighbors, unite, without_repeats
from src.reader.orientation import turned
from src.reader.passes import (
    HALF_SEEN,
    STEP,
    Budget,
    DetectionPass,
    Plan,
    finer_pass,
    first_pass,
    full_pass,
    wanted_scale,
)
from src.reader.steep_tilt import steep_tilt
from src.reader.tile_pixels import SHRINKING, cut, normalized
from src.reader.tiles import OVERLAP, Tile, join_proposals, up_to_stride
from src.reader.tilt import level_image, rows_may_mix, tilted_corners
from src.text_connector.detector import TextLines, detect_text_lines

LARGER_TILES = 1.4  # tiles have sides so much longer than the first pass's input: fewer overlaps
QUICK = 0.4  # share of the pixels of a first pass that show whether an image lies on its side
COMPILING, COMPILED_STEP = "mindspore", 176  # the engine that compiles every size, and the step of its sizes
CHEAP_CUTS = 0.5  # share of the scaled image below which its tiles are cut out one by one


@dataclass(frozen=True)
class DetectInput:
    """An image (H, W, 3), its gray values (H, W), its first pass, and the network's input for that, (1, 3, h, w)."""

    image: np.ndarray
    gray: np.ndarray
    first_pass: DetectionPass
    inputs: np.ndarray


@dataclass(frozen=True)
class Detected:
    """Text lines in pixels of the image, their polygons along their tilt, and the tilt they have in common.

    half_seen: proposals of all passes, the unsure ones too.
    notes: what a user must know of how they were searched.
    """

    lines: TextLines
    tilt: float = 0.0
    half_seen: int = 0
    notes: tuple[str, ...] = ()


class TextDetector:
    """Finds text lines.

    Args:
        engine: of the detection network.
        options: everything between the maps and the lines; `image_size` is about the size of the first pass.
        smallest_text: 0 makes finer passes where the image asks for it; otherwise everywhere, at the scale at which
            text of so many pixels is tall enough.
        max_pixels: of the network's input, that the finer passes over one image may take.
        fixed: the first pass is an input of exactly `image_size`, and without `smallest_text` the only one.
    """

    def __init__(
        self,
        engine: Engine,
        options: DetectOptions,
        *,
        smallest_text: float = 0.0,
        max_pixels: int = 16_000_000,
        fixed: bool = False,
    ):
        self._engine, self._options, self._smallest_text = engine, options, smallest_text
        self._max_pixels, self._fixed = max_pixels, fixed
        height, width = (max(side * LARGER_TILES, 2 * OVERLAP) for side in options.image_size)
        self._largest_tile = up_to_stride(height), up_to_stride(width)

    def prepare(self, image: np.ndarray) -> DetectInput:
        """uint8 RGB (H, W, 3) -> what `detect` needs. Needs no network and may run in another thread."""
        size, shape = size_of(image), self._options.image_size
        gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        if self._fixed:
            fitted = fitted_size(size, shape, self._options.keep_ratio)
            current = DetectionPass(fitted, (Tile(0, 0, shape, (0, 0, *fitted)),))
            return DetectInput(image, gray, current, preprocess(image, shape, self._options.keep_ratio)[0][None])
        current = first_pass(size, shape[0] * shape[1])
        return DetectInput(image, gray, current, normalized(resized(image, current.size)))

    def detect(self, prepared: DetectInput) -> Detected:
        """Run the network, and again where that is worth it.

        Raises:
            UserError: the network is not one for these anchors.
        """
        return self._detect(prepared, may_be_tilted=True)

    def _detect(self, prepared: DetectInput, may_be_tilted: bool) -> Detected:
        image, gray, current = prepared.image, prepared.gray, prepared.first_pass
        proposals = self._proposals(current.tiles[0], prepared.inputs)
        proposals = join_proposals([(current.tiles[0], proposals)])
        lines = self._lines(current, proposals, size_of(image))
        if self._fixed and not self._smallest_text:
            return Detected(lines, ink_tilt(gray, lines.boxes), len(proposals))
        first_lines, tilt = lines, ink_tilt(gray, lines.boxes)
        if may_be_tilted and (turn := _turn(lines, gray, tilt)):
            return self._detect_level(image, turn)
        left, lost, half_seen = self._max_pixels, 0, len(proposals)
        while True:
            now = current.scale(size_of(image))
            if self._smallest_text and now * 1.1 > wanted_scale(self._smallest_text):
                break
            plan = self._plan(gray, current, proposals, lines, left)
            lost = plan.lost_height or lost
            if plan.next_pass is None:
                break
            current = plan.next_pass
            left -= current.pixels
            proposals = self._run(image, current)
            half_seen += len(proposals)
            lines = unite(lines, self._lines(current, proposals, size_of(image)), now)
        lines = without_repeats(join_neighbors(lines))
        if not np.array_equal(lines.boxes, first_lines.boxes):
            tilt = ink_tilt(gray, lines.boxes)
            if may_be_tilted and (turn := _turn(lines, gray, tilt)):
                return self._detect_level(image, turn)
        return Detected(lines, tilt, half_seen, self._notes(lost))

    def _detect_level(self, image: np.ndarray, tilt: float) -> Detected:
        """Lines of the image after it was turned by its tilt, back in the image as it is."""
        level, origin = level_image(image, tilt)
        found = self._detect(self.prepare(level), may_be_tilted=False)
        corners = tilted_corners(found.lines.boxes - np.tile(origin, 2), tilt)
        limit = np.array(image.shape[1::-1]) - 1
        boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1).clip(0, np.tile(limit, 2))
        lines = TextLines(boxes.astype(np.float32), found.lines.scores, corners.astype(np.float32))
        return Detected(lines, tilt, found.half_seen, found.notes)

    def find_on_side(self, image: np.ndarray) -> TextLines:
        """The lines that a pass with a part of the usual pixels finds in an image turned clockwise by 90 degrees."""
        width, height = size_of(image)
        current = first_pass((height, width), round(QUICK * math.prod(self._options.image_size)))
        small = turned(resized(image, current.size[::-1]), 90)
        return self._lines(current, self._proposals(current.tiles[0], normalized(small)), (height, width))

    def find(self, image: np.ndarray) -> TextLines:
        """Text lines of an image."""
        return self.detect(self.prepare(image)).lines

    def _plan(
        self, gray: np.ndarray, current: DetectionPass, proposals: Proposals, lines: TextLines, left: int
    ) -> Plan:
        if not self._smallest_text:
            return finer_pass(gray, current, proposals, lines, Budget(self._largest_tile, left))
        target, now = wanted_scale(self._smallest_text), current.scale(size_of(gray))
        scale = target if target <= STEP * now else now * STEP
        return full_pass(gray, scale, Budget(self._largest_tile, left), self._smallest_text)

    def _notes(self, lost_height: int) -> tuple[str, ...]:
        if not lost_height:
            return ()
        return (
            f"text lower than {lost_height} pixels may be missing: the finer passes of detection were limited to "
            f"{self._max_pixels} pixels; a larger --max_pixels_detected finds more",
        )

    def _run(self, image: np.ndarray, current: DetectionPass) -> Proposals:
        """Tiles are prepared one at a time: those of a large scan take gigabytes, their maps a tenth of that."""
        cheap = (
            current.pixels < CHEAP_CUTS * current.size[0] * current.size[1]
            and current.scale(size_of(image)) > SHRINKING
        )
        whole = None if cheap else resized(image, current.size)
        parts = []
        for tile in current.tiles:
            if whole is None:
                pixels = cut(image, current, tile)
            else:
                pixels = whole[tile.y : tile.y + tile.size[0], tile.x : tile.x + tile.size[1]]
            parts.append((tile, self._proposals(tile, normalized(pixels, tile.size))))
        return join_proposals(parts)

    def _proposals(self, tile: Tile, inputs: np.ndarray) -> Proposals:
        options = self._options
        score_map, delta_map = self._maps(inputs)
        heights = len(options.anchor_heights)
        if score_map.shape[1] != 2 * heights:
            raise UserError(
                f"anchor_heights: {heights} of them, but the detector's weights were trained with "
                f"{score_map.shape[1] // 2}; its card must name those"
            )
        larger = max(1.0, tile.pixels / (options.image_size[0] * options.image_size[1]))
        return generate_proposals(
            score_map,
            delta_map,
            _anchors((tile.size[0] // STRIDE, tile.size[1] // STRIDE), tuple(options.anchor_heights)),
            nms_pre=round(options.nms_pre * larger),
            nms_threshold=options.nms_threshold,
            max_num=round(options.max_num * larger),
            min_score=min(HALF_SEEN, options.connector.text_proposals_min_scores),
            side_refinement=options.side_refinement,
        )[0]

    def _maps(self, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The network's maps; inputs are filled up to few sizes for an engine that compiles each anew.

        What is filled up changes the maps a little, so an input of the fixed size stays as it is.
        """
        height, width = inputs.shape[2:]
        if self._engine.name != COMPILING or (self._fixed and (height, width) == self._options.image_size):
            score_map, delta_map = self._engine.run(inputs)
            return score_map, delta_map
        size = tuple(-(-side // COMPILED_STEP) * COMPILED_STEP for side in (height, width))
        filled = np.zeros((1, 3, *size), np.float32)
        filled[:, :, :height, :width] = inputs
        score_map, delta_map = (
            maps[:, :, : height // STRIDE, : width // STRIDE] for maps in self._engine.run(filled)
        )
        return score_map, delta_map

    def _lines(self, current: DetectionPass, proposals: Proposals, size: tuple[int, int]) -> TextLines:
        lines = detect_text_lines(
            proposals.boxes, proposals.scores, current.size, self._options.connector, proposals.dx
        )
        return scale_lines(lines, current.size, size)


def _turn(lines: TextLines, gray: np.ndarray, tilt: float) -> float:
    """The slope by which an image is better turned before its lines are detected, else 0.

    Args:
        tilt: by the ink of the lines, 0 where they are level or too steep for that.
    """
    if not can_be_warped(gray):
        return 0.0
    if tilt:
        return tilt if rows_may_mix(lines, tilt) else 0.0
    return steep_tilt(gray, lines.boxes)


_anchors = lru_cache(maxsize=64)(make_anchors)
