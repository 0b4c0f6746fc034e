"""Work in several processes, and why they are started as they are.

One policy for all: no process is forked. This one may hold threads (MindSpore's from its import on, a progress bar's,
OpenCV's), and a fork copies their locks in whatever state they are, so that a child may hang at the first one. Pools
that build data sets are made by `spawn`, which imports the caller's main script anew: cheap, because those scripts
import no framework. Training does, so its workers are interpreters of their own (see `workers`).

Ctrl-C reaches every process of a terminal. It is for the one that was started there, which then ends the others: they
would each print where they were, and a pool some of whose processes have ended may wait for them for ever.
"""

import multiprocessing
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any, TypeVar

import cv2

from src.common.signal_handlers import delayed

Result = TypeVar("Result")

_job: dict[str, Any] = {}


class _Process(SpawnProcess):
    """A process that Ctrl-C does not reach, and that is not left half started."""

    def start(self) -> None:
        resource_tracker.ensure_running()  # where this starts that process, it lets signals through again
        with delayed(signal.SIGINT, signal.SIGTERM):
            before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                super().start()
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Context(SpawnContext):
    Process = _Process


@contextmanager
def spawn_pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """So many fresh processes. After an error they are ended, whatever they have still to do."""
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(workers, mp_context=_Context())
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()
        raise
    pool.shutdown()


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
    with _Context().Pool(workers, initializer=_prepare, initargs=(function, arguments)) as pool:
        yield from pool.imap(_perform, range(start, count), chunksize=chunk)
