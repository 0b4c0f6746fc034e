"""Labels of the images that an application ran on: read, and one for each image."""

import logging
from collections.abc import Container, Mapping
from pathlib import Path

from src.common.errors import UserError
from src.data.recognition.annotations import Reject, read_icdar_words
from src.metrics.submission import label_keys, read_ground_truth, submission_names
from src.postprocess.output_files import described_images

logger = logging.getLogger(__name__)


def check_labels(network: str, images: Path, label_path: str) -> None:
    """Before an application is built and run: read all labels and look for that of every image.

    Does nothing where `label_path` is empty.

    Raises:
        UserError: no image, an unreadable label, or an image without one.
    """
    if not label_path:
        return
    names = sorted(path.relative_to(images).as_posix() for path in described_images(images))
    if network == "crnn":
        require_words(names, read_words(Path(label_path), images), label_path)
    else:
        require_boxes(label_keys(submission_names(names)), read_ground_truth(label_path), label_path)


def read_words(path: Path, images: Path) -> dict[str, str]:
    """Image name -> text; logs which lines are no labels."""
    labels = {}
    for word in read_icdar_words(path, images).iterate():
        if isinstance(word, Reject):
            logger.warning(f"label_path: left out {word.name}: {word.reason}")
        else:
            labels[word.name] = word.text
    return labels


def require_words(names: list[str], words: Container[str], label_path: str) -> None:
    """Raise UserError where an image has no text."""
    _refuse([f"label for '{name}'" for name in names if name not in words], label_path)


def require_boxes(keys: Mapping[str, str], boxes: Container[str], label_path: str) -> None:
    """Raise UserError where an image has no file of boxes, whose keys (see `label_keys`) are given by image."""
    _refuse([f"gt_{key}.txt for '{name}'" for name, key in keys.items() if key not in boxes], label_path)


def _refuse(missing: list[str], label_path: str) -> None:
    if missing:
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        raise UserError(f"label_path: no {missing[0]} in '{label_path}'{more}")
