"""Write the shards of a MindRecord so that an unfinished set never stands under the finished name."""

import contextlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from mindspore.mindrecord import FileWriter

from src.common.atomic_file import writing
from src.common.build_folder import build_folder
from src.common.errors import UserError
from src.data.detection.mindrecord_hashes import hashes_name, write_hashes

_BATCH_ROWS = 64
_BATCH_BYTES = 32_000_000


class MindRecordWriter:
    """Context manager: `add` rows, then `publish`. Leaving without `publish` leaves nothing behind.

    No other build writes to `output_dir` inside; see `build_folder`. Shards are written in its hidden folder and
    moved into place at the end. Older files of the same name stay until then. They are replaced in an order in which
    the first shard, through which a data set is opened, is the first to go and the last to come.
    """

    def __init__(self, output_dir: Path, file_name: str, schema: dict, *, shards: int) -> None:
        self._output_dir = Path(output_dir)
        self._file_name = file_name
        self._schema = schema
        self._shards = shards
        self._rows: list[dict] = []
        self._bytes = 0
        self.count = 0
        self._held = contextlib.ExitStack()

    @property
    def first_file(self) -> Path:
        """The file that a data set is opened with: shard 0, or the only one."""
        return self._output_dir / (self._file_name + ("0" if self._shards > 1 else ""))

    def __enter__(self) -> "MindRecordWriter":
        with contextlib.ExitStack() as stack:
            self._work_dir = stack.enter_context(build_folder(self._output_dir, self._file_name))
            with self._reasons():
                self._writer = FileWriter(str(self._work_dir / self._file_name), self._shards, overwrite=True)
                self._writer.add_schema(self._schema, "detection")
            self._held = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def add(self, row: dict) -> None:
        """Append one row of the schema. Rows are spread over the shards."""
        self._rows.append(row)
        self._bytes += len(row["image"])
        self.count += 1
        if len(self._rows) >= _BATCH_ROWS or self._bytes >= _BATCH_BYTES:
            self._flush()

    def publish(self) -> Path:
        """Finish the shards, move them into place, and return `first_file`."""
        self._flush()
        with self._reasons():
            self._writer.commit()
        with writing(self.first_file):
            write_hashes(self._work_dir, self._file_name)
        new_files = sorted(path.name for path in self._work_dir.iterdir())
        mode = _ordinary_mode(self._work_dir)  # MindSpore lets nobody else read what it writes
        for name in new_files:
            with contextlib.suppress(OSError):  # not every file system knows modes
                (self._work_dir / name).chmod(mode)
            _sync(self._work_dir / name)
        first = self.first_file.name
        for name in sorted(self._older_files(), key=lambda name: name != first):
            (self._output_dir / name).unlink()
        for name in sorted(new_files, key=lambda name: name == first):
            os.replace(self._work_dir / name, self._output_dir / name)
        _sync(self._output_dir)
        return self.first_file

    def _flush(self) -> None:
        if self._rows:
            with self._reasons():
                self._writer.write_raw_data(self._rows)
        self._rows, self._bytes = [], 0

    @contextlib.contextmanager
    def _reasons(self) -> Iterator[None]:
        """The reason is in the middle of a page of MindSpore's text."""
        try:
            yield
        except RuntimeError as error:
            lines = [line for line in str(error).splitlines() if line.strip()]
            reasons = [line.removeprefix("[ERROR] ") for line in lines if line.startswith("[ERROR]")]
            raise UserError(f"cannot write {self.first_file}: {(reasons or lines or [repr(error)])[0]}") from error

    def _older_files(self) -> list[str]:
        shard = re.compile(re.escape(self._file_name) + r"\d*(\.db)?")
        hashes = hashes_name(self._file_name)
        names = [path.name for path in self._output_dir.iterdir()]
        return [name for name in names if shard.fullmatch(name) or name == hashes]


def _ordinary_mode(folder: Path) -> int:
    """The mode that a new file in `folder` gets; asking for the umask would change it for all threads."""
    sample = folder / "mode"
    sample.touch()
    mode = stat.S_IMODE(sample.stat().st_mode)
    sample.unlink()
    return mode


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network file systems refuse it for folders
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
