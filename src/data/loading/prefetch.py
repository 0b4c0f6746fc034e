"""Work done ahead of its use, in threads, in the order of its items."""

import contextlib
import os
import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import cv2

Item = TypeVar("Item")
Result = TypeVar("Result")
Batch = TypeVar("Batch")


def usable_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def clamp_workers(num_workers: int | None) -> int:
    """A number of worker threads between 1 and the cores at hand; None asks for as many as are useful (8)."""
    return max(1, min(8 if num_workers is None else num_workers, usable_cores()))


def work_ahead(
    submit: Callable[[Item], "Future[Result]"], items: Iterable[Item], ahead: int
) -> Generator[tuple[Item, Result], None, None]:
    """Each item and its result, in order; `ahead` items are at work while one is used.

    Args:
        submit: starts the work on an item, in whatever thread or process.

    An exception of an item is raised at its place. What is not begun when the iterator is closed is canceled.
    """
    pending: deque[tuple[Item, Future[Result]]] = deque()
    try:
        for item in items:
            pending.append((item, submit(item)))
            if len(pending) > ahead:
                first, future = pending.popleft()
                yield first, future.result()
        while pending:
            first, future = pending.popleft()
            yield first, future.result()
    finally:
        for _, future in pending:
            future.cancel()


def map_in_order(
    function: Callable[[Item], Result], items: Iterable[Item], *, num_workers: int, ahead: int
) -> Generator[Result, None, None]:
    """`function` of every item, in order, computed by threads up to `ahead` items before it is used.

    An exception of an item is raised at its place. Threads end when the iterator is closed or exhausted.
    """
    executor = ThreadPoolExecutor(num_workers, thread_name_prefix="sample")
    results = work_ahead(lambda item: executor.submit(function, item), items, ahead)
    try:
        for _, result in results:
            yield result
    finally:
        results.close()
        executor.shutdown(wait=True, cancel_futures=True)


class _Failure:
    def __init__(self, error: BaseException) -> None:
        self.error = error


_END = object()


def run_ahead(make_iterator: Callable[[], Iterator[Result]], depth: int) -> Iterator[Result]:
    """Results of an iterator that lives in a thread of its own and stays up to `depth` results ahead.

    The iterator is made, advanced and closed in that thread; its exception is raised here, in its place.
    """
    results: queue.Queue = queue.Queue(maxsize=depth)
    stopped = threading.Event()

    def put(value: object) -> bool:
        while not stopped.is_set():
            try:
                results.put(value, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        iterator: Iterator[Result] | None = None
        try:
            iterator = make_iterator()
            for result in iterator:
                if not put(result):
                    return
            put(_END)
        except BaseException as error:
            put(_Failure(error))
        finally:
            if isinstance(iterator, Generator):
                iterator.close()

    thread = threading.Thread(target=work, name="prefetch", daemon=True)
    thread.start()
    try:
        while (result := results.get()) is not _END:
            if isinstance(result, _Failure):
                raise result.error
            yield result
    finally:
        stopped.set()
        thread.join()


@contextlib.contextmanager
def _one_cv2_thread() -> Iterator[None]:
    """While several threads call OpenCV, its own threads would only fight over the cores."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def batches_ahead(
    work: Callable[[Item], Result | None],
    items: Iterable[Item],
    collate: Callable[[list[Result]], Batch],
    *,
    batch_size: int,
    num_workers: int,
    depth: int,
) -> Iterator[Batch]:
    """`collate` of every `batch_size` results of `work`, in order, up to `depth` batches ahead of their use.

    Items are drawn and batches are put together in a thread of their own. A result None is left out; the last
    batch may be smaller.
    """

    def collect() -> Iterator[Batch]:
        batch: list[Result] = []
        results = map_in_order(work, items, num_workers=num_workers, ahead=num_workers + batch_size)
        with contextlib.closing(results):
            for result in results:
                if result is not None:
                    batch.append(result)
                if len(batch) == batch_size:
                    yield collate(batch)
                    batch = []
        if batch:
            yield collate(batch)

    with _one_cv2_thread():
        yield from run_ahead(collect, depth)
