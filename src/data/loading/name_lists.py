"""Lists of names that divide a data set: what validates a network and so must never train it.

A list is a UTF-8 text file with one name per line; empty lines and lines that begin with '#' are skipped.
"""

from pathlib import Path

from src.common.bounded_file import LARGE, read_bounded_text
from src.common.errors import UserError
from src.common.options import unreadable


def read_names(path: str | Path) -> frozenset[str]:
    """The names of a list.

    Raises:
        UserError: it cannot be read or is empty.
    """
    try:
        lines = read_bounded_text(path, LARGE).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(error)(f"list of names {path}: {error}") from error
    names = frozenset(line.strip() for line in lines if line.strip() and not line.startswith("#"))
    if not names:
        raise UserError(f"list of names {path}: holds no name")
    return names
