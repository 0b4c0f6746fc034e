"""Annotated pictures for training and judging the detector, read where they lie. Without PyTorch."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from src.common.errors import UserError
from src.data.detection.annotations.fit_boxes import fit_boxes
from src.data.detection.annotations.own_folder import read_own_folder
from src.data.detection.preprocess import preprocess
from src.data.images.decode import ImageError, decode_image, read_bytes, read_header


@dataclass(frozen=True)
class Picture:
    """A picture file and its text: boxes float32 (K, 4), inclusive corners in its pixels, ignored bool (K,)."""

    path: Path
    name: str
    boxes: np.ndarray
    ignored: np.ndarray

    def decode(self) -> np.ndarray:
        """RGB uint8 (H, W, 3), as a viewer shows it."""
        return decode_image(self.path)


def read_pictures(folder: Sequence[str]) -> list[Picture]:
    """All usable pictures of [pictures, labels]; labels as `read_own_folder` takes them.

    Raises UserError for a pair that is not one, or without usable pictures.
    """
    if len(folder) != 2:
        raise UserError(f"{folder}: expected a pair [pictures, labels]")
    found = []
    for image in read_own_folder(Path(folder[0]), Path(folder[1])).images:
        if image.missing:
            continue
        try:
            fitted = fit_boxes(image, read_header(read_bytes(image.path), name=str(image.path)))
        except ImageError:
            continue
        found.append(Picture(image.path, image.name, fitted.boxes.astype(np.float32), fitted.ignored))
    if not found:
        raise UserError(f"{folder[0]}: no usable picture with labels in {folder[1]}")
    return found


def listed(pictures: Sequence[Picture], names: Collection[str]) -> tuple[list[Picture], list[Picture]]:
    """(pictures that the list names, the others). Raises UserError when it names one that is not there."""
    missing = set(names) - {picture.name for picture in pictures}
    if missing:
        raise UserError(f"{len(missing)} of {len(names)} listed pictures are not there: {sorted(missing)[0]}")
    return (
        [picture for picture in pictures if picture.name in names],
        [picture for picture in pictures if picture.name not in names],
    )


def evaluation_batches(
    pictures: Sequence[Picture], batch_size: int, image_shape: tuple[int, int], keep_ratio: bool
) -> Iterator[dict]:
    """Batches as `evaluate_detection` takes them."""
    for start in range(0, len(pictures), batch_size):
        part = pictures[start : start + batch_size]
        decoded = [picture.decode() for picture in part]
        yield {
            "images": np.stack([preprocess(image, image_shape, keep_ratio)[0] for image in decoded]),
            "indices": list(range(start, start + len(part))),
            "file_names": [picture.name for picture in part],
            "sizes": np.array([image.shape[:2] for image in decoded], np.int32),
            "boxes": [picture.boxes for picture in part],
            "ignored": [picture.ignored for picture in part],
        }
