"""Small text files in a zip archive, read in memory and written whole or not at all.

Nothing is extracted to disk, so a member's name cannot reach outside; sizes are limited, so an archive
cannot fill the memory.
"""

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

from src.common.atomic_file import replacing
from src.common.errors import UserError

MAX_MEMBERS = 200_000
MAX_MEMBER_BYTES = 8 << 20
MAX_TOTAL_BYTES = 512 << 20

_ENCRYPTED = 0x1
_WRITTEN_ON = (1980, 1, 1, 0, 0, 0)  # the same content gives the same archive


class ArchiveError(UserError):
    """An archive that is not one, or that is damaged, encrypted or too large."""


def read_text_members(path: str | Path) -> dict[str, str]:
    """Name to text of every `.txt` file at the root of a zip archive.

    Text is UTF-8, with or without a byte order mark. Other files and the folders that packing programs add
    (`__MACOSX/`) are passed over.

    Raises:
        ArchiveError: not a readable zip, a text file in a folder, twice, not UTF-8, or over the size limits.
    """
    path = Path(path)
    texts: dict[str, str] = {}
    total = 0
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > MAX_MEMBERS:
                raise ArchiveError(f"{path}: {len(members)} files, at most {MAX_MEMBERS} are accepted")
            for member in members:
                name = member.filename
                if not name.lower().endswith(".txt") or name.startswith(("__MACOSX/", "._")):
                    continue
                if "/" in name or "\\" in name:
                    raise ArchiveError(f"{path}: '{name}' is in a folder; text files must be at the root")
                if name in texts:
                    raise ArchiveError(f"{path}: '{name}' is there twice")
                data = _read(archive, member, path)
                total += len(data)
                if total > MAX_TOTAL_BYTES:
                    raise ArchiveError(f"{path}: more than {MAX_TOTAL_BYTES} bytes of text")
                texts[name] = _decode(data, f"{path}: '{name}'")
    except OSError as error:
        raise ArchiveError(f"{path}: {error.strerror or error}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        if isinstance(error, ArchiveError):
            raise
        raise ArchiveError(f"{path}: not a readable zip archive ({error})") from error
    return texts


def write_text_members(path: str | Path, texts: Mapping[str, str]) -> Path:
    """Write an archive with the texts at its root; a reader sees the old archive or the whole new one.

    Raises:
        UserError: the folder cannot be written, the disk is full, ...
    """
    path = Path(path)
    with replacing(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in texts.items():
            member = zipfile.ZipInfo(name, _WRITTEN_ON)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = 0o644 << 16
            archive.writestr(member, text.encode("utf-8"))
    return path


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> bytes:
    if member.flag_bits & _ENCRYPTED:
        raise ArchiveError(f"{path}: '{member.filename}' is encrypted")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2):
        raise ArchiveError(f"{path}: '{member.filename}' is neither stored, deflated nor bzip2")
    data = b""
    if member.file_size <= MAX_MEMBER_BYTES:
        with archive.open(member) as stream:
            data = stream.read(MAX_MEMBER_BYTES + 1)  # the size in the directory may be a lie
    if max(member.file_size, len(data)) > MAX_MEMBER_BYTES:
        raise ArchiveError(f"{path}: '{member.filename}' is over {MAX_MEMBER_BYTES} bytes")
    return data


def _decode(data: bytes, where: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ArchiveError(f"{where} is not UTF-8 text (byte {error.start})") from error
