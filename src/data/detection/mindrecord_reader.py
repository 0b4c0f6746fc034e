"""Records of a MindRecord file in any order, with its faults named in one line."""

import contextlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import mindspore.dataset as ds
import numpy as np

from src.common.errors import UserError
from src.data.detection.mindrecord_hashes import verify_hashes

_LARGEST_HEADER = 1 << 27  # bytes; MindSpore writes no longer one


class MindRecordError(UserError):
    """A MindRecord data set that is incomplete, damaged or made for something else."""


class MindRecordSource:
    """Random access to the records of a MindRecord data set, one file or many shards.

    `path` is the file, the first shard or the name without the shard's number. `columns` are the names and
    types that are read, `held` all that the file has. A record is a dict of arrays: bytes as uint8 (length,), strings
    as str. MindDataset with an explicit sampler keeps the order given, delivers thousands of records per second from
    one thread and opens in 10 ms, so nothing of the file format has to be known here but its header.
    """

    def __init__(self, path: str | Path, columns: Mapping[str, str]) -> None:
        self.path = _first_shard(Path(path))
        self.columns = dict(columns)
        self.held = _check(self.path, self.columns)
        with _one_line(self.path):
            self._size = ds.MindDataset(str(self.path)).get_dataset_size()
        if self._size < 1:
            raise MindRecordError(f"{self.path}: holds no record")

    def __len__(self) -> int:
        return self._size

    def read(self, indices: Sequence[int]) -> Iterator[dict[str, np.ndarray | str]]:
        """Records in the order of `indices`, which may repeat."""
        indices = [int(index) for index in indices]
        for start in range(0, len(indices), self._size):  # a sampler may not be longer than the data set
            yield from self._read(indices[start : start + self._size])

    def _read(self, indices: list[int]) -> Iterator[dict[str, np.ndarray | str]]:
        with _one_line(self.path):
            rows = ds.MindDataset(
                str(self.path),
                columns_list=list(self.columns),
                sampler=ds.SubsetSampler(indices),
                num_parallel_workers=1,
                shuffle=None,
            ).create_dict_iterator(num_epochs=1, output_numpy=True)
        try:
            while True:
                with _one_line(self.path):
                    row = next(rows, None)
                if row is None:
                    return
                yield {name: self._plain(name, row[name]) for name in self.columns}
        finally:
            rows.stop()

    def _plain(self, name: str, value: np.ndarray) -> np.ndarray | str:
        if self.columns[name] == "bytes":
            return np.frombuffer(value.tobytes(), np.uint8)  # .item() would drop zeros at the end
        if self.columns[name] == "string":
            return str(value.item())
        return value


@contextlib.contextmanager
def _one_line(path: Path) -> Iterator[None]:
    """Turns the data engine's pages of text into the one line that names the error."""
    try:
        yield
    except (RuntimeError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        text = str(error)
        match = re.search(r"\[ERROR\]\s*(.+)", text)
        lines = [line for line in text.splitlines() if line.strip(" -")] or [type(error).__name__]
        raise MindRecordError(f"{path}: cannot be read: {match.group(1) if match else lines[0]}") from error


def _first_shard(path: Path) -> Path:
    if path.is_file():
        return path
    shard = path.with_name(path.name + "0")
    if shard.is_file():
        return shard
    raise MindRecordError(f"{path}: no such MindRecord file (neither it nor {shard.name} is there)")


class _Header(NamedTuple):
    shards: list[str]
    columns: dict[str, str]
    length: int  # bytes that the file must have


def _read_header(path: Path) -> _Header:
    """The header of a shard: 8 bytes of length, then JSON."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(min(length, _LARGEST_HEADER)))
        # A shard that got no record ends with its header and has null where others list their pages.
        page_size = _whole(header["page_size"])
        ends = [_whole(page["page_id"]) * page_size + _whole(page["page_size"]) for page in header["page"] or ()]
        return _Header(
            shards=[_file_name(name) for name in header["shard_addresses"]],
            columns={name: field["type"] for name, field in header["schema"][0]["schema"].items()},
            length=_whole(header["header_size"]) + max(ends) if ends else 8 + length,
        )
    except OSError as error:
        raise MindRecordError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        raise MindRecordError(f"{path}: is not a MindRecord file, or its beginning is damaged") from error


def _whole(value: object) -> int:
    """A number of a header; a text times a number of pages would be a text of gigabytes."""
    if type(value) is not int or value < 0:
        raise ValueError(value)
    return value


def _file_name(address: str) -> str:
    name = Path(address).name
    if not name:
        raise ValueError(address)
    return name


def _check(path: Path, columns: Mapping[str, str]) -> dict[str, str]:
    """Shards, their indices, length and hashes, and the schema, before the engine meets them; returns the schema.

    The engine reads beyond the end of a shard that is cut short, or to where changed bytes lead it, and takes the
    process with it.
    """
    header = _read_header(path)
    shards = [path.with_name(name) for name in header.shards]
    needed = [shard.with_name(shard.name + suffix) for shard in shards for suffix in ("", ".db")]
    missing = [file.name for file in needed if not file.is_file()]
    if missing:
        names = ", ".join(missing)
        raise MindRecordError(f"{path}: {len(missing)} of {len(needed)} files are missing: {names}")
    for shard in shards:
        length, expected = shard.stat().st_size, _read_header(shard).length
        if length < expected:
            raise MindRecordError(f"{shard}: is cut short ({length} of {expected} bytes)")
    verify_hashes(path, needed)
    found = header.columns
    wrong = [name for name, kind in columns.items() if found.get(name) != kind]
    if wrong:
        wanted = ", ".join(f"{name} ({columns[name]}, found {found.get(name, 'none')})" for name in wrong)
        raise MindRecordError(
            f"{path}: was made for something else: needs the columns {wanted}; src/create_dataset.py makes them"
        )
    return found
