"""The detection network with an engine: from an image to its text lines, at one size or in tiles."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from src.common.errors import UserError
from src.ctpn.proposal_generator import Proposals, generate_proposals
from src.ctpn.text_lines import DetectOptions, lines_from_proposals, scale_lines
from src.data.detection.preprocess import preprocess
from src.engines.engine import Engine
from src.reader.tiles import (
    OVERLAP,
    Tile,
    cut_tile,
    join_proposals,
    plan_tiles,
    scaled_size,
    with_tall_lines,
)
from src.text_connector.detector import TextLines, detect_text_lines


@dataclass(frozen=True)
class DetectInput:
    """An image as the network will see it.

    size: of the image, (height, width). whole: (1, 3, *image_shape). scaled: uint8 (h, w, 3) of which `tiles` are
    cut; None and no tiles when the image is looked at as a whole only.
    """

    size: tuple[int, int]
    whole: np.ndarray
    scaled: np.ndarray | None = None
    tiles: tuple[Tile, ...] = ()


Maps = tuple[np.ndarray, np.ndarray]  # score map (1, 2A, H, W), delta map (1, 4A, H, W)


@dataclass(frozen=True)
class DetectMaps:
    """What the network said of an image and of each of its tiles."""

    whole: Maps
    tiles: tuple[Maps, ...] = ()


@dataclass(frozen=True)
class DetectProposals:
    """Text proposals of an image and of each of its tiles, in pixels of the network's inputs."""

    whole: Proposals
    tiles: tuple[Proposals, ...] = ()


class TextDetector:
    """Finds text lines. Only `detect` needs the network; the other steps may run in other threads.

    Args:
        engine: of the detection network.
        options: everything between the maps and the lines.
        smallest_text: 0 looks at the whole image in one input; otherwise an image in which text of so many
            pixels would become too small for that is looked at in tiles as well.
    """

    def __init__(self, engine: Engine, options: DetectOptions, smallest_text: float = 0.0):
        self._engine, self._options, self._smallest_text = engine, options, smallest_text
        self._anchors = options.anchors()

    def prepare(self, image: np.ndarray) -> DetectInput:
        """uint8 RGB (H, W, 3) -> what `detect` needs."""
        size, shape = image.shape[:2], self._options.image_shape
        whole = preprocess(image, shape, self._options.keep_ratio)[0][None]
        if self._smallest_text <= 0:
            return DetectInput(size, whole)
        wanted = scaled_size(size, self._smallest_text, shape)
        if wanted[0] <= shape[0] and wanted[1] <= shape[1]:
            return DetectInput(size, whole)
        scaled = image if wanted == size else cv2.resize(image, wanted[::-1], interpolation=cv2.INTER_AREA)
        return DetectInput(size, whole, scaled, tuple(plan_tiles(wanted, shape)))

    def detect(self, prepared: DetectInput) -> DetectMaps:
        """Run the network.

        Tiles are prepared one at a time: those of a large scan take gigabytes, their maps a tenth of that.

        Raises:
            UserError: the network is not one for these anchors.
        """
        tiles = []
        for tile in prepared.tiles:
            pixels = cut_tile(prepared.scaled, tile, self._options.image_shape)
            tiles.append(self._maps(_unscaled(pixels, self._options.image_shape)))
        return DetectMaps(self._maps(prepared.whole), tuple(tiles))

    def propose(self, maps: DetectMaps) -> DetectProposals:
        """Maps to text proposals."""
        return DetectProposals(self._proposals(maps.whole), tuple(map(self._proposals, maps.tiles)))

    def connect(self, prepared: DetectInput, proposals: DetectProposals) -> TextLines:
        """Text lines in pixels of the image."""
        whole = lines_from_proposals(proposals.whole, prepared.size, self._options)
        if not proposals.tiles:
            return whole
        scaled = prepared.scaled.shape[:2]
        joined = join_proposals(list(zip(prepared.tiles, proposals.tiles, strict=True)))
        lines = detect_text_lines(joined.boxes, joined.scores, scaled, self._options.connector, joined.dx)
        lines = scale_lines(lines, scaled, prepared.size)
        return with_tall_lines(lines, whole, 0.75 * OVERLAP * prepared.size[0] / scaled[0])

    def find(self, image: np.ndarray) -> TextLines:
        """Text lines of an image, all steps at once."""
        prepared = self.prepare(image)
        return self.connect(prepared, self.propose(self.detect(prepared)))

    def _maps(self, inputs: np.ndarray) -> Maps:
        score_map, delta_map = self._engine.run(inputs)
        heights = len(self._options.anchor_heights)
        if score_map.shape[1] != 2 * heights:
            raise UserError(
                f"anchor_heights: {heights} of them, but the detector's weights were trained with "
                f"{score_map.shape[1] // 2}; its card must name those"
            )
        return score_map, delta_map

    def _proposals(self, maps: Maps) -> Proposals:
        options = self._options
        score_map, delta_map = maps
        return generate_proposals(
            score_map,
            delta_map,
            self._anchors,
            nms_pre=options.nms_pre,
            nms_threshold=options.nms_threshold,
            max_num=options.max_num,
            min_score=options.connector.text_proposals_min_scores,
            side_refinement=options.side_refinement,
        )[0]


def _unscaled(pixels: np.ndarray, image_shape: tuple[int, int]) -> np.ndarray:
    """A tile at its own size in the upper left of an input, (1, 3, *image_shape)."""
    own = preprocess(pixels, pixels.shape[:2])[0]
    if own.shape[1:] == tuple(image_shape):
        return own[None]
    filled = np.zeros((1, 3, *image_shape), np.float32)
    filled[0, :, : own.shape[1], : own.shape[2]] = own
    return filled
