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
import zipfile
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from src.common.errors import UserError
from src.weights.bfloat16 import float32_of_bfloat16

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_START = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
_MOST_PICKLE_BYTES = 64 * 1024 * 1024  # names and shapes only; real files stay under one
_STORAGE_TYPES = {
    "FloatStorage": np.float32, "DoubleStorage": np.float64, "HalfStorage": np.float16, "BFloat16Storage": None,
    "LongStorage": np.int64, "IntStorage": np.int32, "ShortStorage": np.int16, "CharStorage": np.int8,
    "ByteStorage": np.uint8, "BoolStorage": np.bool_,
}  # fmt: skip


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
        if folder + "byteorder" in archive.namelist() and archive.read(folder + "byteorder") != b"little":
            raise UserError("a PyTorch file of a big-endian machine is not supported")
        if archive.getinfo(names[0]).file_size > _MOST_PICKLE_BYTES:
            raise UserError(f"data.pkl is larger than {_MOST_PICKLE_BYTES} bytes")
        described = _Unpickler(io.BytesIO(archive.read(names[0]))).load()
        storages: dict[str, bytes] = {}
        for storage in _storages(described):
            member = archive.getinfo(f"{folder}data/{storage.key}")
            if member.compress_type != zipfile.ZIP_STORED:
                raise UserError("a PyTorch file with compressed tensors is not supported")
            storages[storage.key] = archive.read(member)
    return _filled(described, storages)


def _read_legacy(file: BinaryIO) -> Any:
    if _Unpickler(file).load() != _LEGACY_MAGIC:
        raise ValueError("wrong magic number")
    _Unpickler(file).load()  # version of the protocol
    system = _Unpickler(file).load()
    if not (isinstance(system, dict) and system.get("little_endian", True)):
        raise UserError("a PyTorch file of a big-endian machine is not supported")
    described = _Unpickler(file).load()
    kinds = {storage.key: storage for storage in _storages(described)}
    storages = {}
    for key in _Unpickler(file).load():
        storage = kinds[key]
        count = int.from_bytes(file.read(8), "little")
        if count != storage.count:
            raise ValueError(f"storage {key} holds {count} values instead of {storage.count}")
        storages[key] = file.read(count * _item_bytes(storage))
    return _filled(described, storages)


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
    return _Tensor(storage, int(offset), tuple(map(int, size)), tuple(map(int, stride)))


def _describe_parameter(tensor: _Tensor, *_: Any) -> _Tensor:
    return tensor


def _storages(described: Any) -> list[_Storage]:
    if isinstance(described, _Tensor):
        return [described.storage]
    if isinstance(described, dict):
        described = list(described.values())
    if isinstance(described, (list, tuple)):
        return [storage for item in described for storage in _storages(item)]
    return []


def _filled(described: Any, storages: dict[str, bytes]) -> Any:
    if isinstance(described, _Tensor):
        return _array(described, storages[described.storage.key])
    if isinstance(described, dict):
        return {key: _filled(value, storages) for key, value in described.items()}
    if isinstance(described, (list, tuple)):
        return [_filled(item, storages) for item in described]
    return described


def _array(tensor: _Tensor, content: bytes) -> np.ndarray:
    item = _item_bytes(tensor.storage)
    if len(content) != tensor.storage.count * item:
        raise ValueError(f"storage {tensor.storage.key} holds {len(content)} bytes")
    dtype = _STORAGE_TYPES[tensor.storage.kind]
    if dtype is None:
        flat = float32_of_bfloat16(content)
    else:
        flat = np.frombuffer(content, dtype)
    if len(tensor.size) != len(tensor.stride) or min((0, tensor.offset, *tensor.size, *tensor.stride)) < 0:
        raise ValueError("a tensor with a negative size")
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
