"""Files in folders and behind patterns. Links are followed; a ring of them ends."""

import os
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from pathlib import Path

_WILDCARDS = set("*?[")


def has_wildcard(text: str) -> bool:
    return bool(_WILDCARDS & set(text))


class FolderWalk:
    """Lists folders; those that cannot be listed are kept in `unreadable`, and special files in `special`."""

    def __init__(self) -> None:
        self.unreadable: list[Path] = []
        self.special: list[Path] = []

    def files(self, folder: Path, *, recursive: bool, leave_out: Path | None = None) -> list[Path]:
        """What is in `folder`, and with `recursive` below it, by name: files, and links that lead nowhere.

        Args:
            leave_out: a folder, resolved, that is not entered.
        """
        return sorted(self._files(folder, recursive, leave_out))

    def matching(self, pattern: str, *, recursive: bool) -> tuple[list[Path], Path]:
        """The files that match a pattern with *, ?, [ ] and, with `recursive`, ** for any folders; by name.

        Also the folder before the first wildcard, from which they are named. A name that begins with a dot is matched
        by a pattern that does.
        """
        path = Path(pattern)
        fixed = 0
        while fixed < len(path.parts) - 1 and not has_wildcard(path.parts[fixed]):
            fixed += 1
        start = Path(*path.parts[:fixed])
        found = self._matching(start, path.parts[fixed:], recursive)
        return sorted(dict.fromkeys(file for file in found if not os.path.isdir(file))), start

    def _files(self, folder: Path, recursive: bool, leave_out: Path | None) -> Iterator[Path]:
        for below in self._folders(folder, leave_out) if recursive else [folder]:
            for entry in self._entries(below):
                path = below / entry.name
                if _is(entry.is_dir):
                    continue
                if _is(entry.is_file) or not os.path.exists(path):
                    yield path
                else:
                    self.special.append(path)

    def _matching(self, folder: Path, parts: tuple[str, ...], recursive: bool) -> Iterator[Path]:
        head, rest = parts[0], parts[1:]
        if head == "**" and recursive:
            for below in self._folders(folder, hidden=False):
                yield from self._matching(below, rest or ("*",), recursive)
            return
        if not has_wildcard(head):
            path = folder / head
            if os.path.lexists(path):
                yield from self._matching(path, rest, recursive) if rest else [path]
            return
        for entry in self._entries(folder):
            if fnmatch(entry.name, head) and (head.startswith(".") or not entry.name.startswith(".")):
                path = folder / entry.name
                if not rest:
                    yield path
                elif _is(entry.is_dir):
                    yield from self._matching(path, rest, recursive)

    def _folders(self, folder: Path, leave_out: Path | None = None, *, hidden: bool = True) -> Iterator[Path]:
        """`folder` and all below it, each once, whatever links lead to it."""
        seen: set[tuple[int, int]] = set()
        waiting = [folder]
        while waiting:
            folder = waiting.pop()
            if not _is_new(folder, seen) or (leave_out is not None and os.path.realpath(folder) == str(leave_out)):
                continue
            yield folder
            entries = [entry for entry in self._entries(folder) if hidden or not entry.name.startswith(".")]
            waiting += sorted((folder / entry.name for entry in entries if _is(entry.is_dir)), reverse=True)

    def _entries(self, folder: Path) -> list[os.DirEntry]:
        try:
            with os.scandir(folder) as entries:
                return list(entries)
        except OSError:
            if folder not in self.unreadable:
                self.unreadable.append(folder)
            return []


def _is_new(folder: Path, seen: set[tuple[int, int]]) -> bool:
    """Whether it is a folder that was not seen yet, under any name; now it is."""
    try:
        status = folder.stat()
    except OSError:
        return True  # listing it will raise the reason
    known = (status.st_dev, status.st_ino)
    if known in seen:
        return False
    seen.add(known)
    return True


def _is(question: Callable[[], bool]) -> bool:
    """A property of a directory entry; False where a ring of links hides it."""
    try:
        return question()
    except OSError:
        return False
