"""Bring the boxes of a label file onto the image as it is shown: turn them, then clip them.

Which pixels do labels mean when EXIF turns an image? The boxes decide where they fit only one of the two
frames. Where they fit both, the official sets mean the pixels as stored: ICDAR 2017 and other research sets
are annotated on raw pixels (found by the MMOCR project, pull request 375), and none of the ICDAR 2003, 2011,
2013 and SVT training images carries a turning tag. Your own images are taken as your viewer shows them.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from src.data.detection.annotations.labeled_image import LabeledImage
from src.data.images.header import ImageHeader


@dataclass
class FittedBoxes:
    """Boxes inside the image as shown.

    Attributes:
        boxes: int32 (K, 4).
        ignored: bool (K,).
        texts: K transcriptions.
        problems: rejected boxes by reason.
        repaired: boxes that were put right, by what was done.
        quads: float32 (K, 4, 2), the corner points as the label file has them, None where it has none or the image
            was turned.
    """

    boxes: np.ndarray
    ignored: np.ndarray
    texts: list[str]
    problems: Counter
    repaired: Counter
    quads: np.ndarray | None = None


def fit_boxes(image: LabeledImage, header: ImageHeader) -> FittedBoxes:
    """Turn boxes into the shown frame where needed, clip them, and reject what lies outside.

    problems: those of the label file, "outside the image", and "no area" (a sliver of one pixel is
    left after clipping). repaired: those of the label file, "clipped", "turned with the image".
    """
    problems, repaired = image.problems.copy(), image.repaired.copy()
    boxes, quads = image.boxes, image.quads
    if len(boxes) and header.orientation != 1 and _in_stored_frame(image, header):
        boxes = turn_boxes(boxes, header.orientation, header.height, header.width)
        quads = None
        repaired["turned with the image"] += len(boxes)
    limit = np.array([header.width - 1, header.height - 1] * 2, dtype=np.int32)
    clipped = np.clip(boxes, 0, limit)
    outside = (boxes[:, 2:] < 0).any(axis=1) | (boxes[:, :2] > limit[:2]).any(axis=1)
    shrunk_flat = (clipped[:, 2:] == clipped[:, :2]) & (boxes[:, 2:] > boxes[:, :2])
    flat = shrunk_flat.any(axis=1)
    keep = ~outside & ~flat
    for reason, mask in (("outside the image", outside), ("no area", flat & ~outside)):
        if mask.any():
            problems[reason] += int(mask.sum())
    changed = keep & (clipped != boxes).any(axis=1)
    if changed.any():
        repaired["clipped"] += int(changed.sum())
    kept = np.flatnonzero(keep)
    texts = [image.texts[i] for i in kept]
    quads = None if quads is None else quads[kept]
    return FittedBoxes(clipped[kept], image.ignored[kept], texts, problems, repaired, quads)


def turn_boxes(boxes: np.ndarray, orientation: int, height: int, width: int) -> np.ndarray:
    """Boxes (K, 4) on stored pixels -> on the shown image of `height` x `width` pixels.

    `orientation` is the EXIF value 1..8. Corners are inclusive, so pixel x of n mirrors to n - 1 - x.
    """
    x1, y1, x2, y2 = boxes.T
    right, bottom = width - 1, height - 1
    if orientation >= 5:  # rows and columns change places first
        x1, y1, x2, y2 = y1, x1, y2, x2
    if orientation in (2, 3, 6, 7):
        x1, x2 = right - x2, right - x1
    if orientation in (3, 4, 7, 8):
        y1, y2 = bottom - y2, bottom - y1
    return np.stack([x1, y1, x2, y2], axis=1).astype(np.int32)


def _in_stored_frame(image: LabeledImage, header: ImageHeader) -> bool:
    if header.orientation < 5:
        return image.stored_frame
    fit_shown = _count_inside(image.boxes, header.height, header.width)
    fit_stored = _count_inside(image.boxes, header.width, header.height)
    return image.stored_frame if fit_shown == fit_stored else fit_stored > fit_shown


def _count_inside(boxes: np.ndarray, height: int, width: int) -> int:
    """How many boxes end inside an image of this size; one pixel more is allowed for exclusive edges."""
    return int(np.count_nonzero((boxes[:, 2] <= width) & (boxes[:, 3] <= height)))
