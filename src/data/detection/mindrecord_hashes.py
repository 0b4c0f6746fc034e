"""Sizes and hashes of the files of a MindRecord set, in a JSON file beside them.

MindSpore's reader crashes, and takes the process with it, on some files whose bytes were changed; so a set is
compared with what its builder wrote before the engine opens it. A set without such a file (made elsewhere, or by an
earlier version) cannot be compared. Names stand without their folder, so that the set can be moved.
"""

import hashlib
import json
import os
import re
import stat
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from src.common.bounded_file import SMALL, is_special, read_bounded
from src.common.errors import UserError
from src.data.loading.prefetch import clamp_workers

SUFFIX = ".hashes.json"
_VERSION = 1
_CHUNK = 1 << 20  # bytes


class _Written(NamedTuple):
    """A file as its builder wrote it."""

    size: int  # bytes
    sha256: str


# Files found unchanged, by what tells a changed one: an evaluation after each epoch opens its set again.
_verified: set[tuple] = set()


def hashes_name(file_name: str) -> str:
    """The name of the hashes of a set; `file_name` is the set's name without a shard's number."""
    return file_name + SUFFIX


def write_hashes(folder: Path, file_name: str) -> None:
    """Record all files of `folder`, which are those of one set, in a file there. Raises OSError."""
    paths = sorted(path for path in folder.iterdir() if path.name != hashes_name(file_name))
    digests = _digests(paths)
    files = {
        path.name: {"size": path.stat().st_size, "sha256": digest}
        for path, digest in zip(paths, digests, strict=True)
    }
    content = json.dumps({"version": _VERSION, "files": files}, indent=2) + "\n"
    (folder / hashes_name(file_name)).write_bytes(content.encode())


def verify_hashes(opened: Path, files: Sequence[Path]) -> None:
    """Compare the files of a set with its hashes, where it has some.

    Files that this process found unchanged before are not read again.

    Args:
        opened: the file by which the set is opened.
        files: all files of the set.

    Raises:
        UserError: a file was changed, or the hashes are damaged.
    """
    record = _record_of(opened)
    if record is None:
        return
    written = _read(record)
    if not any(file.name in written for file in files):
        return  # the hashes of another set: a file "set.mindrecord7" that is not a shard of "set.mindrecord"
    unread = []
    for file in files:
        if file.name not in written:
            raise UserError(f"{file}: has no hash in {record.name}; build the set again")
        status = _status(file)
        if status.st_size != written[file.name].size:
            sizes = f"it has {status.st_size} bytes, not the {written[file.name].size} of {record.name}"
            raise UserError(f"{file}: was changed after it was built ({sizes}); build it again")
        if _key(status, written[file.name]) not in _verified:
            unread.append((file, status))
    try:
        digests = _digests([file for file, _ in unread])
    except OSError as error:
        raise UserError(f"{error.filename or opened}: cannot be read: {error.strerror}") from error
    for (file, status), digest in zip(unread, digests, strict=True):
        if digest != written[file.name].sha256:
            raise UserError(
                f"{file}: was changed after it was built (its hash differs from {record.name}); build it again"
            )
        _verified.add(_key(status, written[file.name]))


def _record_of(opened: Path) -> Path | None:
    """The hashes beside the file: under its own name, or under the name without a shard's number."""
    for name in (opened.name, re.sub(r"\d+$", "", opened.name)):
        record = opened.with_name(hashes_name(name))
        if os.path.lexists(record):
            return record
    return None


def _read(record: Path) -> dict[str, _Written]:
    """File name -> size and hash; at least one. Raises UserError."""
    damaged = f"{record}: is damaged; build the set again, or remove this file to use the set as it is"
    try:
        if is_special(record):
            raise UserError(damaged)
        content = json.loads(read_bounded(record, SMALL))
        files = dict(_entries(content["files"].items()))
        version = content["version"]
    except OSError as error:
        raise UserError(f"{record}: cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise UserError(damaged) from None
    if version != _VERSION:
        raise UserError(f"{record}: has version {version!r}; this program knows {_VERSION}")
    if not files:
        raise UserError(damaged)
    return files


def _entries(items: Iterator[tuple[str, dict]]) -> Iterator[tuple[str, _Written]]:
    for name, entry in items:
        size, digest = entry["size"], entry["sha256"]
        if type(size) is not int or not re.fullmatch("[0-9a-f]{64}", digest):
            raise ValueError(name)
        yield name, _Written(size, digest)


def _status(file: Path) -> os.stat_result:
    try:
        status = file.stat()
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(status.st_mode):
        raise UserError(f"{file}: is no ordinary file")
    return status


def _key(status: os.stat_result, written: _Written) -> tuple:
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns, written.sha256)


def _digests(paths: Sequence[Path]) -> list[str]:
    """SHA-256 of each file, of several at once. Raises OSError."""
    stop = threading.Event()

    def digest(path: Path) -> str:
        found = hashlib.sha256()
        with path.open("rb") as file:
            while not stop.is_set() and (chunk := file.read(_CHUNK)):
                found.update(chunk)
        return found.hexdigest()

    with ThreadPoolExecutor(clamp_workers(None), thread_name_prefix="hash") as pool:
        try:
            return list(pool.map(digest, paths))
        finally:
            stop.set()  # Ctrl-C need not wait until gigabytes are read
