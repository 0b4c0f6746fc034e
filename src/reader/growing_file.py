"""A text file that grows with every image, written aside until it is complete."""

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from src.common.atomic_file import open_temporary, temporary_beside
from src.common.errors import UserError


class GrowingFile:
    """What is to become `path`, in UTF-8; missing folders are made. Until it is complete, `path` is as it was.

    Every method raises UserError, which names `path`, for what the system refuses: a full disk, a folder without
    permission.
    """

    def __init__(self, path: Path):
        self.path = path
        self._temporary = temporary_beside(path)
        with self._named():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open_temporary(self._temporary)

    def write(self, text: str) -> None:
        with self._named():
            self._file.write(text.encode("utf-8", "backslashreplace"))

    def close(self, complete: bool = True) -> None:
        """Give a complete file its name; an incomplete one is removed."""
        try:
            with self._named():
                self._file.close()
                if complete:
                    os.replace(self._temporary, self.path)
        finally:
            with contextlib.suppress(OSError):
                self._temporary.unlink()

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UserError(f"output_dir: cannot write {self.path}: {error.strerror or error}") from None
