"""What goes wrong with an LMDB, in words: LMDB's own errors name neither the file nor what helps."""

from pathlib import Path

import lmdb

from src.common.errors import UserError
from src.common.options import OptionError

DAMAGED_PAGE = "damaged page of the LMDB"


class PageError(Exception):
    """A page that is damaged; others may be sound."""


class LmdbError(UserError):
    """A database that cannot be used at all: missing, not an LMDB, unfinished, without a count."""


class LmdbPlaceError(LmdbError, OptionError):
    """A path where there is no LMDB to read, or something else than the LMDB to write."""


def lmdb_problem(path: Path, error: lmdb.Error | PageError | OSError) -> LmdbError:
    """What LMDB's own errors mean, and what helps."""
    if isinstance(error, OSError):
        return LmdbError(f"{str(path)!r} cannot be read: {error.strerror or error}")
    for kinds, said in _MEANINGS:
        if isinstance(error, kinds):
            return LmdbError(f"{str(path)!r} {said} ({error})")
    return LmdbError(f"{str(path)!r} is not a readable LMDB: {error}")


_MEANINGS: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    (
        (
            PageError,
            lmdb.CorruptedError,
            lmdb.PageNotFoundError,
            lmdb.CursorFullError,
            lmdb.PageFullError,
            lmdb.PanicError,
        ),
        "is damaged: copy it again, or build it again with --force",
    ),
    ((lmdb.InvalidError, lmdb.VersionMismatchError), "is no LMDB of a version that is read: build it again"),
    ((lmdb.IncompatibleError, lmdb.DbsFullError), "is an LMDB that was made for something else: build it again"),
    ((lmdb.MapFullError, lmdb.TxnFullError), "cannot grow further: is the disk full?"),
    ((lmdb.ReadersFullError, lmdb.LockError), "is read by too many processes: try again, or delete its lock.mdb"),
    ((lmdb.MapResizedError,), "grew while it was read: wait until its build has ended"),
    ((lmdb.DiskError, lmdb.MemoryError), "cannot be read from the disk, or there is no memory for it"),
    ((lmdb.ReadonlyError,), "cannot be written: its folder or file system is read-only"),
)
