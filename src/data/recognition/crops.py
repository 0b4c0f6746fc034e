"""Words cut out of photographs: any detection data set as a `WordSet`, and the cutting itself."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from src.common.warp import LONGEST_SIDE, part_to_warp
from src.data.detection.annotations.labeled_image import LabeledImage, LabeledImages
from src.data.detection.annotations.own_folder import read_own_folder
from src.data.detection.annotations.plausible import plausible
from src.data.detection.annotations.svt_xml import read_svt
from src.data.recognition.annotations import Reject, Word, WordOptionError, WordSet, text_problem

_MAX_TILT = 0.05  # of the longer side; an upright quadrilateral is cut without resampling its pixels


def read_svt_words(label_file: Path, image_dir: Path | None = None) -> WordSet:
    """Street View Text from its XML; every tagged rectangle is a word."""
    return _word_set(read_svt(image_dir or label_file.parent, label_file))


def read_detection_words(label_path: Path, image_dir: Path | None = None) -> WordSet:
    """Words of a detection data set: labels in any format that `read_own_folder` knows.

    Boxes are cut upright, the four corners of ICDAR 2015 and MLT labels are rectified.
    """
    if image_dir is None:
        raise WordOptionError("a detection data set needs its folder of images (--image_path)")
    return _word_set(plausible(read_own_folder)(image_dir, label_path, stored_frame=True))


def _word_set(found: LabeledImages) -> WordSet:
    def iterate() -> Iterator[Word | Reject]:
        for image in found.images:
            if image.missing:
                yield Reject(image.name, image.missing)
                continue
            yield from _words_of(image)
            for problem, times in image.problems.items():
                yield from [Reject(image.name, problem)] * times

    return WordSet(sum(1 for _ in iterate()), iterate)


def _words_of(image: LabeledImage) -> Iterator[Word | Reject]:
    regions = _outlines(image.boxes) if image.quads is None else image.quads
    for number, (corners, text, ignored) in enumerate(zip(regions, image.texts, image.ignored, strict=True)):
        name = f"{image.name}#{number}"
        reason = text_problem(text)
        if ignored or reason:
            yield Reject(name, "marked as not readable" if ignored else reason)
        else:
            yield Word(image.path, text, name, image.name, corners, image.stored_frame)


def _outlines(boxes: np.ndarray) -> np.ndarray:
    """Inclusive pixel corners (K, 4) -> the outlines of these pixels (K, 4, 2) float32."""
    x1, y1, x2, y2 = boxes.T
    corners = [x1, y1, x2 + 1, y1, x2 + 1, y2 + 1, x1, y2 + 1]
    return np.stack(corners, axis=1).reshape(-1, 4, 2).astype(np.float32)


def shown_corners(corners: np.ndarray, orientation: int, height: int, width: int) -> np.ndarray:
    """Corners (4, 2) on the stored pixels -> on the image as shown, `height` x `width`, from its top left.

    `orientation` is the EXIF value 1..8. Coordinates run along pixel edges, so x of n mirrors to n - x.
    """
    x, y = corners.T if orientation < 5 else corners.T[::-1]
    x = width - x if orientation in (2, 3, 6, 7) else x
    y = height - y if orientation in (3, 4, 7, 8) else y
    turned = np.stack([x, y], axis=1)
    if orientation in (2, 4, 5, 7):  # a mirror image goes round the other way
        turned = turned[::-1]
    first = int(turned.sum(axis=1).argmin()) if orientation != 1 else 0
    return np.roll(turned, -first, axis=0).astype(np.float32)


def crop_word(image: np.ndarray, corners: np.ndarray) -> np.ndarray | None:
    """Cut the word with `corners` (4, 2) out of `image` (H, W, 3); None when nothing of it is inside.

    A nearly upright one is cut along its enclosing rectangle; others are rectified to the mean of their
    opposite sides, so that the text reads from left to right.
    """
    if not np.isfinite(corners).all():
        return None
    height, width = image.shape[:2]
    low, high = corners.min(axis=0), corners.max(axis=0)
    upright = np.array([low, [high[0], low[1]], high, [low[0], high[1]]], np.float32)
    x1, y1 = np.clip(np.floor(low), 0, (width, height)).astype(int)
    x2, y2 = np.clip(np.ceil(high), 0, (width, height)).astype(int)
    if x2 - x1 < 2 or y2 - y1 < 2:
        return None
    if np.abs(upright - corners).max() <= max(1.0, _MAX_TILT * float((high - low).max())):
        return image[y1:y2, x1:x2]
    sides = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)  # top, right, bottom, left
    new_width, new_height = round((sides[0] + sides[2]) / 2), round((sides[1] + sides[3]) / 2)
    if min(new_width, new_height) < 2 or max(new_width, new_height) > min(2 * max(width, height), LONGEST_SIDE):
        return None
    target = np.array([[0, 0], [new_width, 0], [new_width, new_height], [0, new_height]], np.float32)
    image, origin = part_to_warp(image, corners)
    matrix = cv2.getPerspectiveTransform((corners - origin).astype(np.float32), target)
    return cv2.warpPerspective(
        image, matrix, (new_width, new_height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
