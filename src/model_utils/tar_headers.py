"""Tar archives whose headers are counted before they are read.

A header may be followed by further ones that only describe the next member: PAX records, long names, maps of sparse
files. Python reads each of them whole, however many bytes it claims or its compression stands for.
"""

import lzma
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MOST_DESCRIPTION = 64 << 10  # bytes of one; real ones have some hundreds
_MOST_GLOBAL = 1 << 20  # bytes of all that hold for every later member, which are kept
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
        return super()._proc_member(archive)  # type: ignore[misc] # documented there, not in typeshed

    def _proc_gnusparse_10(self, *_: object) -> None:
        raise TarHeaderError("it holds a sparse file; pack it without --sparse")

    def _count(self, archive: tarfile.TarFile) -> None:
        if self.size > _MOST_DESCRIPTION:
            raise TarHeaderError(f"a header of {self.size} bytes; at most {_MOST_DESCRIPTION} are accepted")
        if self.type == tarfile.XGLTYPE:
            kept = sum(len(key) + len(value) for key, value in archive.pax_headers.items())
            if kept > _MOST_GLOBAL:
                raise TarHeaderError(f"headers of {kept} bytes for all members; at most {_MOST_GLOBAL} are accepted")
