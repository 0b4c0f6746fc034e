"""Arguments of the small commands, which complain as the others do: in one line of bounded length."""

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from src.common.printable import one_line


class CommandParser(argparse.ArgumentParser):
    """Argparse's parser; of a wrong argument it says what is wrong, and does not show the whole usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, one_line(f"error: {message}; --help shows what is accepted") + "\n")


def whole_number(low: int, high: float = math.inf) -> Callable[[str], int]:
    """For `type=`: a whole number from `low` to `high`."""
    accepted = f"of at least {low}" if high == math.inf else f"from {low} to {high}"

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"'{text}' is not a whole number {accepted}")
        return value

    return parse


def positive(text: str) -> float:
    """For `type=`: a number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = -1
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number above 0")
    return value


def filled(text: str) -> str:
    """For `type=`: a text, not ""."""
    if not text:
        raise argparse.ArgumentTypeError("is empty")
    return text


def share(text: str) -> float:
    """For `type=`: a number from 0 to 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number from 0 to 1")
    return value


def given_path(text: str) -> Path:
    """For `type=`: a path, not "", which would be the current folder."""
    return Path(filled(text))


def existing_file(text: str) -> Path:
    """For `type=`: a file that is there."""
    return _existing(text, Path.is_file, "file")


def existing_folder(text: str) -> Path:
    """For `type=`: a folder that is there."""
    return _existing(text, Path.is_dir, "folder")


def _existing(text: str, is_one: Callable[[Path], bool], kind: str) -> Path:
    path = Path(filled(text))
    try:
        if is_one(path):
            return path
    except OSError:  # no name that a file can have
        pass
    raise argparse.ArgumentTypeError(f"'{text}' is not an existing {kind}")
