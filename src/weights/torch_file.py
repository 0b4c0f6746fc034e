"""PyTorch's `.pth` files, read without PyTorch and without running anything from them.

A file of today is a zip: a pickle (`data.pkl`) that names storages, and the storages as raw members. An old file
(before 1.6, such as torchvision's published VGG) is a row of pickles followed by the storages. The unpickler admits
a handful of names and answers each with a harmless stand-in, so a pickle can only describe tensors here. Own code,
because PyTorch's own reader would make all of PyTorch a requirement for loading a published file.
"""

import collections
import io
import math
import pickle
import pickletools
import zipfile
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from src.common.errors import UserError
from src.weights.bfloat16 import float32_of_bfloat16

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_START = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
_MOST_PICKLE_BYTES = 1 << 20  # names and shapes only; real files stay under half of it
_MOST_LONG_NUMBERS = 3_000  # real files have hardly any; as keys, they can be chosen so that a dict takes forever
_LONG_NUMBERS = {"LONG", "LONG1", "LONG4", "INT", "FLOAT", "BINFLOAT"}
_MOST_ITEMS = 1_000_000  # containers and values in them; real files have some thousands
_MOST_DIMENSIONS = 32  # NumPy's limit, and older versions crash beyond it
_LARGEST = 2**48  # of a size, stride or offset, so that products with NumPy's item sizes stay in 64 bits
_MOST_VIEWS = 4  # arrays may share storages, but all together take no more than so many times their bytes
_STORAGE_TYPES = {
    "FloatStorage": np.float32,
    "DoubleStorage": np.float64,
    "HalfStorage": np.float16,
    "BFloat16Storage": None,
    "LongStorage": np.int64,
    "IntStorage": np.int32,
    "ShortStorage": np.int16,
    "CharStorage": np.int8,
    "ByteStorage": np.uint8,
    "BoolStorage": np.bool_,
}


@dataclass(frozen=True)
class _Storage:
    kind: str
    key: str
    count: int


@dataclass(frozen=True)
class _Tensor:
    storage: _Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


def read_torch(data: bytes) -> Any:
    """The object in a `.pth` with arrays in the place of tensors (bfloat16 becomes float32).

    Raises:
        UserError: damaged, or it holds something else than tensors and plain containers.
    """
    try:
        if data[:2] == b"PK":
            return _read_zip(data)
        if data.startswith(_LEGACY_START):
            return _read_legacy(io.BytesIO(data))
    except UserError:
        raise
    except Exception as error:  # a damaged pickle can fail in any way
        raise UserError(f"damaged or not a PyTorch file ({type(error).__name__}: {error})") from None
    raise UserError("damaged or not a PyTorch file (neither a zip nor a pickle of torch.save)")


def _read_zip(data: bytes) -> Any:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = [name for name in archive.namelist() if name.count("/") == 1 and name.endswith("/data.pkl")]
        if len(names) != 1:
            raise UserError("not a PyTorch file (a zip without data.pkl)")
        folder = names[0].removesuffix("data.pkl")
        if folder + "byteorder" in archive.namelist() and not _is_little(archive, folder + "byteorder"):
            raise UserError("a PyTorch file of a big-endian machine is not supported")
        described_in = archive.getinfo(names[0])
        if described_in.file_size > _MOST_PICKLE_BYTES:
            raise UserError(f"data.pkl is larger than {_MOST_PICKLE_BYTES} bytes")
        if described_in.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise UserError("a PyTorch file with an unusual compression is not supported")
        described = _unpickle(io.BytesIO(archive.read(names[0])))
        members = {key: archive.getinfo(f"{folder}data/{key}") for key in _storages(described)}
        if any(member.compress_type != zipfile.ZIP_STORED for member in members.values()):
            raise UserError("a PyTorch file with compressed tensors is not supported")
        if sum(member.file_size for member in members.values()) > len(data):
            raise UserError("its tensors are larger than the file")
        storages = {key: archive.read(member) for key, member in members.items()}
    return _Filler(storages).fill(described)


def _is_little(archive: zipfile.ZipFile, name: str) -> bool:
    with archive.open(name) as member:
        return member.read(len(b"little") + 1) == b"little"


def _read_legacy(file: BinaryIO) -> Any:
    if _unpickle(file) != _LEGACY_MAGIC:
        raise ValueError("wrong magic number")
    _unpickle(file)  # version of the protocol
    system = _unpickle(file)
    if not (isinstance(system, dict) and system.get("little_endian", True)):
        raise UserError("a PyTorch file of a big-endian machine is not supported")
    described = _unpickle(file)
    kinds = _storages(described)
    storages = {}
    for key in _unpickle(file):
        storage = kinds[key]
        count = int.from_bytes(file.read(8), "little")
        if count != storage.count:
            raise ValueError(f"storage {key} holds {count} values instead of {storage.count}")
        storages[key] = file.read(count * _item_bytes(storage))
    return _Filler(storages).fill(described)


def _unpickle(file: BinaryIO) -> Any:
    """The next pickle of a file.

    Raises:
        ValueError: it is too long, or numbers what it remembers beyond its own length: Python would take memory for
            all numbers.
    """
    start = file.tell()
    largest = long_numbers = 0
    for code, argument, place in pickletools.genops(file):
        if place is not None and place - start > _MOST_PICKLE_BYTES:
            raise ValueError(f"a pickle of more than {_MOST_PICKLE_BYTES} bytes")
        if "PUT" in code.name and isinstance(argument, int):
            largest = max(largest, argument)
        long_numbers += code.name in _LONG_NUMBERS
        if long_numbers > _MOST_LONG_NUMBERS:
            raise ValueError(f"a pickle of more than {_MOST_LONG_NUMBERS} long numbers")
    length = file.tell() - start
    if largest > length:
        raise ValueError(f"a pickle of {length} bytes remembers item {largest}")
    file.seek(start)
    return _Unpickler(file).load()


class _Unpickler(pickle.Unpickler):
    """Knows the names that describe tensors; every other name is refused before anything is called."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if module == "torch._utils" and name in ("_rebuild_tensor_v2", "_rebuild_tensor"):
            return _describe_tensor
        if module == "torch._utils" and name == "_rebuild_parameter":
            return _describe_parameter
        if module == "torch" and name in _STORAGE_TYPES:
            return name
        raise UserError(
            f"refused: the file holds a Python object ({module}.{name}), not only tensors; "
            "save the state_dict of the network instead"
        )

    def persistent_load(self, pid: Any) -> _Storage:
        tag, kind, key, _location, count = pid[:5]
        if tag != "storage" or kind not in _STORAGE_TYPES or (len(pid) > 5 and pid[5] is not None):
            raise ValueError(f"unknown storage {pid!r}")
        return _Storage(kind, str(key), int(count))


def _describe_tensor(storage: _Storage, offset: int, size: tuple, stride: tuple, *_: Any) -> _Tensor:
    if len(size) > _MOST_DIMENSIONS:
        raise ValueError(f"a tensor of {len(size)} dimensions; at most {_MOST_DIMENSIONS} are accepted")
    numbers = [int(number) for number in (offset, *size, *stride)]
    if len(size) != len(stride) or not all(0 <= number <= _LARGEST for number in numbers):
        raise ValueError("a tensor with a negative or too large size")
    return _Tensor(storage, numbers[0], tuple(numbers[1 : 1 + len(size)]), tuple(numbers[1 + len(size) :]))


def _describe_parameter(tensor: _Tensor, *_: Any) -> _Tensor:
    return tensor


def _storages(described: Any) -> dict[str, _Storage]:
    """Every storage that is used, by its key. Containers that stand in several places are looked into once."""
    found: dict[str, _Storage] = {}
    seen: set[int] = set()
    waiting = [described]
    items = 0
    while waiting:
        item = waiting.pop()
        items += 1
        if items > _MOST_ITEMS:
            raise ValueError(f"more than {_MOST_ITEMS} items")
        if isinstance(item, _Tensor):
            found[item.storage.key] = item.storage
        elif isinstance(item, (dict, list, tuple)) and id(item) not in seen:
            seen.add(id(item))
            waiting.extend(item.values() if isinstance(item, dict) else item)
    return found


class _Filler:
    """Puts arrays in the place of tensors; what stands in several places is one object there, too."""

    def __init__(self, storages: dict[str, bytes]):
        self._storages = storages
        self._filled: dict[int, Any] = {}
        self._bytes_left = _MOST_VIEWS * sum(map(len, storages.values()))

    def fill(self, described: Any) -> Any:
        known = id(described)
        if known not in self._filled:
            self._filled[known] = self._new(described)
        return self._filled[known]

    def _new(self, described: Any) -> Any:
        if isinstance(described, _Tensor):
            self._bytes_left -= math.prod(described.size) * _item_bytes(described.storage)
            if self._bytes_left < 0:
                raise ValueError(f"tensors that take more than {_MOST_VIEWS} times the bytes of the file")
            return _array(described, self._storages[described.storage.key])
        if isinstance(described, dict):
            return {key: self.fill(value) for key, value in described.items()}
        if isinstance(described, (list, tuple)):
            return [self.fill(item) for item in described]
        return described


def _array(tensor: _Tensor, content: bytes) -> np.ndarray:
    item = _item_bytes(tensor.storage)
    if len(content) != tensor.storage.count * item:
        raise ValueError(f"storage {tensor.storage.key} holds {len(content)} bytes")
    dtype = _STORAGE_TYPES[tensor.storage.kind]
    flat = float32_of_bfloat16(content) if dtype is None else np.frombuffer(content, dtype)
    if math.prod(tensor.size) == 0:
        return np.zeros(tensor.size, flat.dtype)
    last = tensor.offset + sum((size - 1) * stride for size, stride in zip(tensor.size, tensor.stride, strict=True))
    if last >= len(flat) or math.prod(tensor.size) > len(flat):
        raise ValueError("a tensor beyond its storage")
    strides = [stride * flat.itemsize for stride in tensor.stride]
    return np.lib.stride_tricks.as_strided(flat[tensor.offset :], tensor.size, strides).copy()


def _item_bytes(storage: _Storage) -> int:
    dtype = _STORAGE_TYPES[storage.kind]
    return 2 if dtype is None else np.dtype(dtype).itemsize
