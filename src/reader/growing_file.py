"""A text file that grows with every image, and what a full disk or a folder without permission makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from src.common.errors import UserError


class GrowingFile:
    """`path`, empty at first, in UTF-8; missing folders are made.

    Every method raises UserError, which names `shown`, for what the system refuses. Only what `flush` or `close` has
    passed on is sure to be there.
    """

    def __init__(self, path: Path, shown: Path | None = None):
        self._shown = shown or path
        with self._named():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(path, "w", encoding="utf-8", newline="")  # noqa: SIM115 - closed by close()

    def write(self, text: str) -> None:
        with self._named():
            self._file.write(text)

    def flush(self) -> None:
        with self._named():
            self._file.flush()

    def close(self) -> None:
        with self._named():
            self._file.close()

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UserError(f"output_dir: cannot write {self._shown}: {error.strerror or error}") from None
