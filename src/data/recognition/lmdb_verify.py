"""Checking a finished word LMDB: every sample decodes, and the keys are those that `num-samples` counts."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from src.data.loading.processes import spawn_pool
from src.data.recognition.lmdb_errors import LmdbError
from src.data.recognition.lmdb_reader import LmdbWords
from src.data.recognition.word_images import SampleError

_CHUNK = 2000


def _bad_samples(words: LmdbWords, start: int, stop: int) -> list[str]:
    problems = []
    for index in range(start, stop):
        try:
            words.sample(index)
        except SampleError as error:
            problems.append(str(error))
    return problems


def verify_lmdb(path: str | Path, *, workers: int = 1, on_progress: Callable[[int], None] | None = None) -> int:
    """Decode every sample of the LMDB and count its keys; returns the number of samples.

    `on_progress` is called with the number of samples checked so far.

    Raises:
        LmdbError: names the first bad samples, or the number of keys that do not belong.
    """
    words = LmdbWords(path)
    count = len(words)
    chunks = [(start, min(start + _CHUNK, count)) for start in range(0, count, _CHUNK)]
    problems: list[str] = []
    if workers > 1 and len(chunks) > 1:
        with spawn_pool(min(workers, len(chunks))) as pool:
            results = pool.map(_bad_samples, *zip(*((words, *chunk) for chunk in chunks), strict=True))
            problems = _collect(results, chunks, on_progress)
    else:
        problems = _collect((_bad_samples(words, *chunk) for chunk in chunks), chunks, on_progress)
    surplus = words.entries() - (2 * count + 1)
    if problems:
        raise LmdbError(f"{len(problems)} of {count} samples are bad: {'; '.join(problems[:3])}")
    if surplus:
        raise LmdbError(f"{str(path)!r} has {surplus:+d} keys beside its {count} samples")
    return count


def _collect(
    results: Iterable[list[str]], chunks: Sequence[tuple[int, int]], on_progress: Callable[[int], None] | None
) -> list[str]:
    problems: list[str] = []
    for bad, (_, stop) in zip(results, chunks, strict=True):
        problems += bad
        if on_progress is not None:
            on_progress(stop)
    return problems
