"""Work in several processes, and why they are started as they are.

One policy for all: no process is forked. This one may hold threads (MindSpore's from its import on, a progress bar's,
OpenCV's), and a fork copies their locks in whatever state they are, so that a child may hang at the first one. Pools
that build data sets are made by `spawn`, which imports the caller's main script anew: cheap, because those scripts
import no framework. Training does, so its workers are interpreters of their own (see `workers`).
"""

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.context import SpawnContext
from typing import Any, TypeVar

import cv2

Result = TypeVar("Result")

_job: dict[str, Any] = {}


def spawn_context() -> SpawnContext:
    """How processes are started."""
    return multiprocessing.get_context("spawn")


def spawn_pool(workers: int) -> ProcessPoolExecutor:
    """So many fresh processes, to be entered with `with`."""
    return ProcessPoolExecutor(workers, mp_context=spawn_context())


def _prepare(function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    cv2.setNumThreads(1)  # one process per core: threads inside each would only get in each other's way
    _job["call"] = (function, arguments)


def _perform(index: int) -> Any:
    function, arguments = _job["call"]
    return function(*arguments, index)


def ordered_results(
    function: Callable[..., Result],
    arguments: tuple[Any, ...],
    count: int,
    workers: int,
    *,
    start: int = 0,
    chunk: int = 8,
) -> Iterator[Result]:
    """Yield `function(*arguments, index)` for index start .. count-1, computed by `workers` processes.

    `arguments` are sent to each process once. With one worker everything happens in this process. The results
    do not depend on the number of workers as long as the function depends on its arguments alone.
    """
    if workers <= 1:
        for index in range(start, count):
            yield function(*arguments, index)
        return
    with spawn_context().Pool(workers, initializer=_prepare, initargs=(function, arguments)) as pool:
        yield from pool.imap(_perform, range(start, count), chunksize=chunk)
