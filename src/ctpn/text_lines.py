"""From the maps of the detection network to text lines in pixels of the image.

Shapes: B images, H and W feature rows and columns, A anchors per position, M lines.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from src.ctpn.anchor_generator import make_anchors
from src.ctpn.options import DetectionOptions
from src.ctpn.proposal_generator import Proposals, generate_proposals
from src.ctpn.topology import ANCHOR_HEIGHTS, MAX_PROPOSALS, NMS_PRE, NMS_THRESHOLD, STRIDE
from src.data.detection.preprocess import fitted_size
from src.text_connector.detector import TextLines, detect_text_lines
from src.text_connector.options import ConnectorParams


@dataclass(frozen=True)
class DetectOptions:
    """How maps become lines; everything but the network itself."""

    image_size: tuple[int, int]  # (height, width) of the network's input
    keep_ratio: bool = False
    anchor_heights: tuple[float, ...] = ANCHOR_HEIGHTS
    nms_pre: int = NMS_PRE
    nms_threshold: float = NMS_THRESHOLD
    max_num: int = MAX_PROPOSALS
    side_refinement: bool = False
    connector: ConnectorParams = field(default_factory=ConnectorParams)

    @property
    def feature_shape(self) -> tuple[int, int]:
        return self.image_size[0] // STRIDE, self.image_size[1] // STRIDE

    def to_dict(self) -> dict[str, Any]:
        """The values as JSON can hold them."""
        return {**asdict(self), "connector": self.connector.to_dict()}

    def anchors(self) -> np.ndarray:
        """(H * W * A, 4) anchors of the input, inclusive corners."""
        return make_anchors(self.feature_shape, self.anchor_heights)


def lines_from_maps(
    score_map: np.ndarray, delta_map: np.ndarray, sizes: np.ndarray, options: DetectOptions
) -> list[TextLines]:
    """Text lines of each image of a batch.

    Args:
        score_map: (B, 2A, H, W) logits.
        delta_map: (B, 4A, H, W).
        sizes: (B, 2) height and width of each image before it was resized.
        options: as the network was fed.
    """
    proposals = generate_proposals(
        score_map,
        delta_map,
        options.anchors(),
        nms_pre=options.nms_pre,
        nms_threshold=options.nms_threshold,
        max_num=options.max_num,
        min_score=options.connector.text_proposals_min_scores,
        side_refinement=options.side_refinement,
    )
    return [
        lines_from_proposals(of_image, (int(height), int(width)), options)
        for of_image, (height, width) in zip(proposals, sizes, strict=True)
    ]


def lines_from_proposals(proposals: Proposals, size: tuple[int, int], options: DetectOptions) -> TextLines:
    """Connect the proposals of one image of `size` (height, width) and map the lines back to its pixels."""
    fitted = fitted_size(size, options.image_size, options.keep_ratio)
    if options.keep_ratio:
        proposals = _within(proposals, fitted)
    lines = detect_text_lines(proposals.boxes, proposals.scores, fitted, options.connector, proposals.dx)
    return scale_lines(lines, fitted, size)


def _within(proposals: Proposals, size: tuple[int, int]) -> Proposals:
    """Those whose center lies in an image of `size` (height, width); the others are in the filled margin."""
    centers = (proposals.boxes[:, :2] + proposals.boxes[:, 2:]) / 2
    inside = (centers < (size[1], size[0])).all(axis=1)
    dx = None if proposals.dx is None else proposals.dx[inside]
    return Proposals(proposals.boxes[inside], proposals.scores[inside], dx)


def scale_lines(lines: TextLines, from_size: tuple[int, int], to_size: tuple[int, int]) -> TextLines:
    """Lines found in an image of `from_size` (height, width) in pixels of the same image at `to_size`."""
    factor = np.array([to_size[1] / from_size[1], to_size[0] / from_size[0]], np.float64)
    limit = np.array([to_size[1] - 1, to_size[0] - 1], np.float64)
    boxes = np.clip(lines.boxes * np.tile(factor, 2), 0, np.tile(limit, 2))
    polygons = np.clip(lines.polygons * factor, 0, limit)
    return TextLines(boxes.astype(np.float32), lines.scores, polygons.astype(np.float32))


def detect_options(options: DetectionOptions) -> DetectOptions:
    """Everything between the network's maps and text lines."""
    return DetectOptions(
        image_size=options.image_size,
        keep_ratio=options.keep_ratio,
        anchor_heights=options.anchor_height,
        nms_pre=options.rpn_nms_pre,
        nms_threshold=options.rpn_nms_thr,
        max_num=options.rpn_max_num,
        side_refinement=options.side_refinement,
        connector=ConnectorParams.part_of(options),
    )
