"""Handlers of signals, set for a while and put back."""

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

Handler = Callable[[int, FrameType | None], None]


def set_handlers(wanted: Mapping[signal.Signals, Handler]) -> dict[signal.Signals, Any]:
    """Set handlers, and return those before, for `restore_handlers`.

    Outside the main thread, where Python allows no handlers, nothing is set and nothing returned.
    """
    if threading.current_thread() is not threading.main_thread():
        return {}
    return {signum: signal.signal(signum, handler) for signum, handler in wanted.items()}


def restore_handlers(before: dict[signal.Signals, Any]) -> None:
    """Set the handlers that `set_handlers` returned, once: `before` is empty afterwards."""
    while before:
        signum, handler = before.popitem()
        signal.signal(signum, handler if handler is not None else signal.SIG_DFL)


@contextmanager
def delayed(*signals: signal.Signals) -> Iterator[None]:
    """What these signals do, they do when the block ends.

    Blocking them would not do: another thread may take a signal, and Python answers it in the main one.
    """
    came: list[int] = []
    before = set_handlers(dict.fromkeys(signals, lambda signum, frame: came.append(signum)))
    try:
        yield
    finally:
        restore_handlers(before)
        for signum in came:
            signal.raise_signal(signum)
