"""One output of a build: an LMDB with its report and its list of rejects, which remembers how far it is."""

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from src.common.atomic_file import write_json
from src.common.bounded_file import SMALL, read_bounded_text
from src.common.errors import UserError
from src.common.printable import printable
from src.data.recognition.annotations import Reject
from src.data.recognition.lmdb_errors import LmdbError
from src.data.recognition.lmdb_reader import LmdbWords
from src.data.recognition.lmdb_verify import verify_lmdb
from src.data.recognition.lmdb_writer import LmdbWriter

REPORT_NAME = "report.json"
REJECTED_NAME = "rejected.tsv"
DATA_FILE = "data.mdb"
NOT_BAD = frozenset({"marked as not readable"})  # left out on purpose, by the data set itself
_WORK = ".building"
_CHECKED_FROM = 1000  # bad words: too many for whatever follows, or not one good, end a build before its end


class LmdbOutput:
    """One LMDB being built, its list of rejects, and its place in the word set.

    What replaces an LMDB is built in a hidden folder inside it, so that the older one stays until the new one is
    verified.
    """

    def __init__(self, path: Path, job: dict[str, Any], overwrite: bool, commit_samples: int, max_bad_ratio: float):
        self.path = path
        self._work = path / _WORK if overwrite and (path / DATA_FILE).is_file() else path
        self.job = job
        self._max_bad_ratio = max_bad_ratio
        self._examples: dict[str, str] = {}
        self.writer: LmdbWriter | None = None
        self._is_finished = False
        if self._already_built() and not overwrite:
            self.next: int = job["items"]
            self.rejected: Counter[str] = Counter(self.report["rejected"])
            return
        self.writer = LmdbWriter(self._work, job=job, overwrite=overwrite, commit_samples=commit_samples)
        progress = self.writer.progress
        self.next = progress.get("next", 0)
        self.rejected = Counter(progress.get("rejected", {}))
        self._list_size: int = progress.get("list_size", 0)
        self._list = open(self._work / REJECTED_NAME, "ab")  # noqa: SIM115 - closed with the writer
        self._list.truncate(self._list_size)
        (self._work / REPORT_NAME).unlink(missing_ok=True)

    def _already_built(self) -> bool:
        """Whether this very build ended here before, so that at most another output or the check is left."""
        try:
            LmdbWords(self.path).close()
            self.report = json.loads(read_bounded_text(self.path / REPORT_NAME, SMALL))
            return self.report["job"] == self.job and isinstance(self.report["verified"], bool)
        except (LmdbError, OSError, ValueError, KeyError):
            return False

    @property
    def written(self) -> int:
        """Words of the finished LMDB."""
        return self.report["written"]

    @property
    def complete(self) -> bool:
        """Whether nothing at all is left to do here."""
        return self.writer is None and self.report["verified"]

    def take(self, index: int, item: tuple[bytes, str] | Reject) -> None:
        """Item `index` of the word set, which is next for this output."""
        assert self.writer is not None  # a finished output wants no items
        if isinstance(item, Reject):
            self.rejected[item.reason] += 1
            self._examples.setdefault(item.reason, item.detail)
            text = "\t".join(map(printable, filter(None, (item.name, item.reason, item.detail)))) + "\n"
            line = text.encode()
            self._list.write(line)
            self._list.flush()
            self._list_size += len(line)
        else:
            self.writer.add(*item)
        self.next = index + 1
        self.writer.progress = {
            "next": self.next,
            "rejected": dict(self.rejected),
            "list_size": self._list_size,
        }
        if isinstance(item, Reject) and self._bad_words >= _CHECKED_FROM:
            self._check_bad(self._max_bad_ratio * self.job["items"] if self.writer.count else 0)

    @property
    def _bad_words(self) -> int:
        return sum(count for reason, count in self.rejected.items() if reason not in NOT_BAD)

    def _check_bad(self, most: float) -> None:
        """Raise UserError when more words than that are bad; what is done so far stays for a later build."""
        if self._bad_words <= most:
            return
        assert self.writer is not None  # only a build in progress is checked
        self.writer.commit()
        examined = self.writer.count + self.rejected.total()
        share = f"more than {self._max_bad_ratio:.0%}"
        raise UserError(f"{self._bad_words} of {examined} words are bad, {share} ({self._reasons()})")

    def _reasons(self) -> str:
        """Counts by reason, each with the first row that shows it."""
        return ", ".join(
            f"{reason}: {count}" + (f", such as {example}" if (example := self._examples.get(reason)) else "")
            for reason, count in self.rejected.most_common()
        )

    def finish(self) -> None:
        """Complete the LMDB.

        Raises:
            UserError: too much was bad; the build can then go on later.
        """
        if self.writer is None:
            return
        self._check_bad(self._max_bad_ratio * (self.writer.count + self.rejected.total()))
        if not self.writer.count:
            raise LmdbError(f"no word is left for {str(self.path)!r} ({self._reasons() or 'nothing was given'})")
        self._save_report(verified=False)
        self.writer.finish()
        self._is_finished = True
        self.close()

    def verify(self, workers: int, on_progress: Callable[[int], None]) -> dict[str, Any]:
        """Check the finished LMDB, put it in its place, and return its report."""
        try:
            verify_lmdb(self._work, workers=workers, on_progress=on_progress)
            self._save_report(verified=True)
            if self._work != self.path:
                (self.path / REPORT_NAME).unlink(missing_ok=True)  # that of the older one
                for name in (DATA_FILE, REJECTED_NAME, REPORT_NAME):
                    os.replace(self._work / name, self.path / name)
        finally:
            self._remove_hidden()
        return self.report

    def _remove_hidden(self) -> None:
        """The hidden folder, where there is one: a build that is to replace another begins anew each time."""
        if self._work != self.path:
            shutil.rmtree(self._work, ignore_errors=True)

    def _save_report(self, *, verified: bool) -> None:
        written = self.writer.count if self.writer is not None else self.report["written"]
        self.report = {
            "job": self.job,
            "output": str(self.path),
            "written": written,
            "rejected": dict(sorted(self.rejected.items())),
            "verified": verified,
        }
        write_json(self._work / REPORT_NAME, self.report)

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
            self._list.close()
            if not self._is_finished:
                self._remove_hidden()
