"""The checkpoints that a path stands for, and what is done with each of them."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from src.common.errors import UserError
from src.common.image_name import file_stem
from src.common.options import OptionError

logger = logging.getLogger(__name__)
Metrics = TypeVar("Metrics")
_LONGEST_STEM = 150  # bytes; results have a word before it, and the name of a data set behind it


def find_checkpoints(path: Path) -> list[Path]:
    """The checkpoint, or the `.ckpt` files of a folder from the oldest to the newest.

    Raises:
        UserError: there is none.
    """
    if path.is_file():
        return [path]
    files = [item for item in path.glob("*.ckpt") if item.is_file()] if path.is_dir() else []
    found = sorted(files, key=lambda item: (item.stat().st_mtime, item.name))
    if not found:
        raise OptionError(f"checkpoint_path: '{path}' is neither a checkpoint nor a folder with *.ckpt files")
    return found


def result_stem(checkpoint: Path) -> str:
    """The name of a checkpoint in those of its results: its stem, unless that cannot be printed or is too long."""
    return file_stem(checkpoint.stem, _LONGEST_STEM)


def evaluate_each(
    checkpoints: list[Path],
    load: Callable[[Path], None],
    evaluate: Callable[[Path], Metrics],
    finish: Callable[[dict[str, Metrics]], None],
) -> dict[str, Metrics]:
    """The metrics of each checkpoint, by its stem.

    A checkpoint of several that cannot be used is named, and the others are evaluated all the same.

    Args:
        load: puts a checkpoint into the network; a UserError leaves the checkpoint out.
        evaluate: the metrics of the network as it is then.
        finish: called with all metrics at the end.

    Raises:
        UserError: at the end, naming the checkpoints that cannot be used.
    """
    metrics: dict[str, Metrics] = {}
    unusable: list[str] = []
    for checkpoint in checkpoints:
        try:
            load(checkpoint)
        except UserError as error:
            text = str(error)
            unusable.append(text if checkpoint.name in text else f"{checkpoint.name}: {text}")
            if len(checkpoints) == 1:  # nothing else is to be done, so it is logged once
                raise UserError(unusable[0]) from None
            logger.warning(f"left out {unusable[-1]}")
            continue
        try:
            metrics[result_stem(checkpoint)] = evaluate(checkpoint)
        except UserError as error:  # ends it: other ranks may be waiting for this checkpoint's results
            raise error if checkpoint.name in str(error) else UserError(f"{checkpoint.name}: {error}") from None
    finish(metrics)
    if unusable:
        raise UserError(f"{len(unusable)} of {len(checkpoints)} checkpoints cannot be used: {'; '.join(unusable)}")
    return metrics
