"""Names of images and of their results, as every output and every disk can hold them."""

import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path, PurePath, PurePosixPath
from urllib.parse import unquote_to_bytes

_OUTWARD = ("..", ".", "/", "//")
HASH_CHARACTERS = 24


def image_name(path: PurePath) -> str:
    """The name of an image whose relative path this is, with "/" between folders; ordinary ones stay as they are.

    What is no character, or controls terminals, becomes %XX, and so do a "%" that a reader would take for one, and a
    "#" that would look like that of a page. `file_of` undoes it, so no two files share a name.
    """
    text = path.as_posix()
    text = re.sub(r"%(?=[0-9A-Fa-f]{2})", "%25", text)
    text = re.sub(r"#(?=[0-9]+$)", "%23", text)
    return _escaped(text)


def file_stem(text: str, most: int) -> str:
    """The text as a part of the name of a file: printable, of `most` bytes at most, without folders.

    Ordinary texts stay as they are. Others get %XX, and a hash where they are cut; two may share one only if they are
    made to.
    """
    stem = _escaped(text.replace("/", "_"))
    if len(stem.encode()) <= most:
        return stem
    return f"{stem.encode()[: most - HASH_CHARACTERS - 1].decode('utf-8', 'ignore')}~{name_hash(text)}"


def name_hash(name: str) -> str:
    """What keeps a name that was cut apart from others: HASH_CHARACTERS hexadecimal digits."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:HASH_CHARACTERS]


def free_name(name: str, is_taken: Callable[[str], bool], mark: str = "_") -> str:
    """`name`, with as many marks behind it as make it one that is not taken."""
    while is_taken(name):
        name += mark
    return name


def file_of(folder: str | Path, name: str) -> Path:
    """The file in `folder` that has this name, or of which it is the `image_name`."""
    file = Path(folder) / name
    return file if os.path.exists(file) else Path(folder) / os.fsdecode(unquote_to_bytes(name))


def _escaped(text: str) -> str:
    return text if text.isprintable() else "".join(c if c.isprintable() else _percent(c) for c in text)


def _percent(character: str) -> str:
    """Bytes that are no UTF-8, which Python keeps as lone surrogates, and those of a character that is not shown."""
    try:
        data = character.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a surrogate that stands for no byte
        data = character.encode("utf-8", "surrogatepass")
    return "".join(f"%{byte:02X}" for byte in data)


def inner_path(name: str) -> PurePosixPath:
    """`name` as a relative path: without a drive, a root, or a step upwards; "unnamed" where nothing is left.

    Backslashes divide folders, as on the systems that write them, and a NUL, which no system takes, becomes "_".
    """
    parts = PurePosixPath(name.replace("\\", "/").replace("\0", "_")).parts
    return PurePosixPath(*[part for part in parts if part not in _OUTWARD and not part.endswith(":")] or ["unnamed"])
