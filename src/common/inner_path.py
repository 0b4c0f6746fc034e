"""Paths of results, made of names that come from data: never outside the folder they are put in."""

from pathlib import PurePosixPath

_OUTWARD = ("..", ".", "/", "//")


def inner_path(name: str) -> PurePosixPath:
    """`name` as a relative path: without a drive, a root, or a step upwards; "unnamed" where nothing is left.

    Backslashes divide folders, as on the systems that write them, and a NUL, which no system takes, becomes "_".
    """
    parts = PurePosixPath(name.replace("\\", "/").replace("\0", "_")).parts
    return PurePosixPath(*[part for part in parts if part not in _OUTWARD and not part.endswith(":")] or ["unnamed"])
