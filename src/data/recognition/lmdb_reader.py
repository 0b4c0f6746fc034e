"""Reading word LMDBs: `num-samples`, `image-%09d`, `label-%09d`, counted from 1 in the file and from 0 here.

The layout is the one of the public MJSynth / IIIT5K LMDBs, so those open as they are. Values are only ever
taken as an encoded image and as UTF-8 text; nothing in a database is unpickled or run.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from src.data.recognition.lmdb_description import cut_short
from src.data.recognition.lmdb_errors import DAMAGED_PAGE, LmdbError, LmdbPlaceError, PageError, lmdb_problem
from src.data.recognition.lmdb_pages import LmdbPages
from src.data.recognition.word_images import SampleError, decode_gray, header_size

NUM_SAMPLES_KEY = b"num-samples"
PROGRESS_KEY = b"build-progress"  # present only while a build is unfinished; see lmdb_writer
_LEAST_SAMPLE_BYTES = 2 * 25  # two keys of 15 bytes, each with what a page needs to find it
_MOST_PIXELS = 2**31 - 1  # of a side: what int32 holds
_MOST_HEADER_BYTES = 1 << 16  # of an image, in which its size is looked for first


def image_key(index: int) -> bytes:
    """Key of the image of sample `index` (0-based)."""
    return b"image-%09d" % (index + 1)


def label_key(index: int) -> bytes:
    """Key of the text of sample `index` (0-based)."""
    return b"label-%09d" % (index + 1)


def data_file(path: Path) -> Path:
    """The file of an LMDB that is given as a folder or as that file."""
    return path / "data.mdb" if path.is_dir() else path


def is_lmdb(path: str | Path) -> bool:
    """Whether `path` is a folder with a data.mdb or such a file itself."""
    path = Path(path)
    return os.path.isfile(path / "data.mdb") or (os.path.isfile(path) and path.suffix == ".mdb")


def find_lmdb(lmdb_root: str | Path, name: str) -> Path:
    """The LMDB folder `name` inside `lmdb_root`, whatever its upper and lower case.

    Raises:
        LmdbError: there is none, or several that differ from `name` only in case.
    """
    lmdb_root = Path(lmdb_root)
    if not lmdb_root.is_dir():
        raise LmdbPlaceError(f"lmdb_root: '{lmdb_root}' is not a folder; it should hold {name}")
    folders = sorted(entry for entry in lmdb_root.iterdir() if is_lmdb(entry))
    exact = [folder for folder in folders if folder.name == name]
    similar = [folder for folder in folders if folder.name.lower() == name.lower()]
    if exact or len(similar) == 1:
        return (exact or similar)[0]
    if similar:
        names = [folder.name for folder in similar]
        raise LmdbPlaceError(f"lmdb_root: '{lmdb_root}' holds {names}: rename the right one to {name}")
    there = ", ".join(folder.name for folder in folders) or "no LMDB"
    raise LmdbPlaceError(f"lmdb_root: no LMDB '{name}' in '{lmdb_root}' (there is: {there})")


class LmdbWords:
    """The samples of one word LMDB; picklable, opened on first use in each process.

    `read(i)` gives the stored bytes and the text, `sample(i)` the decoded image and the text,
    `len()` the number of samples.

    Raises:
        LmdbError: the database cannot be used.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self._opened: LmdbPages | None = None
        self._count = self._read_count()

    def _read_count(self) -> int:
        if not os.path.exists(self.path):
            raise LmdbPlaceError(f"no such LMDB: {str(self.path)!r}")
        if not is_lmdb(self.path) and not self.path.is_file():
            raise LmdbPlaceError(f"{str(self.path)!r} is not an LMDB: it holds no data.mdb")
        try:
            if cut := cut_short(data_file(self.path)):
                raise LmdbError(f"{str(self.path)!r}: {cut}")
            if not data_file(self.path).stat().st_size:
                raise LmdbError(f"{str(self.path)!r}: data.mdb is empty; copy it again")
            count = self._pages().get(NUM_SAMPLES_KEY)
            unfinished = self._pages().get(PROGRESS_KEY, 0) is not None
        except (PageError, OSError) as error:
            raise lmdb_problem(self.path, error) from error
        if count is None:
            hint = "its build is unfinished, run it again" if unfinished else "it has no num-samples key"
            raise LmdbError(f"LMDB {str(self.path)!r} cannot be used: {hint}")
        if not (count.isdigit() and len(count) <= 9):
            raise LmdbError(f"LMDB {str(self.path)!r}: num-samples is {count[:40]!r}, not a number")
        # A sample has two keys. Looking for a billion that are not there would take hours.
        if int(count) > (most := min(self._pages().entries, self._pages().file_bytes // _LEAST_SAMPLE_BYTES)):
            raise LmdbError(f"LMDB {str(self.path)!r}: num-samples is {int(count)}, and it holds {most} keys at most")
        return int(count)

    def _pages(self) -> LmdbPages:
        if self._opened is None:
            self._opened = LmdbPages(data_file(self.path))
        return self._opened

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": None}

    def __len__(self) -> int:
        return self._count

    def entries(self) -> int:
        """Number of keys of any kind in the file."""
        return self._pages().entries

    def read(self, index: int) -> tuple[bytes, str]:
        """Encoded image and text of sample `index` (0-based).

        Raises:
            SampleError: the record is missing or damaged.
            IndexError: there is no such sample.
        """
        if not 0 <= index < self._count:
            raise IndexError(f"sample {index} of {self._count} in {str(self.path)!r}")
        image = self._value(image_key(index))
        label = self._value(label_key(index))
        if image is None:
            raise SampleError(f"{self.path}: {image_key(index).decode()} is missing", "missing image")
        return image, self._decode_label(label, index)

    def _value(self, key: bytes) -> bytes | None:
        try:
            return self._pages().get(key)
        except PageError as error:
            raise SampleError(f"{self.path}: {key.decode()}: {error}", DAMAGED_PAGE) from error
        except OSError as error:
            raise lmdb_problem(self.path, error) from error

    def labels(self) -> Iterator[str | SampleError]:
        """Every text in order, without touching the images; the error in the place of a bad one."""
        done = 0
        try:
            stored = iter(self._pages().items(b"label-"))
            found: tuple[bytes, bytes] | None = next(stored, None)
            for index in range(self._count):
                wanted = label_key(index)
                while found and found[0] < wanted:
                    found = next(stored, None)
                yield self._label_or_error(found[1] if found and found[0] == wanted else None, index)
                done += 1
        except PageError:  # those on other pages are there; each is looked for by itself
            for index in range(done, self._count):
                yield self._looked_up_label(index)
        except OSError as error:
            raise lmdb_problem(self.path, error) from error

    def image_sizes(self) -> np.ndarray:
        """(height, width) of every image from its header, int32 (N, 2); (0, 0) where there is none."""
        sizes = np.zeros((self._count, 2), np.int32)
        for index in range(self._count):
            with suppress(SampleError):  # reading this sample says what is wrong
                sizes[index] = self._image_size(image_key(index))
        return sizes

    def _image_size(self, key: bytes) -> tuple[int, int]:
        try:
            head = self._pages().get(key, _MOST_HEADER_BYTES) or b""
            size = header_size(head)
            if size is None and len(head) == _MOST_HEADER_BYTES:
                size = header_size(self._pages().get(key) or b"")
        except PageError as error:
            raise SampleError(f"{self.path}: {key.decode()}: {error}", DAMAGED_PAGE) from error
        except OSError as error:
            raise lmdb_problem(self.path, error) from error
        height, width = size or (0, 0)
        return min(height, _MOST_PIXELS), min(width, _MOST_PIXELS)

    def _looked_up_label(self, index: int) -> str | SampleError:
        try:
            return self._label_or_error(self._value(label_key(index)), index)
        except SampleError as error:
            return error

    def _label_or_error(self, label: bytes | None, index: int) -> str | SampleError:
        try:
            return self._decode_label(label, index)
        except SampleError as error:
            return error

    def _decode_label(self, label: bytes | None, index: int) -> str:
        if label is None:
            raise self._label_error(index, "is missing", "missing label")
        try:
            text = label.decode("utf-8")
        except UnicodeDecodeError as error:
            raise self._label_error(index, f"is not UTF-8: {label[:40]!r}", "label not UTF-8") from error
        if not text.strip():
            raise self._label_error(index, "is empty", "empty label")
        return text

    def _label_error(self, index: int, what: str, reason: str) -> SampleError:
        return SampleError(f"{self.path}: {label_key(index).decode()} {what}", reason)

    def sample(self, index: int) -> tuple[np.ndarray, str]:
        """Decoded image, uint8 gray (H, W), and text of sample `index`."""
        data, text = self.read(index)
        return decode_gray(data, f"{self.path}: {image_key(index).decode()}"), text

    def close(self) -> None:
        """Let go of the file (it reopens on the next use)."""
        self._opened = None
