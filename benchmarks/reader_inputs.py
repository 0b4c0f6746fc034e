"""What the measurements of the reader's accuracy take from the command line: labeled images and reader options."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from src.common.options import OptionError
from src.common.plain_yaml import parse_value
from src.data.detection.annotations.labeled_image import LabeledImage
from src.data.detection.annotations.own_folder import read_own_folder
from src.data.loading.name_lists import read_names
from src.data.loading.prefetch import usable_cores


def image_parser(description: str) -> argparse.ArgumentParser:
    """Of a command that reads labeled images, and lets RapidOCR read them."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images_folder", type=Path)
    parser.add_argument("labels", type=Path)
    parser.add_argument("--only", type=Path)
    parser.add_argument("--images", type=int, default=0, help="so many, taken evenly; 0 takes all")
    parser.add_argument("--rapidocr_python")
    return parser


def chosen_images(arguments: argparse.Namespace) -> list[LabeledImage]:
    """The images that the options of `image_parser` ask for."""
    images = labeled_images(arguments.images_folder, arguments.labels, arguments.only)
    return images[:: max(1, len(images) // arguments.images)][: arguments.images] if arguments.images else images


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


def threads_of(options: Mapping[str, Any]) -> int:
    """As many for every contestant as the reader has."""
    return options.get("threads") or usable_cores()
