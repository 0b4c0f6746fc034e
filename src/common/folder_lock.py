"""One training, or one build, at a time in a folder.

Every layer may import it, as `errors`.
"""

import errno
import fcntl
import json
import os
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from src.common.errors import UserError
from src.common.options import OptionError, unwritable
from src.common.printable import one_line

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # a network file system without them


@contextmanager
def hold_folder(folder: Path, what: str, log: Callable[[str], None]) -> Iterator[None]:
    """Hold `folder` while inside. The kernel gives the lock back when the process ends, however it does.

    Args:
        folder: made if it is not there. The file in it names the process that holds it.
        what: holds it: "training", "build".
        log: receives a line where one that ended without cleaning up is taken over from, or there are no locks.

    Raises:
        UserError: another one holds it.
    """
    path = folder / f"{what}.lock"
    was_there = folder.is_dir()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = _locked(path, what, log)
        left = _holder(file)
        _sign(file)
    except (FileExistsError, NotADirectoryError):
        raise OptionError(f"'{folder}' or a part of it is a file; expected a folder") from None
    except OSError as error:
        raise unwritable(error)(f"cannot write to {folder}: {error.strerror}") from error
    with file:
        if left:
            log(f"{path} was left by {left}, which has ended; taken over")
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
            if not was_there:
                with suppress(OSError):  # a training that was refused leaves nothing
                    folder.rmdir()


def _locked(path: Path, what: str, log: Callable[[str], None]) -> TextIO:
    """The lock file, opened and locked."""
    while True:
        # Not through a link, whose target would be emptied; not waiting for the other end of a pipe.
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise UserError(f"{path} is in the way: it is no file; remove it")
        file = open(handle, "r+", encoding="utf-8")  # noqa: SIM115 - held by the caller
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(file)
            file.close()
            raise UserError(
                f"{path.parent}: another {what} writes there ({holder or 'its process is just starting'}); "
                "wait for it, or choose another folder"
            ) from None
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                file.close()
                raise
            log(f"{path.parent}: its file system has no locks; let no other {what} write there")
        if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
            return file
        file.close()  # its holder has just removed it


def _sign(file: TextIO) -> None:
    file.seek(0)
    file.truncate()
    json.dump({"host": socket.gethostname(), "process": os.getpid()}, file)
    file.flush()


def _holder(file: TextIO) -> str:
    """Who wrote the file, in words; nothing where that is not known."""
    file.seek(0)
    try:
        content = json.loads(file.read(1000))
        return one_line(f"process {content['process']} on {content['host']}", 100)
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
