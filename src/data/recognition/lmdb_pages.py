"""Reading the pages of an LMDB by themselves: every number in them is checked before it is followed.

LMDB's own library maps the file into memory and trusts it, so a damaged page, or a file that is cut off while it is
read, ends the process. Here it is one error. Little-endian, as written on all machines that train.

A page begins with its number (8 bytes), 2 bytes, flags, and where the offsets of its nodes end and where the nodes
begin (2 each). A node has two halves of a number, flags, the length of its key, the key and the value: in a branch
the number is, with the flags above it, the page below; in a leaf it is the length of the value, which lies on pages
of its own if it is long.
"""

import os
import struct
import weakref
from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from src.data.recognition.lmdb_description import descriptions
from src.data.recognition.lmdb_errors import LmdbError, PageError

_PAGE = struct.Struct("<Q2xHHH")
_NODE = struct.Struct("<HHHH")
_HEADER_BYTES = 16
_BRANCH, _LEAF, _OVERFLOW, _KINDS = 1, 2, 4, 0x6F
_ON_OWN_PAGES, _NOT_A_VALUE = 1, 6  # flags of a node
_NO_ROOT = 2**64 - 1
_MOST_LEVELS = 32
_MOST_VALUE_BYTES = 256 << 20  # no image of a word is larger
_KEPT_BRANCHES, _KEPT_LEAVES = 4096, 1024
_LEAST_KEPT_NODES = 8  # of a leaf; those that hold an image or two would drive out those with a hundred texts


@lru_cache
def _offsets(count: int) -> struct.Struct:
    return struct.Struct(f"<{count}H")


class _Leaf(NamedTuple):
    data: bytes
    offsets: tuple[int, ...]


class LmdbPages:
    """The key-value pairs of a data.mdb as it is when this is made; for any number of threads and forks.

    Attributes:
        entries: number of keys, by the file's own count.
        file_bytes: its size.

    Raises:
        LmdbError: it is no LMDB of a kind that is read.
        OSError: it cannot be opened.
    """

    def __init__(self, data_file: Path) -> None:
        self._file = os.open(data_file, os.O_RDONLY | os.O_CLOEXEC)
        self.close = weakref.finalize(self, os.close, self._file)
        self.file_bytes = os.fstat(self._file).st_size
        newest = max(descriptions(self._file), key=lambda found: found.transaction, default=None)
        if newest is None:
            raise LmdbError(f"{str(data_file)!r} is no LMDB of a version that is read: build it again")
        if newest.flags:
            raise LmdbError(f"{str(data_file)!r} is an LMDB that was made for something else: build it again")
        self.entries = newest.entries
        self._page_bytes, self._last_page = newest.page_bytes, newest.last_page
        self._root, self._roots = newest.root, (newest.free_root, newest.root)
        self._branches: dict[int, tuple[list[bytes], list[int]]] = {}
        self._leaves: dict[int, _Leaf] = {}

    def get(self, key: bytes, most: int = _MOST_VALUE_BYTES) -> bytes | None:
        """The value of a key, or its first `most` bytes; None where there is no such key.

        Raises:
            PageError: a page on the way is damaged.
            OSError: the file cannot be read.
        """
        page, branches = self._root, self._branches
        if page == _NO_ROOT:
            return None
        for _ in range(_MOST_LEVELS):
            branch = branches.get(page)
            if branch is None:
                found = self._leaves.get(page) or self._page(page)
                if isinstance(found, _Leaf):
                    return self._found_in(found, key, most)
                branch = found
            keys, children = branch
            page = children[bisect_right(keys, key, 1) - 1]
        raise PageError("the tree is too deep")

    def items(self, prefix: bytes, most: int = _MOST_VALUE_BYTES) -> Iterator[tuple[bytes, bytes]]:
        """The keys of this beginning in order, with the first `most` bytes of their values; errors as of `get`."""
        last = b""
        for leaf in self._leaves_from(prefix):
            for number in range(len(leaf.offsets)):
                key = self._key(leaf, number)
                if key <= last:  # also of pages that stand at several places, which would be walked without end
                    raise PageError("keys are out of order")
                last = key
                if key.startswith(prefix):
                    yield key, self._value(leaf.data, leaf.offsets[number], most)
                elif key > prefix:
                    return

    def check(self) -> None:
        """Look at every page that is in use, so that LMDB itself may use them; PageError at the first bad one."""
        seen: set[int] = set()
        pending = [(root, 0) for root in self._roots if root != _NO_ROOT]
        while pending:
            number, level = pending.pop()
            if number in seen or level > _MOST_LEVELS:
                raise PageError(f"page {number} stands at several places")
            seen.add(number)
            page = self._page(number)
            if isinstance(page, _Leaf):
                for node in range(len(page.offsets)):
                    self._key(page, node)
                    self._value(page.data, page.offsets[node], 0)
            else:
                pending += [(child, level + 1) for child in page[1]]

    def _leaves_from(self, key: bytes) -> Iterator[_Leaf]:
        """The leaves that may hold keys from this one on, in order."""
        pending = [] if self._root == _NO_ROOT else [(self._root, 0)]
        while pending:
            number, level = pending.pop()
            if level > _MOST_LEVELS:
                raise PageError("the tree is too deep")
            page = self._page(number)
            if isinstance(page, _Leaf):
                yield page
                continue
            keys, children = page
            first = bisect_right(keys, key, 1) - 1
            pending += [(child, level + 1) for child in reversed(children[first:])]

    def _page(self, number: int) -> "_Leaf | tuple[list[bytes], list[int]]":
        """A leaf, or the keys and pages of a branch, whose first key stands for all that are smaller."""
        known = self._branches.get(number) or self._leaves.get(number)
        if known:
            return known
        data = self._read(number, self._page_bytes)
        own_number, flags, lower, upper = _PAGE.unpack_from(data)
        kind = flags & _KINDS
        if own_number != number or kind not in (_BRANCH, _LEAF):
            raise PageError(f"page {number} is none of the tree")
        if not _HEADER_BYTES <= lower <= upper <= self._page_bytes:
            raise PageError(f"page {number} has impossible bounds")
        offsets = _offsets((lower - _HEADER_BYTES) // 2).unpack_from(data, _HEADER_BYTES)
        if not offsets or min(offsets) < upper:
            raise PageError(f"page {number} has impossible offsets")
        found = _Leaf(data, offsets)
        if kind == _LEAF:
            if len(offsets) >= _LEAST_KEPT_NODES:
                if len(self._leaves) >= _KEPT_LEAVES:
                    self._leaves.clear()
                self._leaves[number] = found
            return found
        keys = [b"", *(self._key(found, node) for node in range(1, len(offsets)))]
        if len(self._branches) >= _KEPT_BRANCHES:
            self._branches.clear()
        self._branches[number] = keys, [self._child(data, offset) for offset in offsets]
        return self._branches[number]

    def _child(self, data: bytes, offset: int) -> int:
        low, middle, high, _ = self._node(data, offset)
        return low | middle << 16 | high << 32

    def _node(self, data: bytes, offset: int) -> tuple[int, int, int, int]:
        if offset + _NODE.size > self._page_bytes:
            raise PageError("a node lies outside its page")
        return _NODE.unpack_from(data, offset)

    def _key(self, leaf: _Leaf, number: int) -> bytes:
        start = leaf.offsets[number]
        end = start + _NODE.size + self._node(leaf.data, start)[3]
        if end > self._page_bytes:
            raise PageError("a key lies outside its page")
        return leaf.data[start + _NODE.size : end]

    def _found_in(self, leaf: _Leaf, key: bytes, most: int) -> bytes | None:
        """The value of a key that stands in the leaf.

        This is done for every sample: `find` takes a fraction of what comparing with one key after the other would.
        """
        data, offsets = leaf
        at = data.find(key)
        while at >= 0:
            start = at - _NODE.size
            if start in offsets and data[at - 2] | data[at - 1] << 8 == len(key):
                return self._value(data, start, most)
            at = data.find(key, at + 1)  # what was found is no key: it stands in a value or a longer key
        return None

    def _value(self, page_data: bytes, offset: int, most: int) -> bytes:
        low, high, flags, key_bytes = _NODE.unpack_from(page_data, offset)  # a node whose key has been looked at
        length, start = low | high << 16, offset + _NODE.size + key_bytes
        if flags & _NOT_A_VALUE or length > _MOST_VALUE_BYTES:
            raise PageError("a value of another kind or length")
        stored = 8 if flags & _ON_OWN_PAGES else length
        if start + stored > self._page_bytes:
            raise PageError("a value lies outside its page")
        if not flags & _ON_OWN_PAGES:
            return page_data[start : start + min(length, most)]
        page = int.from_bytes(page_data[start : start + 8], "little")
        last = page + -(-(_HEADER_BYTES + length) // self._page_bytes) - 1
        if last > self._last_page:
            raise PageError(f"page {page} holds no such value")
        data = self._read(page, _HEADER_BYTES + min(length, most))
        own_number, kind, low, high = _PAGE.unpack_from(data)
        if own_number != page or kind & _KINDS != _OVERFLOW or last >= page + (low | high << 16):
            raise PageError(f"page {page} holds no such value")
        return data[_HEADER_BYTES:]

    def _read(self, page: int, length: int) -> bytes:
        if not 2 <= page <= self._last_page:
            raise PageError(f"there is no page {page}")
        data = os.pread(self._file, length, page * self._page_bytes)
        if len(data) < length:
            raise PageError(f"the file ends before page {page} does")
        return data
