"""The one error type that every layer shares."""

from typing import ClassVar

from src.common.printable import LONGEST_LINE


class UserError(ValueError):
    """A problem the user can solve: a bad file, a bad value, a missing piece.

    Library code raises it (or a subclass) with the offending value and what is accepted;
    the command line prints it as one line and exits with a non-zero code.
    """

    longest_line: ClassVar[int] = LONGEST_LINE  # characters; a subclass may need more
