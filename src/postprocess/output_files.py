"""Network outputs as files: what an inference application writes and post-processing reads.

For the image `a.jpg` the folder holds one raw little-endian file per output, `a.jpg_0.bin`, `a.jpg_1.bin`,
and `a.jpg.json` which describes them:
    {"image": "a.jpg", "width": 640, "height": 480,
     "outputs": [{"file": "a.jpg_0.bin", "name": "score_map", "dtype": "float32", "shape": [1, 28, 36, 60]}, ...]}
Images in sub-folders keep them, and names that differ in their ending only do not collide. A dump without the
JSON (older applications: `a_0.bin`, proposals (1000, 5) in half or full precision, and `a_1.bin`, a mask (1000)) is
recognized by its size.
"""

import json
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from src.common.bounded_file import LARGE, SMALL, read_bounded, read_bounded_text
from src.common.errors import UserError
from src.data.images.folder import image_files
from src.data.images.source import ImageError

_DTYPES = ("float32", "float16", "int32", "int64", "int8", "uint8", "bool")
_PROPOSAL_COLUMNS = 5
_LONGEST_ENDING, _LONGEST_NAME = "_0.bin", 255  # bytes of a name


class OutputFileError(UserError):
    """A dumped output that is missing, of the wrong size, or not described."""


@dataclass(frozen=True)
class NetworkOutputs:
    """The outputs for one image; `size` is (height, width), None where the dump does not have it."""

    image: str
    size: tuple[int, int] | None
    arrays: dict[str, np.ndarray]


def described_images(folder: Path, without: Iterable[Path] = ()) -> list[Path]:
    """The images below `folder`, by name, of which outputs are expected.

    without: folders of results, whose images are none of them.

    Raises:
        UserError: there is none.
    """
    paths = image_files(folder, without)
    if not paths:
        raise UserError(f"export_dataset_path: no image in '{folder}'")
    return paths


def read_outputs(header_file: Path) -> NetworkOutputs:
    """Read what the C++ application wrote for one image.

    Raises:
        OutputFileError: the header is not as described, or a file is missing or has another size.
    """
    try:
        header = json.loads(read_bounded_text(header_file, SMALL))
        image, outputs = str(_relative(header["image"])), header["outputs"]
        size = (int(header["height"]), int(header["width"]))
        arrays = {str(item["name"]): _read_array(header_file.parent, item) for item in outputs}
    except OutputFileError as error:
        raise OutputFileError(f"'{header_file}': {error}") from None
    except (ValueError, LookupError, TypeError, OverflowError, RecursionError, OSError) as error:
        raise OutputFileError(f"'{header_file}': not a description of network outputs ({error!r})") from None
    if len(arrays) != len(outputs):
        raise OutputFileError(f"'{header_file}': describes two outputs of one name")
    return NetworkOutputs(image, size, arrays)


def read_undescribed(folder: Path, image: str) -> NetworkOutputs:
    """Read the proposals and mask that an application without headers wrote for the image `image`.

    Its files are named for what stands before the first dot of the image's name.

    Raises:
        OutputFileError: a file is missing, or their sizes do not fit each other.
    """
    relative = _relative(image)
    stem = relative.name.split(".", maxsplit=1)[0]
    boxes_file, mask_file = (folder / relative.parent / f"{stem}_{number}.bin" for number in (0, 1))
    for file in (boxes_file, mask_file):
        if not os.path.isfile(file):
            raise OutputFileError(f"'{image}': neither {relative.name}.json nor {file.name} is in '{file.parent}'")
    boxes, mask = _read(boxes_file), _read(mask_file)
    values = _PROPOSAL_COLUMNS * len(mask)
    dtype = {2 * values: np.float16, 4 * values: np.float32}.get(len(boxes)) if values else None
    if dtype is None:
        raise OutputFileError(f"'{boxes_file}': {len(boxes)} bytes do not fit a mask of {len(mask)}")
    return NetworkOutputs(
        image,
        None,
        {
            "proposals": np.frombuffer(boxes, dtype).reshape(-1, _PROPOSAL_COLUMNS),
            "mask": np.frombuffer(mask, np.int8).astype(bool),
        },
    )


def check_name(image: Path) -> None:
    """Raise ImageError for an image that has no outputs because no file could be named for it."""
    if len(os.fsencode(image.name)) + len(_LONGEST_ENDING) > _LONGEST_NAME:
        raise ImageError("unsupported", str(image), "the name is too long")


def _read(file: Path) -> bytes:
    try:
        return read_bounded(file, LARGE)
    except OSError as error:
        raise OutputFileError(f"'{file.name}': {error.strerror}") from None


def _relative(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.name or "\0" in name:
        raise OutputFileError(f"'{name}' is not the relative name of an image")
    return path


def _read_array(folder: Path, item: dict) -> np.ndarray:
    name = _relative(item["file"])
    if len(name.parts) != 1 or item["dtype"] not in _DTYPES:
        raise OutputFileError(f"'{item['file']}' with dtype '{item['dtype']}' is not an output file")
    dtype, shape = np.dtype(item["dtype"]).newbyteorder("<"), tuple(int(side) for side in item["shape"])
    data = _read(folder / name)
    if min(shape, default=0) < 0 or len(data) != math.prod(shape) * dtype.itemsize:
        raise OutputFileError(f"'{name}': {len(data)} bytes do not make {dtype} {list(shape)}")
    return np.frombuffer(data, dtype).reshape(shape)
