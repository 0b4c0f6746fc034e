"""What the measurements of the reader's accuracy take from the command line: labeled images and reader options."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from src.common.options import OptionError
from src.common.plain_yaml import parse_value
from src.data.detection.annotations.labeled_image import LabeledImage
from src.data.detection.annotations.own_folder import read_own_folder
from src.data.loading.name_lists import read_names


def labeled_images(folder: Path, labels: Path, only: Path | None) -> list[LabeledImage]:
    """The images that can be read, of those that the file `only` names, or all."""
    images = [image for image in read_own_folder(folder, labels).images if not image.missing]
    if only:
        wanted = read_names(only)
        images = [image for image in images if image.name in wanted]
    return images


def reader_options(words: Sequence[str]) -> dict[str, Any]:
    """`--key value ...` as arguments of `TextReader`. Raises OptionError for a key without a value."""
    if len(words) % 2 or not all(key.startswith("--") for key in words[::2]):
        raise OptionError(f"'{' '.join(words)}': pairs of --key value are expected")
    return {key.removeprefix("--"): parse_value(value) for key, value in zip(words[::2], words[1::2], strict=True)}
