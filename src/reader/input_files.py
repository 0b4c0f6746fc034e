"""The inputs of a reader: files, folders, patterns, lists, and bytes from standard input.

Every image gets a relative name that is its own among the inputs; results are kept under it. What is in the folders,
but is not read, is counted.
"""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from src.common.bounded_file import LARGE, read_bounded
from src.common.image_name import free_name, image_name
from src.common.options import OptionError
from src.common.printable import printable
from src.data.images.file_types import heic_is_read
from src.data.images.folder import IMAGE_SUFFIXES
from src.reader.folder_walk import FolderWalk, has_wildcard
from src.reader.image_names import COMMON_FILES, ENDINGS, result_stem, without_page
from src.reader.image_source import ImageSource

STANDARD_INPUT = "-"
_OF_THE_SYSTEM = {".ds_store", "thumbs.db", "desktop.ini"}


class InputError(OptionError):
    """Inputs that do not exist or hold no image."""


class NoImageError(InputError):
    """Folders or patterns in which there is no image."""


@dataclass(frozen=True)
class FoundImages:
    """The images, and what else was in the folders: how many files by their ending, in lower case."""

    images: list[ImageSource]
    not_read: Mapping[str, int] = field(default_factory=dict)


def read_suffixes() -> frozenset[str]:
    """Endings of the files that are taken from folders."""
    return IMAGE_SUFFIXES | {".pdf"} | ({".heic", ".heif"} if heic_is_read() else set())


def find_images(
    inputs: Sequence[str],
    *,
    list_file: str = "",
    recursive: bool = False,
    stdin: BinaryIO | None = None,
    results_in: Path | None = None,
) -> FoundImages:
    """The images that `inputs` stand for, each file once, in the order of the inputs, folders by name.

    Args:
        inputs: files, folders, patterns with *, ? or [ ], or "-" for the bytes of one image on `stdin`.
        list_file: a file that names one input per line; relative ones start from its folder; "-" is `stdin`.
        recursive: sub-folders too, and ** in patterns.
        results_in: the folder of the results, which are no inputs: it is not entered, if it is inside an input
            folder; where it is that folder or above it, results of earlier runs are left out.

    Raises:
        InputError: an input that does not exist, or nothing to read at all. What a list names and is not there is
            found out when it is read, so that it costs nothing but itself.
    """
    wanted = [(item, False) for item in inputs]
    if list_file:
        wanted += [(item, True) for item in _listed(list_file, stdin)]
    if not wanted:
        raise InputError("image_path: is empty; give a file, a folder, a pattern, or - for standard input")
    search = _Search(recursive, Path(os.path.realpath(results_in)) if results_in else None)
    for item, is_listed in wanted:
        if item == STANDARD_INPUT:
            if stdin is None:
                raise InputError("image_path: - is standard input, which is closed")
            if list_file == STANDARD_INPUT:
                raise InputError("image_path: - is standard input, which is the list already")
            search.found.setdefault(STANDARD_INPUT, _Found(Path("stdin"), Path(), named=True, stream=stdin))
        else:
            search.add(item, is_listed)
    images = search.images()
    if not images:
        suffixes, where = ", ".join(sorted(read_suffixes())), ", ".join(item for item, _ in wanted)
        others = f"; not read: {describe(search.not_read)}" if search.not_read else ""
        raise NoImageError(f"image_path: no image ({suffixes}) in {where}{others}")
    return FoundImages(images, search.not_read)


def describe(not_read: Mapping[str, int]) -> str:
    """Endings and how many files have them, most first."""
    ordered = sorted(not_read.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count} {printable(ending)}" for ending, count in ordered)


@dataclass(frozen=True)
class _Found:
    """A file, the folder that its name starts from, and whether it was named itself, not its folder."""

    file: Path
    root: Path
    named: bool
    stream: BinaryIO | None = None


class _Search:
    def __init__(self, recursive: bool, results_in: Path | None):
        self._recursive, self._results_in = recursive, results_in
        self._suffixes = read_suffixes()
        self._walk = FolderWalk()
        self._others: list[Path] = []
        self.found: dict[str, _Found] = {}  # by absolute path: a link is a file of its own
        self.not_read: Counter[str] = Counter()

    def add(self, item: str, is_listed: bool) -> None:
        path = Path(item)
        exists = _exists(path)
        if item == "" or "\0" in item or (not exists and not has_wildcard(item)):
            if not is_listed or not item:
                raise InputError(f"image_path: '{printable(item)}' does not exist")
            self._take(path, path.parent, named=True)
        elif exists and os.path.isdir(path):
            self._add_folder(path)
        elif exists:  # whatever its suffix: it was named
            self._take(path, path.parent, named=True)
        else:
            found, root = self._walk.matching(item, recursive=self._recursive)
            if not found and is_listed:
                self._take(path, path.parent, named=True)
            elif not found:
                raise InputError(f"image_path: no file matches '{printable(item)}'")
            for file in found:
                self._take(file, root, named=True)

    def images(self) -> list[ImageSource]:
        names = self._names()
        stems = {result_stem(name) for name in names}
        kept = [
            ImageSource(found.stream or found.file, name)
            for found, name in zip(self.found.values(), names, strict=True)
            if found.named or not self._is_result(found.file, stems)
        ]
        others = [file for file in self._others if os.path.abspath(file) not in self.found]
        self.not_read = Counter(_ending(file) for file in others if not self._is_result(file, stems))
        for kind, paths in (("special file", self._walk.special), ("unreadable folder", self._walk.unreadable)):
            self.not_read.update({kind: len(paths)} if paths else {})
        return kept

    def _add_folder(self, folder: Path) -> None:
        leave_out = self._results_in
        if leave_out is not None and os.path.realpath(folder) == str(leave_out):
            leave_out = None
        for file in self._walk.files(folder, recursive=self._recursive, leave_out=leave_out):
            if file.name.startswith("._") or file.name.lower() in _OF_THE_SYSTEM:  # no files of the user's
                continue
            if file.suffix.lower() in self._suffixes:
                self._take(file, folder, named=False)
            else:
                self._others.append(file)
        if folder in self._walk.unreadable:
            raise InputError(f"image_path: the folder '{printable(str(folder))}' cannot be listed")

    def _take(self, file: Path, root: Path, *, named: bool) -> None:
        key = os.path.abspath(file) if "\0" not in str(file) else str(file)
        before = self.found.get(key, _Found(file, root, named))
        self.found[key] = replace(before, named=before.named or named)

    def _is_result(self, file: Path, stems: set[str]) -> bool:
        """Whether it is where a result of one of these images goes."""
        if self._results_in is None:
            return False
        place = Path(os.path.realpath(file.parent), file.name)
        if self._results_in not in place.parents:
            return False
        relative = place.relative_to(self._results_in).as_posix()
        if COMMON_FILES.fullmatch(relative):
            return True
        bases = [relative.removesuffix(ending) for ending in ENDINGS if relative.endswith(ending)]
        return any(base in stems or without_page(base) in stems for base in bases)

    def _names(self) -> list[str]:
        """Names relative to the inputs' folders; as many folders above as needed where two would be the same."""
        found = [item for item in self.found.values() if item.stream is None]
        paths = [item.file.relative_to(item.root) for item in found]
        if len({path.as_posix().casefold() for path in paths}) < len(paths):
            # Files of several folders with the same names: all are named from the folder that holds them all.
            absolute = [Path(_absolute(item.root), path) for item, path in zip(found, paths, strict=True)]
            common = os.path.commonpath([path.parent for path in absolute])
            paths = [path.relative_to(common) for path in absolute]
        of_files = iter(paths)
        paths = [item.file if item.stream else next(of_files) for item in self.found.values()]
        names: dict[str, None] = {}
        for path in paths:
            # Standard input, and a file that is called so, have different names.
            names[free_name(image_name(path), names.__contains__, "~")] = None
        return list(names)


def _absolute(folder: Path) -> str:
    """With one slash at its beginning: POSIX lets two stay, and nothing is below the folder of both forms."""
    path = os.path.abspath(folder)
    return path[1:] if path.startswith("//") else path


def _exists(path: Path) -> bool:
    try:
        return os.path.lexists(path)
    except ValueError:  # it holds a NUL
        return False


def _ending(file: Path) -> str:
    return file.suffix.lower() or "without ending"


def _listed(list_file: str, stdin: BinaryIO | None) -> list[str]:
    try:
        if list_file == STANDARD_INPUT:
            data = stdin.read(LARGE) if stdin is not None else b""
        else:
            data = read_bounded(list_file, LARGE)
    except (OSError, ValueError) as error:
        raise InputError(f"list_file: '{printable(list_file)}' cannot be read ({error})") from None
    # Names are bytes: those that are not UTF-8 stay what they are.
    lines = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape").split("\n")
    names = [line.strip() for line in lines if line.strip()]
    folder = Path() if list_file == STANDARD_INPUT else Path(list_file).parent
    return [name if name == STANDARD_INPUT else str(folder / name) for name in names]
