"""Reading word LMDBs: `num-samples`, `image-%09d`, `label-%09d`, counted from 1 in the file and from 0 here.

The layout is the one of the public MJSynth / IIIT5K LMDBs, so those open as they are. Values are only ever
taken as an encoded image and as UTF-8 text; nothing in a database is unpickled or run.
"""

import os
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lmdb
import numpy as np

from src.data.recognition.lmdb_errors import DAMAGED_PAGE, OF_A_PAGE, LmdbError, LmdbPlaceError, lmdb_problem
from src.data.recognition.lmdb_length import cut_short
from src.data.recognition.word_images import SampleError, decode_gray, header_size

NUM_SAMPLES_KEY = b"num-samples"
PROGRESS_KEY = b"build-progress"  # present only while a build is unfinished; see lmdb_writer

_environments: weakref.WeakValueDictionary = weakref.WeakValueDictionary()  # (device, inode) -> holder
_environments_lock = threading.Lock()


def image_key(index: int) -> bytes:
    """Key of the image of sample `index` (0-based)."""
    return b"image-%09d" % (index + 1)


def label_key(index: int) -> bytes:
    """Key of the text of sample `index` (0-based)."""
    return b"label-%09d" % (index + 1)


class _Environment:
    """Weakly referable holder: LMDB forbids opening one file twice in a process, so readers share it."""

    def __init__(self, path: Path):
        self.process = os.getpid()
        self.handle = lmdb.open(
            str(path),
            subdir=path.is_dir(),
            readonly=True,
            create=False,
            lock=False,
            readahead=False,
            meminit=False,
            max_readers=32,
        )


def _open_shared(path: Path) -> _Environment:
    status = data_file(path).stat()
    file = (status.st_dev, status.st_ino)
    with _environments_lock:
        environment = _environments.get(file)
        if environment is not None and environment.process != os.getpid():
            environment.handle.close()  # inherited through a fork; its own process is not touched by this
            environment = None
        if environment is None:
            environment = _environments[file] = _Environment(path)
        return environment


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
        self._environment: _Environment | None = None
        self._count = self._read_count()

    def _read_count(self) -> int:
        if not os.path.exists(self.path):
            raise LmdbPlaceError(f"no such LMDB: {str(self.path)!r}")
        if not is_lmdb(self.path) and not self.path.is_file():
            raise LmdbPlaceError(f"{str(self.path)!r} is not an LMDB: it holds no data.mdb")
        try:
            self._file_bytes = data_file(self.path).stat().st_size
            if cut := cut_short(data_file(self.path)):
                raise LmdbError(f"{str(self.path)!r}: {cut}")
            if not data_file(self.path).stat().st_size:
                raise LmdbError(f"{str(self.path)!r}: data.mdb is empty; copy it again")
            with self._handle().begin() as transaction:
                count = transaction.get(NUM_SAMPLES_KEY)
                unfinished = transaction.get(PROGRESS_KEY) is not None
        except (lmdb.Error, OSError) as error:
            raise lmdb_problem(self.path, error) from error
        if count is None:
            hint = "its build is unfinished, run it again" if unfinished else "it has no num-samples key"
            raise LmdbError(f"LMDB {str(self.path)!r} cannot be used: {hint}")
        if not (count.isdigit() and len(count) <= 9):
            raise LmdbError(f"LMDB {str(self.path)!r}: num-samples is {count[:40]!r}, not a number")
        return int(count)

    def _handle(self) -> lmdb.Environment:
        if self._environment is None or self._environment.process != os.getpid():
            self._environment = _open_shared(self.path)  # an environment must not cross a fork
        return self._environment.handle

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_environment": None}

    def __len__(self) -> int:
        return self._count

    def entries(self) -> int:
        """Number of keys of any kind in the file."""
        try:
            return self._handle().stat()["entries"]
        except (lmdb.Error, OSError) as error:
            raise lmdb_problem(self.path, error) from error

    def read(self, index: int) -> tuple[bytes, str]:
        """Encoded image and text of sample `index` (0-based).

        Raises:
            SampleError: the record is missing or damaged.
            IndexError: there is no such sample.
        """
        if not 0 <= index < self._count:
            raise IndexError(f"sample {index} of {self._count} in {str(self.path)!r}")
        try:
            with self._handle().begin(buffers=True) as transaction:
                image = self._copied(transaction.get(image_key(index)))
                label = self._copied(transaction.get(label_key(index)))
        except OF_A_PAGE as error:
            raise SampleError(f"{self.path}: {image_key(index).decode()}: {error}", DAMAGED_PAGE) from error
        except (lmdb.Error, OSError) as error:
            raise lmdb_problem(self.path, error) from error
        if image is None:
            raise SampleError(f"{self.path}: {image_key(index).decode()} is missing", "missing image")
        return image, self._decode_label(label, index)

    def _copied(self, value: memoryview | None) -> bytes | None:
        """A value, unless a damaged page says that it is longer than the file: reading it would end the process."""
        if value is not None and len(value) > self._file_bytes:
            raise lmdb.CorruptedError(f"a value of {len(value)} bytes in a file of {self._file_bytes}")
        return None if value is None else bytes(value)

    def labels(self) -> Iterator[str | SampleError]:
        """Every text in order, without touching the images; the error in the place of a bad one."""
        done = 0
        try:
            with self._handle().begin() as transaction, transaction.cursor() as cursor:
                alive = cursor.set_range(b"label-")
                for index in range(self._count):
                    wanted = label_key(index)
                    while alive and cursor.key() < wanted:
                        alive = cursor.next()
                    found = alive and cursor.key() == wanted
                    yield self._label_or_error(cursor.value() if found else None, index)
                    done += 1
        except OF_A_PAGE:  # those on other pages are there; each is looked for by itself
            for index in range(done, self._count):
                yield self._looked_up_label(index)
        except (lmdb.Error, OSError) as error:
            raise lmdb_problem(self.path, error) from error

    def image_sizes(self) -> np.ndarray:
        """(height, width) of every image from its header, int32 (N, 2); (0, 0) where there is none."""
        sizes = np.zeros((self._count, 2), np.int32)
        index = 0
        while index < self._count:
            try:
                with self._handle().begin(buffers=True) as transaction:
                    for index in range(index, self._count):  # noqa: B020 - goes on where it was
                        data = transaction.get(image_key(index))
                        if data is not None and len(data) <= self._file_bytes:
                            sizes[index] = header_size(data) or (0, 0)
            except OF_A_PAGE:  # the transaction cannot go on; reading this sample says what is wrong
                pass
            except (lmdb.Error, OSError) as error:
                raise lmdb_problem(self.path, error) from error
            index += 1
        return sizes

    def _looked_up_label(self, index: int) -> str | SampleError:
        try:
            with self._handle().begin() as transaction:
                return self._label_or_error(transaction.get(label_key(index)), index)
        except OF_A_PAGE as error:
            return SampleError(f"{self.path}: {label_key(index).decode()}: {error}", DAMAGED_PAGE)

    def _label_or_error(self, label: bytes | None, index: int) -> str | SampleError:
        try:
            return self._decode_label(label, index)
        except SampleError as error:
            return error

    def _decode_label(self, label: bytes | None, index: int) -> str:
        name = f"{self.path}: {label_key(index).decode()}"
        if label is None:
            raise SampleError(f"{name} is missing", "missing label")
        try:
            text = label.decode("utf-8")
        except UnicodeDecodeError as error:
            raise SampleError(f"{name} is not UTF-8: {label[:40]!r}", "label not UTF-8") from error
        if not text.strip():
            raise SampleError(f"{name} is empty", "empty label")
        return text

    def sample(self, index: int) -> tuple[np.ndarray, str]:
        """Decoded image, uint8 gray (H, W), and text of sample `index`."""
        data, text = self.read(index)
        return decode_gray(data, f"{self.path}: {image_key(index).decode()}"), text

    def close(self) -> None:
        """Let go of the file (it reopens on the next use)."""
        self._environment = None
