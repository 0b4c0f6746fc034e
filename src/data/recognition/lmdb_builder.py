"""From a word set to finished, verified LMDBs: several processes check the images, this one writes.

A build may have two outputs, training and held-out words, divided by the hash of the words' groups. Each
output remembers by itself how far it is, so a build that was killed goes on exactly where each of them was.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from src.common.atomic_file import write_json
from src.common.bounded_file import SMALL, read_bounded_text
from src.common.errors import UserError
from src.common.options import OptionError
from src.data.loading.prefetch import work_ahead
from src.data.loading.processes import spawn_pool
from src.data.recognition.annotations import Reject, WordSet, group_hash, held_out_threshold
from src.data.recognition.encoding import encode_words
from src.data.recognition.lmdb_errors import LmdbError, LmdbPlaceError
from src.data.recognition.lmdb_reader import LmdbWords
from src.data.recognition.lmdb_verify import verify_lmdb
from src.data.recognition.lmdb_writer import LmdbWriter

REPORT_NAME = "report.json"
REJECTED_NAME = "rejected.tsv"
NOT_BAD = frozenset({"marked as not readable"})  # left out on purpose, by the data set itself
_CHUNK = 64
_CHECKED_FROM = 1000  # bad words: too many for whatever follows, or not one good, end a build before its end


Progress = Callable[[str, int, int], None]  # stage, done, total


class _Output:
    """One LMDB being built, its list of rejects, and its place in the word set."""

    def __init__(self, path: Path, job: dict[str, Any], overwrite: bool, commit_samples: int, max_bad_ratio: float):
        self.path = path
        self.job = job
        self._max_bad_ratio = max_bad_ratio
        self._examples: dict[str, str] = {}
        self.writer: LmdbWriter | None = None
        if self._already_built() and not overwrite:
            self.next: int = job["items"]
            self.rejected: Counter[str] = Counter(self.report["rejected"])
            return
        self.writer = LmdbWriter(path, job=job, overwrite=overwrite, commit_samples=commit_samples)
        progress = self.writer.progress
        self.next = progress.get("next", 0)
        self.rejected = Counter(progress.get("rejected", {}))
        self._list_size: int = progress.get("list_size", 0)
        self._list = open(path / REJECTED_NAME, "ab")  # noqa: SIM115 - closed with the writer
        self._list.truncate(self._list_size)
        (path / REPORT_NAME).unlink(missing_ok=True)

    def _already_built(self) -> bool:
        """Whether this very build ended here before, so that at most another output or the check is left."""
        try:
            LmdbWords(self.path).close()
            self.report = json.loads(read_bounded_text(self.path / REPORT_NAME, SMALL))
            return self.report["job"] == self.job and isinstance(self.report["verified"], bool)
        except (LmdbError, OSError, ValueError, KeyError):
            return False

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
            text = "\t".join(filter(None, (item.name, item.reason, item.detail))) + "\n"
            line = text.encode("utf-8", "replace")
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
        self.close()

    def verify(self, workers: int, on_progress: Callable[[int], None]) -> dict[str, Any]:
        """Check the finished LMDB and return its report."""
        verify_lmdb(self.path, workers=workers, on_progress=on_progress)
        self._save_report(verified=True)
        return self.report

    def _save_report(self, *, verified: bool) -> None:
        written = self.writer.count if self.writer is not None else self.report["written"]
        self.report = {
            "job": self.job,
            "output": str(self.path),
            "written": written,
            "rejected": dict(sorted(self.rejected.items())),
            "verified": verified,
        }
        write_json(self.path / REPORT_NAME, self.report)

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
            self._list.close()


def build_lmdb(
    words: WordSet,
    output: Path,
    *,
    description: dict[str, Any],
    holdout: int = 0,
    holdout_output: Path | None = None,
    workers: int = 1,
    overwrite: bool = False,
    max_bad_ratio: float = 0.1,
    commit_samples: int = 2000,
    on_progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> list[dict[str, Any]]:
    """Write `words` to the LMDB folder `output`, with report.json and rejected.tsv (name, reason, detail) beside it.

    Args:
        words: what to write.
        output: the folder.
        description: what identifies the word set; a killed build continues only with an equal one.
        holdout: at least this many items, whole groups of them, go to `holdout_output` instead; which ones depends
            on the names of the groups only.
        holdout_output: the folder for these.
        workers: processes.
        overwrite: replace an LMDB that is there.
        max_bad_ratio: share of rejected items above which the build fails.
        commit_samples: samples per transaction.
        on_progress: called from time to time with (stage, done, total).

    Returns:
        One report per output, as JSON values.

    Raises:
        UserError: the labels cannot be used, or too much was bad.
    """
    if bool(holdout) != bool(holdout_output):
        raise OptionError("holdout needs both the number of words and the folder for them")
    threshold = held_out_threshold(words, holdout) if holdout else -1
    job = {**description, "items": words.count, "holdout": holdout}
    with ExitStack() as stack:
        outputs = []
        for path, part in [(output, "main"), *([(holdout_output, "holdout")] if holdout_output else [])]:
            outputs.append(_Output(Path(path), {**job, "part": part}, overwrite, commit_samples, max_bad_ratio))
            stack.callback(outputs[-1].close)
        if all(one.complete for one in outputs):
            raise LmdbPlaceError(f"{str(output)!r} is a finished LMDB; --force replaces it, or give a new folder")
        _write(words, outputs, threshold, workers, on_progress)
        for one in outputs:
            one.finish()
    return [
        one.verify(
            workers,
            partial(_log_verified, on_progress, one.path),
        )
        for one in outputs
    ]


def _log_verified(on_progress: Progress, path: Path, done: int) -> None:
    on_progress(f"verify {path.name}", done, len(LmdbWords(path)))


def _write(words: WordSet, outputs: list[_Output], threshold: int, workers: int, on_progress: Progress) -> None:
    """Pass what is not yet written through the checking processes, in order, to its output."""

    def todo() -> Iterator[tuple[int, _Output, Any]]:
        for index, word in enumerate(words.iterate()):
            part = outputs[group_hash(word.group) <= threshold]
            if index >= part.next:
                yield index, part, word

    items = todo()
    chunks = iter(lambda: list(islice(items, _CHUNK)), [])
    for chunk, results in _checked(chunks, workers if words.count > 4 * _CHUNK else 1):
        for (index, part, _), result in zip(chunk, results, strict=True):
            part.take(index, result)
        on_progress("write", chunk[-1][0] + 1, words.count)


def _checked(
    chunks: Iterable[list[tuple[int, _Output, Any]]], workers: int
) -> Iterator[tuple[list[tuple[int, _Output, Any]], list[Any]]]:
    """(chunk, encoded words of it) in order, a few chunks ahead in worker processes."""
    if workers <= 1:
        for chunk in chunks:
            yield chunk, encode_words([word for _, _, word in chunk])
        return
    with spawn_pool(workers) as pool:
        yield from work_ahead(
            lambda chunk: pool.submit(encode_words, [word for _, _, word in chunk]), chunks, ahead=4 * workers
        )
