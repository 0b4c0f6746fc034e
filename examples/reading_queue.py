"""Images that wait for a reader: a few threads share it, and no more images wait than it can soon read."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from src.reader import ReadResult, TextReader, Unreadable
from src.reader.image_source import ImageSource

LOOK_SECONDS = 0.25  # between two looks whether the client is still there


class QueueFullError(Exception):
    """So many images wait that one more would not be read in time."""


class ClientGoneError(Exception):
    """Nobody waits for the result any more."""


@dataclass(frozen=True)
class Limits:
    """What a service accepts.

    Attributes:
        max_bytes: of a file.
        workers: images that are read at once.
        max_waiting: images that wait at most while others are read.
        seconds: how long a request may take, waiting included.
    """

    max_bytes: int = 20 * 2**20
    workers: int = 2
    max_waiting: int = 16
    seconds: float = 60.0


class ReadingQueue:
    """Reads images on `limits.workers` threads with one reader. Used from one event loop."""

    def __init__(self, reader: TextReader, limits: Limits):
        self._reader, self._limits = reader, limits
        self._pool = ThreadPoolExecutor(limits.workers, thread_name_prefix="read")
        self.unfinished = 0

    async def read(
        self, data: bytes, name: str, is_gone: Callable[[], Awaitable[bool]], *, every_page: bool = False
    ) -> list[ReadResult | Unreadable]:
        """The result of each page of a file, or of the first page.

        A request that is given up, by its client or by its time, leaves the queue; if its image is just being read,
        the thread is free again after the page.

        Raises:
            QueueFullError: before anything is done.
            ClientGoneError: `is_gone` has become true.
            TimeoutError: the request took longer than `limits.seconds`.
        """
        if self.unfinished >= self._limits.workers + self._limits.max_waiting:
            raise QueueFullError
        loop, given_up = asyncio.get_running_loop(), threading.Event()
        self.unfinished += 1
        job = self._pool.submit(self._pages, data, name, every_page, given_up)
        job.add_done_callback(lambda _: loop.call_soon_threadsafe(self._finished))
        result = asyncio.wrap_future(job)
        try:
            deadline = loop.time() + self._limits.seconds
            while not (await asyncio.wait({result}, timeout=LOOK_SECONDS))[0]:
                if await is_gone():
                    raise ClientGoneError
                if loop.time() > deadline:
                    raise TimeoutError
            return result.result()
        finally:
            given_up.set()
            job.cancel()

    def _finished(self) -> None:
        self.unfinished -= 1

    def _pages(
        self, data: bytes, name: str, every_page: bool, given_up: threading.Event
    ) -> list[ReadResult | Unreadable]:
        if not every_page:
            return [self._reader.read(data, name)]
        results = []
        for result in self._reader.read_many([ImageSource(data, name)]):
            results.append(result)
            if given_up.is_set():
                break
        return results

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)
