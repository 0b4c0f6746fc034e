"""Signals: of a job that has something left to do when it is stopped, and those that MindSpore would change."""

import _thread
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from src.common.command_start import is_importing
from src.common.signal_handlers import Handler, restore_handlers, set_handlers

STOPPED = "stopped by SIGTERM"


class StoppedError(SystemExit):
    """SIGTERM came; the code is the exit code that shells report for it."""

    def __init__(self) -> None:
        super().__init__(128 + signal.SIGTERM)


@contextmanager
def stop_by_exception() -> Iterator[None]:
    """SIGTERM raises StoppedError, so that worker processes are ended and temporary files removed.

    In the middle of an import it ends the process at once, see `command_start`.
    """

    def leave(signum: int, frame: FrameType | None) -> None:
        if is_importing(frame):
            os.write(2, f"error: {STOPPED}\n".encode())
            os._exit(128 + signum)
        raise StoppedError

    with _handlers({signal.SIGTERM: leave}):
        yield


@contextmanager
def held_signals() -> Iterator[None]:
    """SIGTERM and SIGINT do nothing: what runs inside is the last thing to do before the end."""

    def ignore(signum: int, frame: FrameType | None) -> None:
        # A function, because processes that are started inherit SIG_IGN, but not this.
        return

    with _handlers({signal.SIGTERM: ignore, signal.SIGINT: ignore}):
        yield


@contextmanager
def _handlers(wanted: dict[signal.Signals, Handler]) -> Iterator[None]:
    before = set_handlers(wanted)
    try:
        yield
    finally:
        restore_handlers(before)


def interrupts_reach_python() -> None:
    """From now on, each SIGINT (Ctrl-C) reaches Python's handler, also while MindSpore computes.

    While a graph runs, MindSpore has a handler of its own in place, which sends the process SIGTERM instead; a run
    would then end as if a scheduler had stopped it, with 143 instead of 130. So the signal is blocked, in this thread
    and in those that MindSpore starts later, and a thread waits for it. To be called in the main thread, before
    MindSpore is imported.
    """
    signal.signal(signal.SIGURG, lambda signum, frame: None)  # wakes the main thread from what it waits for
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    threading.Thread(target=_pass_on_interrupts, name="interrupts", daemon=True).start()


def _pass_on_interrupts() -> None:
    while True:
        signal.sigwait({signal.SIGINT})
        _thread.interrupt_main()
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGURG)
