"""Lists of names that divide a data set: what validates a network and so must never train it.

A list is a UTF-8 text file with one name a line; empty lines and lines that begin with '#' are skipped.
"""

from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from src.data.word_annotations import Reject, Word, WordSet, WordSetError
from src.errors import UserError


def read_names(path: str | Path) -> frozenset[str]:
    """The names of a list. Raises UserError when it cannot be read or is empty."""
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"list of names {path}: {error}") from error
    names = frozenset(line.strip() for line in lines if line.strip() and not line.startswith("#"))
    if not names:
        raise UserError(f"list of names {path}: holds no name")
    return names


def only_listed(words: WordSet, names: Collection[str]) -> WordSet:
    """The words that the list names, by their own name or by that of their group (their photograph).

    Raises WordSetError when the list has names that the set has not: it belongs to another set.
    """
    return _chosen(words, names, lambda listed: listed)


def without_listed(words: WordSet, names: Collection[str]) -> WordSet:
    """The words that the list does not name. Raises WordSetError as `only_listed`."""
    return _chosen(words, names, lambda listed: not listed)


def _chosen(words: WordSet, names: Collection[str], wanted: Callable[[bool], bool]) -> WordSet:
    names = frozenset(names)
    missing = names - {name for word in words.iterate() for name in (word.name, word.group)}
    if missing:
        few = ", ".join(sorted(missing)[:3])
        raise WordSetError(f"{len(missing)} of {len(names)} listed names are not in the data set: {few}")

    def iterate() -> Iterator[Word | Reject]:
        return (word for word in words.iterate() if wanted(word.name in names or word.group in names))

    return WordSet(sum(1 for _ in iterate()), iterate)
