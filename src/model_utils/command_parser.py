"""Arguments of the small commands, which complain as the others do: in one line of bounded length."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from src.common.printable import one_line


class CommandParser(argparse.ArgumentParser):
    """Argparse's parser; of a wrong argument it says what is wrong, and does not show the whole usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, one_line(f"error: {message}; --help shows what is accepted") + "\n")


def whole_number(low: int) -> Callable[[str], int]:
    """For `type=`: a whole number from `low` up."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if value < low:
            raise argparse.ArgumentTypeError(f"'{text}' is not a whole number of at least {low}")
        return value

    return parse


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
    if not text:
        raise argparse.ArgumentTypeError("is empty")
    return Path(text)


def existing_file(text: str) -> Path:
    """For `type=`: a file that is there."""
    return _existing(text, Path.is_file, "file")


def existing_folder(text: str) -> Path:
    """For `type=`: a folder that is there."""
    return _existing(text, Path.is_dir, "folder")


def _existing(text: str, is_one: Callable[[Path], bool], kind: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("is empty")
    path = Path(text)
    try:
        if is_one(path):
            return path
    except OSError:  # no name that a file can have
        pass
    raise argparse.ArgumentTypeError(f"'{text}' is not an existing {kind}")
