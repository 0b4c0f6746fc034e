"""Which images a reader is asked for: files, folders, patterns, lists, and bytes from standard input.

Every image gets a relative name that is its own among the inputs; results are kept under it.
"""

from __future__ import annotations

import glob
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from src.common.errors import UserError
from src.data.images.decode import IMAGE_SUFFIXES
from src.reader.image_source import ImageSource

STANDARD_INPUT = "-"
_WILDCARDS = set("*?[")


class InputError(UserError):
    """Inputs that do not exist or hold no image."""


def find_images(
    inputs: Sequence[str],
    *,
    list_file: str = "",
    recursive: bool = False,
    stdin: BinaryIO | None = None,
    leave_out: Path | None = None,
) -> list[ImageSource]:
    """The images that `inputs` stand for, each file once, in the order of the inputs, folders by name.

    Args:
        inputs: files, folders, patterns with *, ? or [ ], or "-" for the bytes of one image on `stdin`.
        list_file: a UTF-8 file that names one input a line; relative ones start from its folder.
        recursive: sub-folders too, and ** in patterns.
        leave_out: a folder whose files are no inputs (that of the results).

    Raises:
        InputError: an input that does not exist, or nothing to read at all.
    """
    wanted = [*inputs, *(_listed(Path(list_file)) if list_file else [])]
    if not wanted:
        raise InputError("image_path: is empty; give a file, a folder, a pattern, or - for standard input")
    files: dict[Path, tuple[Path, Path]] = {}  # resolved file -> (file, folder that its name starts from)
    images: list[ImageSource] = []
    excluded = leave_out.resolve() if leave_out else None
    for item in wanted:
        if item == STANDARD_INPUT:
            images.append(_from_stdin(stdin))
            continue
        for file, root in _expand(item, recursive):
            resolved = file.resolve()
            if excluded is None or excluded not in resolved.parents or file == Path(item):
                files.setdefault(resolved, (file, root))
    names = _names(list(files), [root.resolve() for _, root in files.values()])
    images += [ImageSource(file, name) for (file, _), name in zip(files.values(), names, strict=True)]
    if not images:
        raise InputError(f"image_path: no image ({', '.join(sorted(IMAGE_SUFFIXES))}) in {', '.join(wanted)}")
    return images


def _expand(item: str, recursive: bool) -> list[tuple[Path, Path]]:
    path = Path(item)
    if path.is_dir():
        found = path.rglob("*") if recursive else path.iterdir()
        images = [file for file in found if file.suffix.lower() in IMAGE_SUFFIXES and file.is_file()]
        return [(file, path) for file in sorted(images)]
    if path.exists():  # whatever its suffix: it was named
        return [(path, path.parent)]
    if _WILDCARDS & set(item):
        found = sorted(Path(name) for name in glob.glob(item, recursive=recursive) if Path(name).is_file())
        if found:
            return [(file, _fixed_part(item)) for file in found]
        raise InputError(f"image_path: no file matches '{item}'")
    raise InputError(f"image_path: '{item}' does not exist")


def _fixed_part(pattern: str) -> Path:
    """The folder of a pattern before its first wildcard."""
    parts = Path(pattern).parts[:-1]
    fixed = [part for number, part in enumerate(parts) if not any(_WILDCARDS & set(p) for p in parts[: number + 1])]
    return Path(*fixed)


def _listed(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"list_file: '{path}' cannot be read ({error})") from None
    names = [line.strip() for line in lines if line.strip()]
    return [name if name == STANDARD_INPUT else str(path.parent / name) for name in names]


def _from_stdin(stdin: BinaryIO | None) -> ImageSource:
    data = stdin.read() if stdin is not None else b""
    return ImageSource(data, "stdin")


def _names(files: list[Path], roots: list[Path]) -> list[str]:
    """Names relative to the inputs' folders; as many folders above as needed where two would be the same."""
    names = [PurePosixPath(file.relative_to(root)) for file, root in zip(files, roots, strict=True)]
    taken = _repeated(names)
    if not taken:
        return [str(name) for name in names]
    # Files of several folders with the same names: all are named from the folder that holds them all.
    common = Path(*_common(file.parent.parts for file in files))
    return [str(PurePosixPath(file.relative_to(common))) for file in files]


def _repeated(names: list[PurePosixPath]) -> bool:
    return len({str(name).casefold() for name in names}) < len(names)


def _common(parts: Iterable[tuple[str, ...]]) -> list[str]:
    shared = []
    for same in zip(*parts, strict=False):
        if len(set(same)) > 1:
            break
        shared.append(same[0])
    return shared
