"""Whether the boxes of a data set are plausible: read in a wrong layout, they are mostly slivers."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec

import numpy as np

from src.data.detection.annotations.labeled_image import AnnotationError, LabeledImages

_SLIVER = 2  # pixels; text of that height cannot be read, but the small print of born-digital sets has dashes
_ASSUMED = "in pixels of the image, from its top left"
More = ParamSpec("More")
Reader = Callable[Concatenate[Path, Path, More], LabeledImages]


def plausible(read: Reader[More]) -> Reader[More]:
    """A reader `(images, labels, ...)` whose result is checked by `check_boxes`."""

    @wraps(read)
    def read_and_check(images: Path, labels: Path, /, *args: More.args, **kwargs: More.kwargs) -> LabeledImages:
        found = read(images, labels, *args, **kwargs)
        check_boxes(found, labels)
        return found

    return read_and_check


def check_boxes(found: LabeledImages, labels: Path) -> None:
    """Raise AnnotationError when more than half of the boxes of a data set have no area to speak of."""
    boxes = [image.boxes for image in found.images if len(image.boxes)]
    pointless = sum(image.problems["no area"] for image in found.images)
    normalized = sum(image.problems["coordinates between 0 and 1"] for image in found.images)
    total = sum(map(len, boxes)) + pointless + normalized
    extents = [(box[:, 2:] - box[:, :2] + 1).min(axis=1) for box in boxes]
    slivers = sum(int(np.count_nonzero(extent <= _SLIVER)) for extent in extents)
    if 2 * normalized > total or (boxes and 2 * pointless > total and max(box.max() for box in boxes) <= 1):
        raise AnnotationError(
            f"'{labels}': {normalized or pointless} of {total} boxes lie between 0 and 1; they should be {_ASSUMED}"
        )
    if 2 * (pointless + slivers) > total:
        raise AnnotationError(
            f"'{labels}': {pointless + slivers} of {total} boxes are {_SLIVER} pixels thin or less, read as"
            f" '{found.layout}'; the labels are of another format, or not {_ASSUMED}"
        )
