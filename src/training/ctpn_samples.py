"""From one annotated image to what CTPN's training step takes."""

from typing import NamedTuple

import numpy as np

from src.common.options import OptionError
from src.ctpn.anchor_generator import make_anchors
from src.ctpn.bbox_assign_sample import assign_targets
from src.ctpn.options import AssignOptions
from src.ctpn.topology import ANCHOR_HEIGHTS, STRIDE
from src.data.detection.augment import augment
from src.data.detection.options import AugmentOptions
from src.data.detection.preprocess import preprocess
from src.data.detection.split_boxes import split_boxes


class Sample(NamedTuple):
    """Input (3, H, W) float32; labels (N,) int32; delta targets, delta weights (N, 4) float32."""

    image: np.ndarray
    labels: np.ndarray
    delta_targets: np.ndarray
    delta_weights: np.ndarray


class SampleMaker:
    """Augmentation, preprocessing, slices and target assignment in one call that many threads may make.

    Args:
        image_size: input (height, width) in pixels, multiples of `stride`.
        min_cover: see `split_boxes`.
        min_text_height: text lower than this many input pixels is ignored; 0 trains all.
        side_refinement: line ends are learned as dx.
        assignment: see `assign_targets`.
    """

    def __init__(
        self,
        image_size: tuple[int, int],
        *,
        anchor_heights: tuple[float, ...] = ANCHOR_HEIGHTS,
        options: AugmentOptions | None = None,
        keep_ratio: bool = False,
        side_refinement: bool = False,
        min_cover: float = 0.0,
        min_text_height: float = 0.0,
        assignment: AssignOptions | None = None,
        stride: int = STRIDE,
    ) -> None:
        height, width = image_size
        if height < stride or width < stride or height % stride or width % stride:
            raise OptionError(f"image size {height}x{width} (height x width): multiples of {stride} are accepted")
        self.image_size = (int(height), int(width))
        self.anchors = make_anchors((height // stride, width // stride), anchor_heights, stride, stride)
        self.options = options or AugmentOptions()
        self.keep_ratio = keep_ratio
        self.side_refinement = side_refinement
        self.min_cover = min_cover
        self.min_text_height = min_text_height
        self.assignment = assignment or AssignOptions()
        self.stride = stride

    def __call__(
        self,
        image: np.ndarray,
        boxes: np.ndarray,
        ignored: np.ndarray,
        rng: np.random.Generator,
        tilts: np.ndarray | None = None,
    ) -> Sample:
        """Sample of an RGB uint8 image with boxes (K, 4), inclusive corners, ignored (K,) bool, and tilts as in
        `augment`."""
        image, labels, targets, weights = self.changed(image, boxes, ignored, rng, tilts)
        planes, _ = preprocess(image, self.image_size, self.keep_ratio)
        return Sample(planes, labels, targets, weights)

    def changed(
        self,
        image: np.ndarray,
        boxes: np.ndarray,
        ignored: np.ndarray,
        rng: np.random.Generator,
        tilts: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """As a call, but the changed image stays uint8 (h, w, 3): as large as the input, or smaller to the right
        and below where its proportions are kept."""
        boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
        corners = np.sort(boxes.reshape(-1, 2, 2), axis=1)  # x1 <= x2 and y1 <= y2, whatever the order in the file
        boxes = corners.reshape(-1, 4)
        image, boxes, ignored, tilts = augment(
            image,
            boxes,
            ignored,
            rng,
            self.options,
            image_size=self.image_size,
            keep_ratio=self.keep_ratio,
            tilts=tilts,
        )
        rows = image.shape[0]
        ignored = ignored | (boxes[:, 3] - boxes[:, 1] + 1 < self.min_text_height)
        slices, box_index = split_boxes(boxes, self.stride, min_cover=self.min_cover, tilt=tilts)
        slices, inside, cut = _clip_to_rows(slices, rows, self.options.min_visible)
        slices, box_index = slices[inside], box_index[inside]
        skipped = ignored[box_index] | cut[inside]
        labels, targets, weights = assign_targets(
            self.anchors,
            slices[~skipped],
            slices[skipped],
            self.image_size,
            self.assignment,
            rng=rng,
            line_ends=boxes[box_index[~skipped]][:, [0, 2]] if self.side_refinement else None,
            stride=self.stride,
        )
        return image, labels, targets, weights


def _clip_to_rows(slices: np.ndarray, rows: int, min_visible: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Slices (S, 4) clipped to the image's rows; which are inside; which lost too much to be text."""
    clipped = slices.copy()
    clipped[:, 1] = np.maximum(slices[:, 1], 0)
    clipped[:, 3] = np.minimum(slices[:, 3], rows - 1)
    inside = clipped[:, 3] >= clipped[:, 1]
    cut = clipped[:, 3] - clipped[:, 1] + 1 < min_visible * (slices[:, 3] - slices[:, 1] + 1)
    return clipped, inside, cut
