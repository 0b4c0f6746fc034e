"""Files that are read whole, unless they are larger than anything of their kind.

A sparse file of any size takes no room, and a device never ends.

What is too large is an OSError, so that whoever reads a file says so with the words in which it says that a file is
not there.
"""

import errno
import os
import stat
from pathlib import Path
from typing import IO, TextIO

SMALL = 16 << 20  # cards, alphabets, rank tables, descriptions of outputs; real ones have kilobytes
LARGE = 1 << 30  # labels, lists and words of whole data sets, weights


def read_bounded(path: str | Path, most: int) -> bytes:
    """The bytes of a file, which may be a pipe.

    Raises:
        OSError: as for any file; also where it is larger than `most` bytes, which is known before they are read.
    """
    with open(path, "rb") as file:
        is_ordinary = check_size(file, path, most)
        data = file.read() if is_ordinary else file.read(most + 1)
    if len(data) > most:
        raise _too_large(path, f"more than {most} bytes", most)
    return data


def open_bounded_text(path: str | Path, most: int) -> TextIO:
    """The file to read line by line, in UTF-8 with or without a mark; stray bytes become U+FFFD.

    Raises:
        OSError: as `read_bounded`.
    """
    file = open(path, encoding="utf-8-sig", errors="replace", newline=None)  # noqa: SIM115 - the caller closes it
    try:
        check_size(file, path, most)
    except OSError:
        file.close()
        raise
    return file


def read_bounded_text(path: str | Path, most: int, encoding: str = "utf-8-sig") -> str:
    """The text of a file, in UTF-8 by itself, with `\\n` for line ends of any kind.

    Raises:
        OSError: as `read_bounded`.
        UnicodeDecodeError: it is in another encoding.
    """
    text = read_bounded(path, most).decode(encoding)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def is_special(path: Path | str) -> bool:
    """Whether it is a pipe, socket or device, which nobody means to be a file among others in a folder."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):  # opening it will say why
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def check_size(file: IO, path: str | Path, most: int) -> bool:
    """Whether it is an ordinary file, whose size is known, and is not too large here."""
    status = os.fstat(file.fileno())
    is_ordinary = stat.S_ISREG(status.st_mode)
    if is_ordinary and status.st_size > most:
        raise _too_large(path, f"{status.st_size} bytes", most)
    return is_ordinary


def _too_large(path: str | Path, size: str, most: int) -> OSError:
    return OSError(errno.EFBIG, f"too large ({size}; at most {most} are read)", str(path))
