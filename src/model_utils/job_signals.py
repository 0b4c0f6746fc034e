"""Signals: of a job that has something left to do when it is stopped, and those that MindSpore would change."""

import _thread
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from src.common.signal_handlers import Handler, put_back, set_handlers


@contextmanager
def stop_by_exception() -> Iterator[None]:
    """SIGTERM raises SystemExit with the exit code that shells report for it (143)."""

    def leave(signum: int, frame: FrameType | None) -> None:
        sys.exit(128 + signum)

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
        put_back(before)


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
