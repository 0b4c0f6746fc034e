"""Tar archives whose headers are counted before they are read.

A header may be followed by further ones that only describe the next member: PAX records, long names, maps of sparse
files. Python reads each of them whole, however many bytes it claims or its compression stands for.
"""

import lzma
import re
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_MOST_DESCRIPTION = 64 << 10  # bytes of one; real ones have some hundreds
_MOST_GLOBAL = 1 << 20  # bytes of all that hold for every later member, which are kept
# Of a number or a name in a PAX header. Some versions of Python (CVE-2024-6232) try every digit of such a row with
# every one behind it, which takes minutes for the 64 KB of a header.
_MANY_DIGITS = re.compile(rb"\d{100}")
_MOST_DICTIONARY = 256 << 20  # bytes; xz files say how many unpacking them takes, `xz -9` makes 65 MiB
_DESCRIPTIONS = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
_XZ = b"\xfd7zXZ\x00"


class TarHeaderError(Exception):
    """A header that claims too much; not one of `tarfile`'s errors, which takes those for the end of an archive."""


@contextmanager
def opened_tar(path: Path) -> Iterator[tarfile.TarFile | None]:
    """A tar archive, plain or compressed; None for a file that is none.

    Raises:
        TarHeaderError: its first header claims too much; `next` of the archive raises it for others.
    """
    with path.open("rb") as file:
        head = file.read(1 << 12)
    if head.startswith(_XZ):
        lzma.LZMADecompressor(memlimit=_MOST_DICTIONARY).decompress(head, max_length=1)
    try:
        archive = tarfile.open(path, tarinfo=_CountedHeader)  # noqa: SIM115 - closed below
    except tarfile.ReadError:
        yield None
        return
    with archive:
        yield archive


class _CountedHeader(tarfile.TarInfo):
    """What `tarfile` makes of a header; the method below is where it lets others look at it first."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        if self.size < 0:
            raise TarHeaderError(f"the member '{self.name}' has {self.size} bytes")
        if self.type in _DESCRIPTIONS:
            self._count(archive)
        if self.type == tarfile.GNUTYPE_SPARSE:
            raise TarHeaderError(f"the member '{self.name}' is a sparse file; pack it without --sparse")
        member: tarfile.TarInfo = super()._proc_member(archive)  # type: ignore[misc] # documented, not in typeshed
        if member.size < 0:  # by a PAX header; the next member would be sought before this one, for ever
            raise TarHeaderError(f"the member '{member.name}' has {member.size} bytes")
        return member

    def _proc_pax(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        file: IO[bytes] = archive.fileobj  # type: ignore[assignment]
        content = file.read(self._block(self.size))  # type: ignore[attr-defined]
        if _MANY_DIGITS.search(content):
            raise TarHeaderError("a header with a row of a hundred digits")
        archive.fileobj = _ReadAgain(file, content)  # type: ignore[assignment]
        try:
            return super()._proc_pax(archive)  # type: ignore[misc]
        finally:
            archive.fileobj = file

    def _proc_gnusparse_10(self, *_: object) -> None:
        raise TarHeaderError("it holds a sparse file; pack it without --sparse")

    def _count(self, archive: tarfile.TarFile) -> None:
        if self.size > _MOST_DESCRIPTION:
            raise TarHeaderError(f"a header of {self.size} bytes; at most {_MOST_DESCRIPTION} are accepted")
        if self.type == tarfile.XGLTYPE:
            kept = sum(len(key) + len(value) for key, value in archive.pax_headers.items())
            if kept > _MOST_GLOBAL:
                raise TarHeaderError(f"headers of {kept} bytes for all members; at most {_MOST_GLOBAL} are accepted")


class _ReadAgain:
    """A file of which the last thing that was read is read once more; a compressed one cannot go back quickly."""

    def __init__(self, file: IO[bytes], content: bytes):
        self._file = file
        self._content: bytes | None = content

    def read(self, size: int) -> bytes:
        content, self._content = self._content, None
        return self._file.read(size) if content is None else content

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, place: int) -> int:
        return self._file.seek(place)
