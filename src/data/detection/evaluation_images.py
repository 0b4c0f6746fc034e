"""The images of a test set for people to look at: from its MindRecord, or from a folder beside it."""

import os
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np

from src.common.errors import UserError
from src.common.image_name import file_of
from src.data.detection.record import SCHEMA
from src.data.images.decode import decode_image


def images_of(
    source: str | Path, folder: str | Path | None, names: Collection[str]
) -> Iterator[tuple[str, np.ndarray]]:
    """(file name, RGB image) of the images of a test set that are in `names`.

    Args:
        source: MindRecord of the test set, or the folder of images that it is.
        folder: where to take the images from instead of the MindRecord; each under its file name.

    Raises:
        UserError: an image cannot be read.
    """
    if Path(source).is_dir() or folder is not None:
        place = Path(source if folder is None else folder)
        yield from ((name, decode_image(file_of(place, name))) for name in names)
        return
    for row in _records(source, "image", "file_name"):
        if row["file_name"] in names:
            yield row["file_name"], decode_image(row["image"].tobytes(), name=row["file_name"])


def check_folder(source: str | Path, folder: str | Path) -> None:
    """Whether `folder` holds a file for every image of the MindRecord `source`.

    Raises:
        UserError: it does not; names some of those that are missing.
    """
    names = [row["file_name"] for row in _records(source, "file_name")]
    missing = [name for name in names if not os.path.isfile(file_of(folder, name))]
    if missing:
        raise UserError(
            f"'{folder}' lacks {len(missing)} of the {len(names)} images of the test set {Path(source).name}: "
            f"{', '.join(missing[:3])}{', ...' if len(missing) > 3 else ''}"
        )


def _records(source: str | Path, *columns: str) -> Iterator[dict]:
    # Post-processing, which looks at folders only, runs without MindSpore.
    from src.data.detection.mindrecord_reader import MindRecordSource  # noqa: PLC0415

    records = MindRecordSource(source, {name: SCHEMA[name]["type"] for name in columns})
    return records.read(range(len(records)))
