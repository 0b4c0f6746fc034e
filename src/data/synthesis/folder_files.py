"""Files of one kind below the folders that a user names."""

from collections.abc import Iterable
from pathlib import Path

from src.common.options import OptionError


def find_files(folders: Iterable[str | Path], suffixes: tuple[str, ...], option: str) -> list[Path]:
    """Files with one of `suffixes`, in a stable order.

    Raises:
        UserError: names `option`; something that is not a folder, or a folder without any such file.
    """
    found: list[Path] = []
    for folder in map(Path, folders):
        if not folder.is_dir():
            raise OptionError(f"{option}: {folder} is not a folder")
        files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in suffixes and p.is_file())
        if not files:
            raise OptionError(f"{option}: no {', '.join(suffixes)} file under {folder}")
        found += files
    return found
