"""A part of a set of words: those that a list of names chooses, all the others, or a share of several."""

from collections.abc import Callable, Collection, Iterator
from itertools import islice

from src.common.options import OptionError
from src.common.shard import Shard
from src.data.recognition.annotations import Reject, Word, WordSet, WordSetError


def only_listed(words: WordSet, names: Collection[str]) -> WordSet:
    """The words that the list names, by their own name or by that of their group (their photograph).

    Raises:
        WordSetError: the list names words that the set does not have: it belongs to another set.
    """
    return _chosen(words, names, lambda listed: listed)


def without_listed(words: WordSet, names: Collection[str]) -> WordSet:
    """The words that the list does not name.

    Raises:
        WordSetError: as `only_listed`.
    """
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


def share_of(words: WordSet, shard: Shard) -> WordSet:
    """The words of one share, neighbors in the order of the set.

    Raises:
        WordSetError: a share without any.
    """
    positions = shard.of(words.count)
    if not positions:
        raise OptionError(f"shard: share {shard.number} of {shard.count} of {words.count} words is empty")
    return WordSet(len(positions), lambda: islice(words.iterate(), positions.start, positions.stop))
