"""Annotated images for training and validating the detector, read where they lie. Without PyTorch."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from src.common.errors import UserError
from src.common.options import OptionError
from src.data.detection.annotations.fit_boxes import fit_boxes
from src.data.detection.annotations.own_folder import read_own_folder
from src.data.detection.text_strips import TextStrips, join_words, strips_of_quads
from src.data.images.decode import ImageError, decode_image, read_bytes, read_header


@dataclass(frozen=True)
class AnnotatedImage:
    """An image file and its text: boxes float32 (K, 4), inclusive corners in its pixels, ignored bool (K,).

    Attributes:
        size: (height, width) as a viewer shows it.
        strips: the same text as strips, which keep the tilt of words with four corner points.
    """

    path: Path
    name: str
    size: tuple[int, int]
    boxes: np.ndarray
    ignored: np.ndarray
    strips: TextStrips

    def decode(self) -> np.ndarray:
        """RGB uint8 (H, W, 3), as a viewer shows it."""
        return decode_image(self.path)


def read_images(folder: Sequence[str]) -> list[AnnotatedImage]:
    """All usable images of [images, labels]; labels as `read_own_folder` takes them.

    Raises:
        UserError: a pair that is not one, or without usable images.
    """
    if len(folder) != 2:
        raise OptionError(f"{folder}: expected a pair [images, labels]")
    found = []
    for image in read_own_folder(Path(folder[0]), Path(folder[1])).images:
        if image.missing:
            continue
        try:
            header = read_header(read_bytes(image.path), name=str(image.path))
        except ImageError:
            continue
        fitted = fit_boxes(image, header)
        boxes = fitted.boxes.astype(np.float32)
        strips = TextStrips(boxes, np.zeros(len(boxes), np.float32), fitted.ignored)
        if fitted.quads is not None:
            strips = strips_of_quads(fitted.quads, fitted.ignored)
        size = (header.height, header.width)
        found.append(AnnotatedImage(image.path, image.name, size, boxes, fitted.ignored, strips))
    if not found:
        raise UserError(f"{folder[0]}: no usable image with labels in {folder[1]}")
    return found


def with_joined_words(images: Sequence[AnnotatedImage]) -> list[AnnotatedImage]:
    """The same images with their words joined into lines, see `join_words`."""
    return [replace(image, strips=join_words(image.strips)) for image in images]


def listed(
    images: Sequence[AnnotatedImage], names: Collection[str]
) -> tuple[list[AnnotatedImage], list[AnnotatedImage]]:
    """(images that the list names, the others).

    Raises:
        UserError: it names one that is not there.
    """
    missing = set(names) - {image.name for image in images}
    if missing:
        raise UserError(f"{len(missing)} of {len(names)} listed images are not there: {sorted(missing)[0]}")
    return (
        [image for image in images if image.name in names],
        [image for image in images if image.name not in names],
    )
