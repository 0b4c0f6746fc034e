"""`.safetensors`: a JSON header with name, type, shape and byte range of each tensor, then the bytes."""

import json
import math

import numpy as np

from src.common.errors import UserError

_MOST_HEADER_BYTES = 100 * 1024 * 1024  # the format's own limit
_DTYPES = {
    "BOOL": np.bool_, "U8": np.uint8, "I8": np.int8, "U16": np.uint16, "I16": np.int16, "U32": np.uint32,
    "I32": np.int32, "U64": np.uint64, "I64": np.int64, "F16": np.float16, "F32": np.float32, "F64": np.float64,
    "BF16": None,
}  # fmt: skip


def read_safetensors(data: bytes) -> dict[str, np.ndarray]:
    """Arrays by name; bfloat16 becomes float32. UserError: damaged, or of a type unknown here."""
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > min(len(data) - 8, _MOST_HEADER_BYTES):
        raise UserError("damaged or not a safetensors file (no header)")
    try:
        header = json.loads(data[8 : 8 + length])
        header.pop("__metadata__", None)
        body = memoryview(data)[8 + length :]
        arrays = {name: _array(entry, body) for name, entry in header.items()}
        used = sum(entry["data_offsets"][1] - entry["data_offsets"][0] for entry in header.values())
        if used != len(body):
            raise ValueError(f"{len(body)} bytes of tensors instead of {used}")
        return arrays
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"damaged or not a safetensors file ({type(error).__name__}: {error})") from None


def _array(entry: dict, body: memoryview) -> np.ndarray:
    dtype, shape, (start, end) = _DTYPES[entry["dtype"]], entry["shape"], entry["data_offsets"]
    item = 2 if dtype is None else np.dtype(dtype).itemsize
    if min((start, *shape)) < 0 or end > len(body) or end - start != math.prod(shape) * item:
        raise ValueError(f"shape {shape} at bytes {start}..{end}")
    content = body[start:end]
    if dtype is None:
        flat = (np.frombuffer(content, np.uint16).astype(np.uint32) << 16).view(np.float32)
    else:
        flat = np.frombuffer(content, dtype)
    return flat.reshape(shape).copy()
