"""From a word set to finished, verified LMDBs: several processes check the images, this one writes.

A build may have two outputs, training and held-out words, divided by the hash of the words' groups. Each
output remembers by itself how far it is, so a build that was killed goes on exactly where each of them was.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from src.common.options import OptionError
from src.data.loading.prefetch import work_ahead
from src.data.loading.workers import BatchWorkers
from src.data.recognition.annotations import WordSet, group_hash, held_out_threshold
from src.data.recognition.encoding import encode_words
from src.data.recognition.lmdb_errors import LmdbPlaceError
from src.data.recognition.lmdb_output import LmdbOutput

_CHUNK = 64


Progress = Callable[[str, int, int], None]  # stage, done, total


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
            outputs.append(LmdbOutput(Path(path), {**job, "part": part}, overwrite, commit_samples, max_bad_ratio))
            stack.callback(outputs[-1].close)
        if all(one.complete for one in outputs):
            raise LmdbPlaceError(f"{str(output)!r} is a finished LMDB; --force replaces it, or give a new folder")
        _write(words, outputs, threshold, workers, on_progress)
        for one in outputs:
            one.finish()
    return [
        one.verify(
            workers,
            partial(_log_verified, on_progress, one.path, one.written),
        )
        for one in outputs
    ]


def _log_verified(on_progress: Progress, path: Path, total: int, done: int) -> None:
    on_progress(f"verify {path.name}", done, total)


def _write(words: WordSet, outputs: list[LmdbOutput], threshold: int, workers: int, on_progress: Progress) -> None:
    """Pass what is not yet written through the checking processes, in order, to its output."""

    def todo() -> Iterator[tuple[int, LmdbOutput, Any]]:
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
    chunks: Iterable[list[tuple[int, LmdbOutput, Any]]], workers: int
) -> Iterator[tuple[list[tuple[int, LmdbOutput, Any]], list[Any]]]:
    """(chunk, encoded words of it) in order, a few chunks ahead in worker processes."""
    if workers <= 1:
        for chunk in chunks:
            yield chunk, encode_words([word for _, _, word in chunk])
        return
    with closing(BatchWorkers(encode_words, workers)) as processes:
        yield from work_ahead(
            lambda chunk: processes.submit([word for _, _, word in chunk]), chunks, ahead=4 * workers
        )
