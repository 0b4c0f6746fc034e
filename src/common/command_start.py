"""The first lines of a command: what ends it while it still imports what it needs is one line.

An exception that Ctrl-C raises in the middle of an import becomes whatever the package makes of it: a traceback, an
ImportError, or nothing, and the command goes on. So the process ends at once then; there is nothing to clean up that
the next run does not.
"""

import os
import signal
import sys
from types import FrameType, TracebackType

_INTERRUPTED = b"error: interrupted\n"
_EXIT_CODE = 128 + signal.SIGINT

_is_running = False


def start_command() -> None:
    """For the first line of a command: its imports end with one line for a missing package, and for Ctrl-C."""
    sys.excepthook = _explain
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # where nobody wants it ignored
        signal.signal(signal.SIGINT, _interrupt)


def imports_are_done() -> None:
    """From now on Ctrl-C raises KeyboardInterrupt, except in the middle of an import that comes later."""
    global _is_running  # noqa: PLW0603 - a process runs one command
    _is_running = True


def _interrupt(signum: int, frame: FrameType | None) -> None:
    if not _is_running or is_importing(frame):
        os.write(2, _INTERRUPTED)
        os._exit(_EXIT_CODE)
    raise KeyboardInterrupt


def is_importing(frame: FrameType | None) -> bool:
    """Whether a package is being imported where a signal came."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _explain(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    from src.common.missing_package import missing_package  # noqa: PLC0415 - nothing may come before `start_command`

    line = missing_package(error)
    if line:
        print(f"error: {line}", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)
