"""Checking a finished word LMDB: every sample decodes, and the keys are those that `num-samples` counts."""

from collections.abc import Callable
from pathlib import Path

from src.data.loading.processes import ordered_results
from src.data.recognition.lmdb_errors import LmdbError
from src.data.recognition.lmdb_reader import LmdbWords
from src.data.recognition.word_images import SampleError

_CHUNK = 2000


def _problem(words: LmdbWords, index: int) -> str:
    try:
        words.sample(index)
    except SampleError as error:
        return str(error)
    return ""


def verify_lmdb(path: str | Path, *, workers: int = 1, on_progress: Callable[[int], None] | None = None) -> int:
    """Decode every sample of the LMDB and count its keys; returns the number of samples.

    `on_progress` is called with the number of samples checked so far.

    Raises:
        LmdbError: names the first bad samples, or the number of keys that do not belong.
    """
    words = LmdbWords(path)
    count = len(words)
    problems: list[str] = []
    found = ordered_results(_problem, (words,), count, min(workers, -(-count // _CHUNK)), chunk=_CHUNK)
    for done, problem in enumerate(found, 1):
        if problem:
            problems.append(problem)
        if on_progress is not None and (done % _CHUNK == 0 or done == count):
            on_progress(done)
    surplus = words.entries() - (2 * count + 1)
    if problems:
        raise LmdbError(f"{len(problems)} of {count} samples are bad: {'; '.join(problems[:3])}")
    if surplus:
        raise LmdbError(f"{str(path)!r} has {surplus:+d} keys beside its {count} samples")
    return count
