"""The bytes of an image file, within bounds, and the one error with the reason why it gives no image."""

import io
import os
import stat
from pathlib import Path
from typing import BinaryIO

from src.common.bounded_file import is_special
from src.common.errors import UserError
from src.data.images.file_types import HEAD_BYTES, file_type

# No image of fewer than DEFAULT_MAX_PIXELS is larger: 8 bytes per pixel. A sparse file of any size takes no room.
MOST_BYTES = 512 << 20
TOO_LARGE = "at most {} are read, --max_image_pixels raises it"


class ImageError(UserError):
    """A file that does not give an image.

    `reason` is one of "missing", "unreadable", "empty file", "not an image", "truncated", "too large",
    "unsupported", "other format"; the message names the file and the reason.
    """

    def __init__(self, reason: str, name: str, detail: str = "") -> None:
        full = detail if reason == "other format" else reason + (f" ({detail})" if detail else "")
        super().__init__(f"{name}: {full}")
        self.reason = reason
        self.name = name
        self.detail = detail

    def __reduce__(self) -> tuple:  # so that worker processes can hand it back whole
        return type(self), (self.reason, self.name, self.detail)


class NotBinaryError(TypeError):
    """A file that gives texts."""


def most_bytes(max_pixels: int) -> int:
    """Bytes that a file of an image of so many pixels may have: it can be raised as they can."""
    return max(MOST_BYTES, 8 * max_pixels)


def read_bytes(path: Path | str, *, most: int = MOST_BYTES) -> bytes:
    """The file's bytes.

    Raises:
        ImageError: "missing", "unreadable", "empty file", or "too large", which is known before anything is read.
    """
    if is_special(path):  # opening a pipe waits for whoever writes into it
        raise ImageError("unsupported", str(path), "a pipe, socket or device")
    with open_file(path) as file:
        return read_all(file, str(path), most=most)


def open_file(path: Path | str) -> BinaryIO:
    try:
        file = open(path, "rb")  # noqa: SIM115 - closed by the caller
    except FileNotFoundError:
        raise ImageError("missing", str(path)) from None
    except (OSError, ValueError) as error:  # ValueError: a name that holds a NUL or cannot be a name here
        raise ImageError("unreadable", str(path), getattr(error, "strerror", None) or str(error)) from None
    return file


def read_all(file: BinaryIO, name: str, *, most: int) -> bytes:
    """The rest of an opened file, which may be a pipe."""
    if isinstance(file, io.TextIOBase):
        raise NotBinaryError
    try:
        size = file_size(file)
        if size > most:
            raise ImageError("too large", name, f"{size} bytes; {TOO_LARGE.format(most)}")
        data = file.read() if size else _read_until(file, most)
    except OSError as error:
        raise ImageError("unreadable", name, error.strerror or str(error)) from None
    if not data:
        raise ImageError("empty file", name)
    if len(data) > most:
        raise ImageError("too large", name, f"more than {most} bytes; {TOO_LARGE.format(most)}")
    return data


def _read_until(file: BinaryIO, most: int) -> bytes:
    """All that comes, or a little more than `most` bytes of it."""
    parts, length = [], 0
    while length <= most and (part := file.read(1 << 20)):
        if not isinstance(part, bytes):
            raise NotBinaryError
        parts.append(part)
        length += len(part)
    return b"".join(parts)


def file_size(file: BinaryIO) -> int:
    """Bytes of an ordinary file; 0 for pipes, devices and files in memory, whose size only reading them shows."""
    try:
        status = os.fstat(file.fileno())
    except (OSError, io.UnsupportedOperation, AttributeError):
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def content_of(path: Path | str, name: str, max_pixels: int) -> bytes | BinaryIO:
    """The bytes of a file; a TIFF too large to be taken whole, which may have any number of pages, stays a file.

    A file of no known kind is not read further than its beginning.
    """
    with open_file(path) as file:
        size, most = file_size(file), most_bytes(max_pixels)
        if size > HEAD_BYTES:
            head = file.read(HEAD_BYTES)
            kind = file_type(head)
            if not kind:
                raise ImageError("not an image", name)
            if size > most and kind == "TIFF":
                return open_file(path)
            file.seek(0)
        return read_all(file, name, most=most)
