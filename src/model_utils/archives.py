"""Unpack a zip or tar archive without trusting it."""

import lzma
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any

from src.common.errors import UserError
from src.model_utils.tar_headers import TarHeaderError, opened_tar

# What the standard library raises for a damaged archive, a name without letters, a password, an unknown compression.
_UNREADABLE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    IndexError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)
# Not LZMA, whose members say themselves how many gigabytes unpacking them takes.
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)
# What the archive says of a member, where it goes, and its content.
_Member = tuple[Any, PurePosixPath, Callable[[], IO[bytes]]]


def unpack_archive(archive: Path, target: Path, *, max_bytes: int = 200 * 2**30) -> int:
    """Unpack `archive` into `target`, which may exist, and return the number of files.

    Every member is checked before the first byte is written: an absolute name, a name with `..`, a link or a
    special file refuses the whole archive. The sizes are counted while unpacking, whatever the headers claim.

    Raises:
        UserError: not a zip or tar file, damaged, encrypted, an unsafe member, more than `max_bytes` in all, or
            no room for it.
    """
    with _told(archive):
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as opened:
                _check(archive, (info.file_size for info, *_ in _zip_members(archive, opened)), max_bytes)
                return _unpack(archive, target, _zip_members(archive, opened), max_bytes)
        with opened_tar(archive) as headers:
            if headers is None:
                raise UserError(f"'{archive}' is neither a zip nor a tar archive")
            _check(archive, (info.size for info, *_ in _tar_members(archive, headers)), max_bytes)
        with opened_tar(archive) as headers:
            assert headers is not None
            return _unpack(archive, target, _tar_members(archive, headers), max_bytes)


def _check(archive: Path, sizes: Iterator[int], max_bytes: int) -> None:
    total = 0
    for size in sizes:  # each of which is that of a member that was found to be safe
        total += size
        if total > max_bytes:
            raise _too_large(archive, max_bytes)


def _too_large(archive: Path, max_bytes: int) -> UserError:
    return UserError(f"'{archive}' unpacks to more than the limit of {max_bytes} bytes")


@contextmanager
def _told(archive: Path) -> Iterator[None]:
    """Whatever reading an archive raises, as a UserError with its name."""
    try:
        yield
    except TarHeaderError as error:
        raise UserError(f"'{archive}': {error}") from None
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"'{archive}' cannot be unpacked: {error.strerror or error}") from error
    except _UNREADABLE as error:
        raise UserError(f"'{archive}' is damaged or cannot be read ({error})") from error


def _zip_members(archive: Path, opened: zipfile.ZipFile) -> Iterator[_Member]:
    for info in opened.infolist():
        kind = info.external_attr >> 28  # the file type of Unix modes: 8 regular, 4 folder, 0 not recorded
        if kind not in (0, 4, 8):
            raise UserError(f"'{archive}': the member '{info.filename}' is a link or a special file")
        if info.compress_type not in _COMPRESSIONS:
            raise UserError(f"'{archive}': the member '{info.filename}' is neither stored, deflated nor bzip2")
        name = _safe_name(archive, info.filename)
        if not info.is_dir():
            yield info, _named(archive, name), partial(opened.open, info)


def _tar_members(archive: Path, opened: tarfile.TarFile) -> Iterator[_Member]:
    while (info := opened.next()) is not None:
        # A compressed archive may have millions of members without being large.
        opened.members.clear()  # type: ignore[attr-defined] # not in typeshed
        name = _safe_name(archive, info.name)
        if info.isdir():
            continue
        if not info.isreg():
            raise UserError(f"'{archive}': the member '{info.name}' is a link or a special file")
        yield info, _named(archive, name), partial(_regular_file, opened, info)


def _regular_file(opened: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    file = opened.extractfile(info)
    assert file is not None  # only folders and special files have no content
    return file


def _safe_name(archive: Path, name: str) -> PurePosixPath:
    path = PurePosixPath(name.replace("\\", "/"))
    drive = len(path.parts) > 0 and path.parts[0].endswith(":")
    if path.is_absolute() or drive or ".." in path.parts:
        raise UserError(f"'{archive}': the member '{name}' points outside the folder")
    return path


def _named(archive: Path, name: PurePosixPath) -> PurePosixPath:
    if not name.parts:  # as a file, it would take the place of the folder
        raise UserError(f"'{archive}': a member without a name")
    return name


def _unpack(archive: Path, target: Path, members: Iterator[_Member], max_bytes: int) -> int:
    left = max_bytes
    count = 0
    for _, name, open_member in members:
        destination = target / name
        destination.parent.mkdir(parents=True, exist_ok=True)
        with open_member() as source, destination.open("wb") as out:
            left -= _copy(source, out, left, archive, max_bytes)
        count += 1
    return count


def _copy(source: IO[bytes], out: IO[bytes], limit: int, archive: Path, max_bytes: int) -> int:
    before = out.tell()
    while block := source.read(1 << 20):
        out.write(block)
        if out.tell() - before > limit:
            raise _too_large(archive, max_bytes)
    return out.tell() - before


def copy_tree(source: Path, target: Path) -> None:
    """Copy a file or folder over what may be there already."""
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)
