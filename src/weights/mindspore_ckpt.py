"""MindSpore's `.ckpt` format, read and written without MindSpore.

A file is a protobuf message whose field 1, repeated, is a parameter: {1: name, 2: {1: dims, 2: type name,
3: raw bytes}}; one of more than 512 MB comes as several such entries in a row. `crc_check=True` of MindSpore
appends "crc_num" and the CRC-32 of all before it as ten big-endian bytes. Own code, because only MindSpore has a
reader, which inference should not need, and which neither checks the CRC on its own nor names damage in one line.
"""

import zlib
from collections.abc import Iterator, Mapping

import numpy as np

from src.common.errors import UserError
from src.weights.bfloat16 import float32_of_bfloat16

_CRC_MARK = b"crc_num"
_CRC_BYTES = 10
_CHUNK_BYTES = 512 * 1024 * 1024
_MOST_FIELDS = 200_000  # a parameter has five, and one more per dimension; networks have some hundred parameters
_MOST_DIMENSIONS = 32
_LENGTH_DELIMITED, _VARINT = 2, 0
_DTYPES = {
    "Bool": np.bool_,
    "Int8": np.int8,
    "Int16": np.int16,
    "Int32": np.int32,
    "Int64": np.int64,
    "UInt8": np.uint8,
    "UInt16": np.uint16,
    "UInt32": np.uint32,
    "UInt64": np.uint64,
    "Float16": np.float16,
    "Float32": np.float32,
    "Float64": np.float64,
}
_TYPE_NAMES = {np.dtype(dtype): name for name, dtype in _DTYPES.items()}


def encode(params: Mapping[str, np.ndarray]) -> Iterator[bytes]:
    """The bytes of a `.ckpt` with its CRC, in pieces; `mindspore.load_checkpoint` reads it."""
    crc = 0
    for name, array in params.items():
        for piece in _encode_parameter(name, np.asarray(array)):
            crc = zlib.crc32(piece, crc)
            yield piece
    yield _CRC_MARK + crc.to_bytes(_CRC_BYTES, "big")


def decode(data: bytes) -> dict[str, np.ndarray]:
    """Parameters by name, in the file's order. bfloat16 becomes float32; text entries are left out.

    Raises:
        UserError: what is wrong with the bytes (the caller knows the file).
    """
    view = memoryview(data)
    if bytes(view[-_CRC_BYTES - len(_CRC_MARK) : -_CRC_BYTES]) == _CRC_MARK:
        stored = int.from_bytes(view[-_CRC_BYTES:], "big")
        view = view[: -_CRC_BYTES - len(_CRC_MARK)]
        if zlib.crc32(view) != stored:
            raise UserError("damaged: the checksum does not match")
    pieces: dict[str, list[memoryview]] = {}
    kinds: dict[str, tuple[tuple[int, ...], str]] = {}
    try:
        budget = iter(range(_MOST_FIELDS))
        for field, value in _fields(view, budget):
            if field != 1 or isinstance(value, int):
                raise ValueError(f"unexpected field {field}")
            name, dims, kind, content = _parameter(value, budget)
            if kinds.setdefault(name, (dims, kind)) != (dims, kind):
                raise ValueError(f"parameter {name!r} appears twice")
            pieces.setdefault(name, []).append(content)
        return {name: _array(name, pieces[name], *kinds[name]) for name in pieces if kinds[name][1] != "str"}
    except (ValueError, IndexError, UnicodeDecodeError) as error:
        raise UserError(f"damaged or not a MindSpore checkpoint ({error})") from None


def _array(name: str, pieces: list[memoryview], dims: tuple[int, ...], kind: str) -> np.ndarray:
    content = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    if kind == "BFloat16":
        array = float32_of_bfloat16(content)
    elif kind in _DTYPES:
        array = np.frombuffer(content, _DTYPES[kind])
    else:
        raise ValueError(f"parameter {name!r} has the unknown type {kind!r}")
    if dims == (0,) and array.size == 1:  # how older versions write a scalar
        dims = ()
    if any(dim < 0 for dim in dims) or int(np.prod(dims, dtype=object)) != array.size:
        raise ValueError(f"parameter {name!r} of shape {dims} holds {array.size} values")
    return array.reshape(dims).copy()


def _parameter(view: memoryview, budget: Iterator[int]) -> tuple[str, tuple[int, ...], str, memoryview]:
    name = tensor = kind = content = None
    for field, value in _fields(view, budget):
        if field == 1 and not isinstance(value, int):
            name = str(value, "utf-8")
        elif field == 2 and not isinstance(value, int):
            tensor = value
    dims: list[int] = []
    for field, value in _fields(tensor if tensor is not None else view[:0], budget):
        if field == 1:
            dims += [value] if isinstance(value, int) else _varints(value[: 10 * _MOST_DIMENSIONS + 1])
            if len(dims) > _MOST_DIMENSIONS:
                raise ValueError(f"a parameter of more than {_MOST_DIMENSIONS} dimensions")
        elif field == 2 and not isinstance(value, int):
            kind = str(value, "utf-8")
        elif field == 3 and not isinstance(value, int):
            content = value
    if name is None or kind is None or content is None:
        raise ValueError("a parameter without name, type or content")
    return name, tuple(dims), kind, content


def _fields(view: memoryview, budget: Iterator[int]) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of each field of a message; all messages of a file take from one budget of fields."""
    position = 0
    while position < len(view):
        if next(budget, None) is None:
            raise ValueError(f"more than {_MOST_FIELDS} fields")
        key, position = _varint(view, position)
        value, position = _varint(view, position)
        if key & 7 == _LENGTH_DELIMITED:
            if position + value > len(view):
                raise ValueError("the file ends early")
            yield key >> 3, view[position : position + value]
            position += value
        elif key & 7 == _VARINT:
            yield key >> 3, value
        else:
            raise ValueError(f"unexpected wire type {key & 7}")


def _varints(view: memoryview) -> list[int]:
    values, position = [], 0
    while position < len(view):
        value, position = _varint(view, position)
        values.append(value)
    return values


def _varint(view: memoryview, position: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 64:
        if position >= len(view):
            raise ValueError("the file ends early")
        byte = view[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
    raise ValueError("a number of more than 64 bits")


def _encode_parameter(name: str, array: np.ndarray) -> Iterator[bytes]:
    if array.dtype not in _TYPE_NAMES:
        raise UserError(f"parameter {name!r}: {array.dtype} cannot be stored in a .ckpt")
    array = np.ascontiguousarray(array).reshape(array.shape)
    kind = _TYPE_NAMES[array.dtype].encode()
    head = b"".join(b"\x08" + _to_varint(dim) for dim in array.shape) + _delimited(2, kind)
    content = array.tobytes()
    for start in range(0, max(len(content), 1), _CHUNK_BYTES):
        tensor = head + _delimited(3, content[start : start + _CHUNK_BYTES])
        yield _delimited(1, _delimited(1, name.encode()) + _delimited(2, tensor))


def _delimited(field: int, content: bytes) -> bytes:
    return bytes([field << 3 | _LENGTH_DELIMITED]) + _to_varint(len(content)) + content


def _to_varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])
