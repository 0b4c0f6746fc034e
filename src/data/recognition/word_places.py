"""Where the image of a row lies: in one of the folders that a list of words belongs to, and nowhere else."""

import os
from dataclasses import dataclass
from pathlib import Path

from src.data.detection.annotations.label_pairs import is_safe_name


@dataclass(frozen=True)
class WordPlaces:
    """The folders that may hold the images of a list, and the folder of the list itself."""

    roots: tuple[Path, ...]
    list_folder: Path


def find_image(name: str, places: WordPlaces) -> Path | None:
    """The file that `name` means in the first of the roots that has it, or in the first of them if none has.

    A name with backslashes is tried with slashes too. An absolute one, or one with "..", may be given from the
    first root, from the folder of the list or from the working folder; it must end inside the first root, otherwise
    the result is None.
    """
    roots = places.roots
    spellings = [name, name.replace("\\", "/")] if "\\" in name else [name]
    if "\0" in name:
        return None
    if not is_safe_name(name):
        return next(filter(None, (_inside(spelling, places) for spelling in spellings)), None)
    candidates = [root / spelling for root in roots for spelling in spellings]
    return next(
        (path for path in candidates if os.path.isfile(path)), candidates[-1] if len(spellings) > 1 else candidates[0]
    )


def _inside(name: str, places: WordPlaces) -> Path | None:
    root = places.roots[0]
    folder = os.path.realpath(root)
    for place in (root / name, places.list_folder / name, Path(name)):
        path = os.path.realpath(place)
        if path.startswith(folder.rstrip(os.sep) + os.sep) and os.path.isfile(path):
            return Path(path)
    return None
