"""The bar that shows how far a data set is built or evaluated."""

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


def progress_bar(console: Console | None = None, *, shown: bool = True) -> Progress:
    """Description, bar, count, time gone and time left of every task; to be entered with `with`.

    Args:
        console: where it is drawn, standard output by default.
        shown: False draws nothing, for ranks and callers that are to be silent.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, TimeRemainingColumn(), console=console, disable=not shown)
