"""What library code logs, as plain lines on standard output, in one stream with the results that it leads to.

Library code has one logger per module and no handler; only an entry point decides that somebody wants to see it.
"""

import logging
from functools import cached_property
from typing import TYPE_CHECKING

from src.common.printable import one_line

if TYPE_CHECKING:
    from rich.console import Console

_STYLES = {logging.WARNING: "yellow", logging.ERROR: "red"}


class ConsoleHandler(logging.Handler):
    """A line per message, colored by its level on a terminal, and as it is in a file."""

    @cached_property
    def _console(self) -> "Console":
        from rich.console import Console  # noqa: PLC0415 - a tenth of a second that a command with nothing to log saves

        return Console(soft_wrap=True, markup=False, highlight=False, emoji=False)

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        is_problem = record.levelno >= logging.WARNING  # which may name a file of any name
        self._console.print(one_line(text) if is_problem else text, style=_STYLES.get(record.levelno))
        self._console.file.flush()


def log_to_console() -> None:
    """Show what this project's modules log from now on; a second call changes nothing."""
    logger = logging.getLogger("src")
    logger.setLevel(logging.INFO)
    if not any(isinstance(handler, ConsoleHandler) for handler in logger.handlers):
        logger.addHandler(ConsoleHandler())
