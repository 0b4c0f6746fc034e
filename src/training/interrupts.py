"""SIGTERM and SIGINT become a request that the loop answers at the end of the step."""

import signal
import time
from types import FrameType
from typing import Any

from src.common.signal_handlers import restore_handlers, set_handlers

EXIT_CODE_BASE = 128  # as shells count: 143 after SIGTERM, 130 after SIGINT
IMPATIENCE_SECONDS = 1.0  # what comes sooner is the same stop, passed on by a launcher


class StopRequest:
    """Context manager that notes SIGTERM/SIGINT instead of dying from them.

    Schedulers signal the process group and then each process, and launchers pass on what they get, so several
    signals of one stop are the rule: none of them may cut off the checkpoint that the first one requested. A
    Ctrl-C more than a second later is a person's, and gets the handler that was there before, which ends the
    run at once. Outside the main thread, where Python allows no handlers, it does nothing.
    """

    signals = (signal.SIGTERM, signal.SIGINT)

    def __init__(self) -> None:
        self.signum: int | None = None
        self._first_time = 0.0
        self._previous: dict[signal.Signals, Any] = {}

    @property
    def requested(self) -> bool:
        return self.signum is not None

    @property
    def name(self) -> str | None:
        """The signal's name, None while there was none."""
        return None if self.signum is None else signal.Signals(self.signum).name

    def __enter__(self) -> "StopRequest":
        self._previous = set_handlers(dict.fromkeys(self.signals, self._note))
        return self

    def __exit__(self, *exc_info: object) -> None:
        restore_handlers(self._previous)

    def _note(self, signum: int, frame: FrameType | None) -> None:
        if self.signum is None:
            self.signum, self._first_time = signum, time.monotonic()
        elif signum == signal.SIGINT and time.monotonic() - self._first_time > IMPATIENCE_SECONDS:
            restore_handlers(self._previous)
            signal.raise_signal(signum)
