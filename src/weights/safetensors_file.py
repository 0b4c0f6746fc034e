"""`.safetensors` files with the format's own library; bfloat16, which NumPy does not know, becomes float32."""

from collections.abc import Mapping

import numpy as np
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save

from src.common.errors import UserError
from src.weights.bfloat16 import float32_of_bfloat16

MOST_PARAMETERS = 20_000  # networks have some hundred
_MOST_HEADER_BYTES = 8 << 20  # it takes about 100 per parameter
_DTYPES = {
    "BOOL": np.bool_,
    "U8": np.uint8,
    "I8": np.int8,
    "U16": np.uint16,
    "I16": np.int16,
    "U32": np.uint32,
    "I32": np.int32,
    "U64": np.uint64,
    "I64": np.int64,
    "F16": np.float16,
    "F32": np.float32,
    "F64": np.float64,
}


def read_safetensors(data: bytes) -> dict[str, np.ndarray]:
    """Arrays by name.

    Raises:
        UserError: damaged, or of a type unknown here.
    """
    if int.from_bytes(data[:8], "little") > _MOST_HEADER_BYTES:
        raise UserError("damaged or not a safetensors file (its header is too long)")
    try:
        tensors = deserialize(data)  # type: ignore[no-untyped-call]
    except (SafetensorError, ValueError, OverflowError, MemoryError) as error:
        raise UserError(f"damaged or not a safetensors file ({' '.join(str(error).split())})") from None
    if len(tensors) > MOST_PARAMETERS:
        raise UserError(f"more than {MOST_PARAMETERS} parameters")
    try:
        return {name: _array(entry["dtype"], entry["shape"], entry["data"]) for name, entry in tensors}
    except (ValueError, OverflowError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"damaged or not a safetensors file ({error})") from None


def encode_safetensors(params: Mapping[str, np.ndarray]) -> bytes:
    """The content of a file with these arrays."""
    return save({name: np.ascontiguousarray(value) for name, value in params.items()})


def _array(dtype: str, shape: list[int], content: bytes) -> np.ndarray:
    if dtype == "BF16":
        return float32_of_bfloat16(content).reshape(shape)
    if dtype not in _DTYPES:
        raise UserError(f"safetensors type {dtype} is not one of {', '.join([*_DTYPES, 'BF16'])}")
    return np.frombuffer(content, _DTYPES[dtype]).reshape(shape).copy()
