"""Samples by index from several processes, in order."""

import multiprocessing
from collections.abc import Callable, Iterator
from typing import Any

import cv2

_job: dict[str, Any] = {}


def _prepare(function: Callable[..., Any], arguments: tuple) -> None:
    cv2.setNumThreads(1)  # one process per core: threads inside each would only get in each other's way
    _job["call"] = (function, arguments)


def _perform(index: int) -> Any:
    function, arguments = _job["call"]
    return function(*arguments, index)


def ordered_results(function: Callable[..., Any], arguments: tuple, count: int, workers: int, *,
                    start: int = 0, chunk: int = 8) -> Iterator[Any]:  # fmt: skip
    """Yield `function(*arguments, index)` for index start .. count-1, computed by `workers` processes.

    `arguments` are sent to each process once. With one worker everything happens in this process. The results
    do not depend on the number of workers as long as the function depends on its arguments alone.
    """
    if workers <= 1:
        for index in range(start, count):
            yield function(*arguments, index)
        return
    # fresh processes: a forked copy of a process with running threads may hang
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers, initializer=_prepare, initargs=(function, arguments)) as pool:
        yield from pool.imap(_perform, range(start, count), chunksize=chunk)
