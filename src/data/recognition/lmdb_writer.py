"""Writing word LMDBs that grow as needed and survive a kill.

Samples go in by whole batches, each one LMDB transaction that also stores how far the build has come
(`build-progress`). `num-samples` is written, and the progress removed, by the last transaction only. So a
database is either finished, or records where to continue, at whatever instant the process dies.
"""

import json
import logging
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import lmdb

from src.common.folder_lock import hold_folder
from src.data.recognition.lmdb_description import cut_short
from src.data.recognition.lmdb_errors import LmdbError, LmdbPlaceError, PageError, lmdb_problem
from src.data.recognition.lmdb_pages import LmdbPages
from src.data.recognition.lmdb_reader import NUM_SAMPLES_KEY, PROGRESS_KEY, image_key, label_key
from src.data.recognition.lmdb_verify import verify_lmdb

logger = logging.getLogger(__name__)


class LmdbWriter:
    """Context manager that appends (image, text) samples to the LMDB folder `path`.

    Leaving the block normally finishes the database; leaving it by an exception (or a kill) keeps what was
    committed, and the next `LmdbWriter(path)` continues it: `count` samples are there, and `progress` is what
    the caller had left in that attribute. A build without rejects can simply go on at source index `count`;
    one with rejects sets `progress` (anything JSON) after each source item, accepted or not.

    `job` describes what is being written (source, options); a folder with an unfinished build of another job
    is refused, as is a finished one, unless `overwrite`.

    Raises:
        LmdbError: a UserError, in these cases.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        job: Any = None,
        overwrite: bool = False,
        commit_samples: int = 2000,
        commit_bytes: int = 32 << 20,
        map_size: int = 64 << 20,
    ):
        self.path = Path(path)
        self.count = 0
        self.progress: dict[str, Any] = {}
        self._job = json.loads(json.dumps(job))
        self._commit_samples = commit_samples
        self._commit_bytes = commit_bytes
        self._pending: list[tuple[bytes, bytes]] = []
        self._pending_bytes = 0
        self._finished = False
        self._check_folder(overwrite)
        self._held = ExitStack()
        self._held.enter_context(hold_folder(self.path, "build", logger.info))
        try:
            self._check_pages(overwrite)
            self._environment = lmdb.open(str(self.path), map_size=map_size, meminit=False)
        except (lmdb.Error, PageError, OSError) as error:
            self._held.close()
            raise lmdb_problem(self.path, error) from error
        try:
            self._continue_build(overwrite)
        except lmdb.Error as error:
            self.close()
            raise lmdb_problem(self.path, error) from error
        except BaseException:
            self.close()
            raise

    def _check_folder(self, overwrite: bool) -> None:
        if self.path.exists() and not self.path.is_dir():
            raise LmdbPlaceError(f"{str(self.path)!r} is a file; expected a folder for the LMDB")
        names = {entry.name for entry in self.path.iterdir()} if self.path.is_dir() else set()
        if names and "data.mdb" not in names and not names <= {"build.lock", "lock.mdb"}:
            raise LmdbPlaceError(f"{str(self.path)!r} holds other files and no data.mdb; give a new folder")
        if "data.mdb" in names and (cut := cut_short(self.path / "data.mdb")):
            raise LmdbError(f"{str(self.path)!r}: {cut}, or delete it and build again")

    def _check_pages(self, overwrite: bool) -> None:
        """LMDB trusts the pages of a build that goes on: a damaged one would end the process."""
        data_file = self.path / "data.mdb"
        if not data_file.is_file() or not data_file.stat().st_size:
            return
        try:
            LmdbPages(data_file).check()
        except PageError:
            if not overwrite:
                raise
            data_file.unlink()

    def _continue_build(self, overwrite: bool) -> None:
        with self._environment.begin() as transaction:
            finished = transaction.get(NUM_SAMPLES_KEY)
            stored = transaction.get(PROGRESS_KEY)
            entries = transaction.stat()["entries"]
        if overwrite and entries:
            self._start_again()
        elif finished is not None:
            raise LmdbPlaceError(f"{str(self.path)!r} is a finished LMDB; --force replaces it, or give a new folder")
        elif stored is not None:
            state = _progress_of(stored, self.path)
            if state["job"] == self._job:
                self.count, self.progress = state["count"], state["progress"]
            elif state["count"]:
                there = f"an unfinished build of another job ({_differences(state['job'], self._job)})"
                raise LmdbPlaceError(f"{str(self.path)!r} holds {there}; --force replaces it, or give a new folder")
            else:
                self._start_again()  # nothing is lost: that build had not written a word
        elif entries:
            raise LmdbPlaceError(
                f"{str(self.path)!r} is an LMDB that was not made here and has no num-samples; --force replaces it"
            )

    def _start_again(self) -> None:
        map_size = self._environment.info()["map_size"]
        self._environment.close()
        for name in ("data.mdb", "lock.mdb"):
            (self.path / name).unlink(missing_ok=True)
        self._environment = lmdb.open(str(self.path), map_size=map_size, meminit=False)

    def add(self, image: bytes, label: str) -> None:
        """Append an encoded image and its text.

        Raises:
            ValueError: the image or the text is empty.
        """
        if not image or not label:
            raise ValueError(f"sample {self.count}: empty {'label' if image else 'image'}")
        if len(self._pending) >= 2 * self._commit_samples or self._pending_bytes >= self._commit_bytes:
            self.commit()  # before this sample joins, so that `progress` speaks of exactly what is written
        text = label.encode("utf-8")
        self._pending += [(image_key(self.count), bytes(image)), (label_key(self.count), text)]
        self._pending_bytes += len(image) + len(text)
        self.count += 1

    def commit(self) -> None:
        """Make everything added so far durable, together with `progress`. `add` does it from time to time."""
        state = {"job": self._job, "count": self.count, "progress": self.progress}
        self._put([*self._pending, (PROGRESS_KEY, json.dumps(state).encode())])
        self._pending, self._pending_bytes = [], 0

    def finish(self) -> None:
        """Write what is pending and `num-samples`: the build is done.

        Raises:
            LmdbError: there is no sample.
        """
        if not self.count:
            raise LmdbError(f"no sample was written to {str(self.path)!r}")
        self._put([*self._pending, (NUM_SAMPLES_KEY, b"%d" % self.count)], delete=PROGRESS_KEY)
        self._pending, self._pending_bytes = [], 0
        self._finished = True

    def _put(self, items: list[tuple[bytes, bytes]], delete: bytes | None = None) -> None:
        while True:
            try:
                with self._environment.begin(write=True) as transaction:
                    for key, value in items:
                        transaction.put(key, value)
                    if delete is not None:
                        transaction.delete(delete)
                return
            except lmdb.MapFullError:  # the transaction was undone; grow and repeat it
                self._environment.set_mapsize(2 * self._environment.info()["map_size"])
            except lmdb.Error as error:  # what was committed before stays
                if type(error) in (lmdb.DiskError, lmdb.Error):  # the latter for a page that was written in part
                    raise LmdbError(
                        f"LMDB {str(self.path)!r} cannot be written: {error}; is the disk full?"
                    ) from error
                raise lmdb_problem(self.path, error) from error

    def verify(self, *, workers: int = 1) -> int:
        """Decode every sample of the finished database; returns how many.

        Raises:
            LmdbError: a sample is bad.
        """
        self.close()
        return verify_lmdb(self.path, workers=workers)

    def close(self) -> None:
        """Close the database; pending samples of an unfinished build are not written."""
        self._environment.close()
        self._held.close()

    def __enter__(self) -> "LmdbWriter":
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if error_type is None and not self._finished:
                self.finish()
        finally:
            self.close()


def _progress_of(stored: bytes, path: Path) -> dict[str, Any]:
    try:
        state = json.loads(stored)
        if isinstance(state["count"], int) and isinstance(state["progress"], dict) and "job" in state:
            return state
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    raise LmdbError(f"{str(path)!r}: the state of its unfinished build cannot be used; --force replaces it")


def _differences(there: Any, here: Any) -> str:
    """What differs between two descriptions of a job, in a few words."""
    if not (isinstance(there, dict) and isinstance(here, dict)):
        return f"{there!r}, not {here!r}"
    keys = [key for key in {**there, **here} if there.get(key) != here.get(key)]
    return ", ".join(f"{key}: {there.get(key)!r}, not {here.get(key)!r}" for key in keys)
