"""Names of images in results, and the files that results have, whatever the names hold.

Two steps, each injective, so that no two images share a result: `image_name` (src/common/image_name.py) makes a name
that every output can show of a file's path.

`result_path` makes a path inside the output folder of any name, also of those that a program makes up. A part that
cannot be the name of a file, would be too long with an ending behind it, leads elsewhere, or could be taken for a
result, is cut, cleaned, and kept apart from all others by its hash.
"""

import re
from pathlib import Path

from src.common.image_name import HASH_CHARACTERS, name_hash
from src.common.shard import Shard

ENDINGS = (".json", ".txt", ".hocr", ".drawn.jpg")
COMMON_FILES = re.compile(r"(lines(\.\d+-of-\d+)?\.csv|report(\.\d+-of-\d+)?\.html)")  # of all images together
_LONGEST = 255 - max(map(len, ENDINGS))  # bytes: file systems end at 255
_KEPT = 80  # characters of a name that a hash stands behind
_HASHED = re.compile(rf"~[0-9a-f]{{{HASH_CHARACTERS}}}$")
_PAGE = re.compile(r"#[0-9]+$")


def without_page(name: str) -> str:
    """The name of the file that a page is of."""
    return _PAGE.sub("", name)


def result_path(folder: Path, name: str, ending: str) -> Path:
    """The file with `ending`, one of ENDINGS, for the image `name`, inside `folder`."""
    return folder / f"{result_stem(name)}{ending}"


def result_stem(name: str) -> str:
    """The path of the results of an image without their endings, with "/" between folders."""
    *folders, last = name.split("/")
    parts = [_part(part, is_folder=True) for part in folders]
    return "/".join([*parts, _part(last, is_folder=False)])


def common_name(name: str, shard: Shard) -> str:
    """The name of a file of all images together, of their share where they are divided: lines.3-of-16.csv."""
    stem, suffix = name.split(".")
    return name if shard.count == 1 else f"{stem}.{shard.number}-of-{shard.count}.{suffix}"


def _part(part: str, *, is_folder: bool) -> str:
    return part if _is_safe(part, is_folder) else f"{_cleaned(part)}~{name_hash(part)}"


def _is_safe(part: str, is_folder: bool) -> bool:
    if part in ("", ".", "..") or not part.isprintable() or "\\" in part or part.endswith(":"):
        return False
    if _HASHED.search(part) or len(part.encode()) > _LONGEST:
        return False
    # A folder of the name of a result could not stand beside that result.
    return not (is_folder and (COMMON_FILES.fullmatch(part) or part.endswith(ENDINGS)))


def _cleaned(part: str) -> str:
    kept = "".join(c if c.isprintable() and c not in "\\:" else "_" for c in part[:_KEPT])
    return kept.strip(". ") or "unnamed"
