"""Files that are either the old one or the complete new one, whenever the process is killed.

Every layer may import it, as `errors`.
"""

import contextlib
import json
import os
import re
import time
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from src.common.options import unwritable

try:
    import fcntl
except ImportError:  # no such locks on this system; then nothing is cleared
    fcntl = None  # type: ignore[assignment]

_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{32}\.tmp")
_YOUNGEST = 10.0  # seconds; a younger leftover may be one that its writer has not locked yet


@contextlib.contextmanager
def replacing(path: str | Path, *, sync: bool = True) -> Iterator[BinaryIO]:
    """A new file to write, which gets the name `path` when the block ends; missing folders are made.

    After any error in the block, `path` is as it was and the new file is gone. Whoever writes the same `path` at the
    same time does not disturb: the last one to end stays.

    Args:
        sync: whether file and name have reached the disk when this returns. Without it, a power cut (not a kill)
            may leave an empty file: for the many files of results that can be made again.

    Raises:
        UserError: names `path` and the cause, which is any OSError in the block, too: the disk is full, the folder
            cannot be written, ...
    """
    path = Path(path)
    temporary = temporary_beside(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open_temporary(temporary) as file:
            yield file
            if sync:
                file.flush()
                os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise unwritable(error)(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
    if sync:
        _sync_folder(path.parent)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[Path]:
    """For a block that writes `path` by other means: of a full disk, the system does not say where it is.

    Raises:
        UserError: names `path` and the cause, which is any OSError in the block.
    """
    try:
        yield path
    except OSError as error:
        raise unwritable(error)(f"cannot write {path}: {error.strerror or error}") from error


def write_atomically(path: str | Path, chunks: Iterable[bytes], *, sync: bool = True) -> None:
    """Write `chunks` one after the other as `replacing` does; an error raised by their iterator counts as well."""
    with replacing(path, sync=sync) as file:
        for chunk in chunks:
            file.write(chunk)


def temporary_beside(path: Path) -> Path:
    """A name in the folder of `path` that nobody else has: `.<start of its name>.<random>.tmp`.

    By the start, whoever finds the leftover of a killed process knows what it was to become.
    """
    # Not the process number: containers that share a folder may have the same one. Not `tempfile`: what that makes
    # nobody else may read. The start only: a whole long name and the rest would not fit into one name.
    return path.with_name(f".{path.name[:40]}.{uuid.uuid4().hex}.tmp")


def open_temporary(temporary: Path) -> BinaryIO:
    """A new file of that name, locked while it is open, so that others know its writer is alive."""
    file = open(temporary, "xb")  # noqa: SIM115 - closed by the caller
    if fcntl is not None:
        with contextlib.suppress(OSError):  # some network file systems have no locks
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return file


def clear_leftovers(folder: Path) -> None:
    """Remove what processes that were killed left in `folder` while they wrote; files of living ones stay."""
    if fcntl is None:
        return
    with contextlib.suppress(OSError):
        names = [name for name in os.listdir(folder) if _TEMPORARY.fullmatch(name)]
        for name in names:
            with contextlib.suppress(OSError):
                _remove_unlocked(folder / name)


def _remove_unlocked(path: Path) -> None:
    handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        if time.time() - os.fstat(handle).st_mtime > _YOUNGEST:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # OSError where its writer has it
            path.unlink()
    finally:
        os.close(handle)


def _sync_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut, where the system can sync folders."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_json(path: Path, content: Any) -> None:
    """Write `content` to `path`, in UTF-8 and readable for people. UserError leaves the old file as it was.

    What of a text is not UTF-8, as of the name of a file, is written as JSON escapes.
    """
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    write_atomically(path, [text.encode("utf-8", "backslashreplace")])
