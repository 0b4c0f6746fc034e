"""The checkpoints that a path stands for."""

from __future__ import annotations

from pathlib import Path

from src.common.errors import UserError


def find_checkpoints(path: Path) -> list[Path]:
    """The checkpoint, or the `.ckpt` files of a folder from the oldest to the newest.

    Raises:
        UserError: there is none.
    """
    if path.is_file():
        return [path]
    found = sorted(path.glob("*.ckpt"), key=lambda item: (item.stat().st_mtime, item.name)) if path.is_dir() else []
    if not found:
        raise UserError(f"checkpoint_path: '{path}' is neither a checkpoint nor a folder with *.ckpt files")
    return found
