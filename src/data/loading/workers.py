"""Where batches, and parts of data sets, are made: on one background thread, or in processes of their own.

The processes are fresh interpreters started by their command line, not forks and not `multiprocessing`
children. MindSpore runs threads from its import on, and a fork copies their locks in whatever state they are;
the spawn and forkserver methods of `multiprocessing` would import the caller's main script, and MindSpore
with it, once per worker. A worker here imports NumPy, OpenCV, Pillow and lmdb only. It ends when its pipe
closes, so also when the process that started it is killed. Workers share no lock and no queue, so that one that is
ended in the middle of its work leaves nothing that another would wait for or complain about.

Ctrl-C reaches every process of a terminal. It is for the one that was started there, which then ends the others:
they would each print where they were.
"""

import os
import pickle
import queue
import signal
import socket
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Generic, TypeVar

import cv2

from src.common.errors import UserError
from src.common.signal_handlers import delayed

_ROOT = Path(__file__).resolve().parents[3]
Task = TypeVar("Task")
Result = TypeVar("Result")


class BatchWorkers(Generic[Task, Result]):
    """Runs `maker(task)` off the calling thread; `submit` gives a future.

    num_workers 0: one thread of this process (OpenCV, Pillow and LMDB let the others run meanwhile).
    num_workers > 0: so many processes, each used by one thread that only waits for it.
    """

    def __init__(self, maker: Callable[[Task], Result], num_workers: int = 0):
        if num_workers < 0:
            raise ValueError(f"num_workers is {num_workers}; accepted are numbers from 0")
        self._maker = maker
        self._idle: queue.SimpleQueue[_WorkerProcess] = queue.SimpleQueue()
        self._processes: list[_WorkerProcess] = []
        if num_workers:
            content = _pickled(maker)
            self._processes = [_WorkerProcess(content) for _ in range(num_workers)]
            for process in self._processes:
                self._idle.put(process)
        self._threads = ThreadPoolExecutor(max(1, num_workers), thread_name_prefix="word-batches")
        self._finalizer = weakref.finalize(self, _stop, self._threads, self._processes)

    def submit(self, task: Task) -> "Future[Result]":
        """Start making the batch of `task`; exceptions of the maker come out of the future's result()."""
        return self._threads.submit(self._in_process if self._processes else self._maker, task)

    def _in_process(self, task: Task) -> Result:
        process = self._idle.get()
        try:
            result: Result = process.run(task)
            return result
        finally:
            self._idle.put(process)

    def close(self) -> None:
        """Stop the threads and processes."""
        self._finalizer()


def _pickled(maker: object) -> bytes:
    try:
        return pickle.dumps(maker)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise UserError(f"num_workers needs word sources that can be pickled ({error}); use 0") from error


def _stop(threads: ThreadPoolExecutor, processes: "list[_WorkerProcess]") -> None:
    threads.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.stop()


class _WorkerProcess:
    """One worker and the pipe to it. One request at a time."""

    def __init__(self, maker: bytes):
        ours, theirs = socket.socketpair()
        with theirs:
            code = (
                f"import sys; sys.path[:] = {[str(_ROOT), *sys.path]!r}; "
                f"from src.data.loading.workers import serve; serve({theirs.fileno()})"
            )
            with _without_interrupts():
                self._process = subprocess.Popen(
                    [sys.executable, "-c", code], pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL
                )
        self._connection = Connection(ours.detach())
        self._starting: bytes | None = maker
        self._lock = threading.Lock()

    def run(self, task: object) -> Any:
        with self._lock:
            try:
                if self._starting is not None:
                    self._connection.send_bytes(self._starting)
                    self._starting = None
                self._connection.send(task)
                fine, result = self._connection.recv()
            except (EOFError, OSError) as error:
                code = self._process.poll()
                raise UserError(f"a data worker died (exit code {code}); out of memory?") from error
        if fine:
            return result
        raise result

    def stop(self) -> None:
        """Close the pipe, at which the worker ends; kill it if it does not."""
        self._connection.close()
        self._process.terminate()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """A process that is started inside is not reached by Ctrl-C, and is not left half started."""
    with delayed(signal.SIGINT, signal.SIGTERM):
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def serve(descriptor: int) -> None:
    """Body of a worker process: receive the maker, then answer tasks until the pipe closes."""
    cv2.setNumThreads(1)  # the workers are the parallelism
    connection = Connection(descriptor)
    try:
        content, problem = connection.recv_bytes(), None
        try:
            maker = pickle.loads(content)  # from the process that started this one
        except (ImportError, AttributeError) as error:
            problem = UserError(f"num_workers needs word sources from an importable module ({error}); use 0")
        while True:
            task = connection.recv()
            try:
                answer = (False, problem) if problem else (True, maker(task))
            except Exception as error:
                answer = (False, error)
            connection.send(answer)
    except (EOFError, ConnectionError):
        os._exit(0)
