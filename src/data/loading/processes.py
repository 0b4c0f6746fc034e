"""A function of many numbers, computed by several processes (see `workers`) and given in order."""

from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from typing import Any, TypeVar

from src.data.loading.prefetch import work_ahead
from src.data.loading.workers import BatchWorkers

Result = TypeVar("Result")


def _results_of(function: Callable[..., Result], arguments: tuple[Any, ...], indices: range) -> list[Result]:
    return [function(*arguments, index) for index in indices]


def ordered_results(
    function: Callable[..., Result],
    arguments: tuple[Any, ...],
    count: int,
    workers: int,
    *,
    start: int = 0,
    chunk: int = 8,
) -> Iterator[Result]:
    """Yield `function(*arguments, index)` for index start .. count-1, computed by `workers` processes.

    `arguments` are sent to each process once. With one worker everything happens in this process. The results
    do not depend on the number of workers as long as the function depends on its arguments alone.
    """
    if workers <= 1:
        for index in range(start, count):
            yield function(*arguments, index)
        return
    chunks = [range(first, min(first + chunk, count)) for first in range(start, count, chunk)]
    with closing(BatchWorkers(partial(_results_of, function, arguments), workers)) as processes:
        for _, results in work_ahead(processes.submit, chunks, ahead=4 * workers):
            yield from results
