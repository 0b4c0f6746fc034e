"""Weights as a dict of arrays, from every format users have. Nothing here needs MindSpore.

Nothing is executed from a file, and a file that is damaged is refused in one line.
"""

import io
import zipfile
from pathlib import Path

import numpy as np

from src.common.bounded_file import LARGE, read_bounded
from src.common.errors import UserError
from src.common.options import OptionError
from src.weights import mindspore_ckpt
from src.weights.safetensors_file import MOST_PARAMETERS, read_safetensors
from src.weights.torch_file import read_torch


class WeightsError(UserError):
    """A weights file that cannot be read, or does not fit the network."""


class WeightsPlaceError(WeightsError, OptionError):
    """A path where there is no file."""


# Of an .npz whose arrays are compressed: a few hundred bytes can stand for gigabytes of zeros.
_MOST_UNPACKED_BYTES = 512 * 2**20

_VARIANCES = (".moving_variance", ".running_var")  # of batch norms, which take the square root

FORMATS = (".ckpt", ".pth", ".pt", ".safetensors", ".npz")


def read_weights(path: str | Path) -> dict[str, np.ndarray]:
    """Arrays by parameter name from a MindSpore `.ckpt`, PyTorch `.pth`, `.safetensors` or `.npz`.

    A state dict inside {"state_dict": ...} is taken out, and "module." in front of every name taken off.

    Raises:
        WeightsError: the file is missing, damaged, of another format, holds no parameters, or one with values that
            are no finite float32.
    """
    path = Path(path)
    _check_suffix(path)
    try:
        data = read_bounded(path, LARGE)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise WeightsPlaceError(f"{path}: {error.strerror}") from None
    except OSError as error:
        raise WeightsError(f"{path}: {error.strerror}") from None
    return decode_weights(data, path)


def decode_weights(data: bytes, path: Path) -> dict[str, np.ndarray]:
    """As `read_weights`, for the bytes of the file at `path`, which its suffix and messages come from."""
    _check_suffix(path)
    if not data:
        raise WeightsError(f"{path}: the file is empty")
    try:
        if path.suffix == ".ckpt":
            content = mindspore_ckpt.decode(data)
        elif path.suffix == ".safetensors":
            content = read_safetensors(data)
        elif path.suffix == ".npz":
            content = _read_npz(data)
        else:
            content = read_torch(data)
        params = _state_dict(content)
    except UserError as error:
        raise WeightsError(f"{path}: {error}") from None
    if not params:
        raise WeightsError(f"{path}: no parameters in the file")
    for name, value in params.items():
        if unfit := _unfit(name, value):
            raise WeightsError(f"{path}: parameter {name} has {unfit}")
    return params


def _unfit(name: str, value: np.ndarray) -> str:
    """What a parameter has that no network computes with in float32; "" where there is nothing."""
    if value.dtype.kind not in "fiub":
        return f"values of type {value.dtype.name}; real numbers are accepted"
    if value.dtype.kind == "f" and not np.isfinite(value).all():
        return "values that are not finite (NaN or infinity)"
    if value.dtype.itemsize > 4 and value.size and np.abs(value).max() > np.finfo(np.float32).max:
        return f"values that are too large for float32 ({np.abs(value).max():g})"
    if name.endswith(_VARIANCES) and value.size and value.min() < 0:
        return f"values below zero ({value.min():g}), which no variance is"
    return ""


def _check_suffix(path: Path) -> None:
    if path.suffix not in FORMATS:
        raise WeightsError(f"{path}: {path.suffix or 'no suffix'} is not one of {', '.join(FORMATS)}")


def _read_npz(data: bytes) -> dict[str, np.ndarray]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if any(
                item.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for item in archive.infolist()
            ):
                raise ValueError("an unusual compression")
            if len(archive.infolist()) > MOST_PARAMETERS:
                raise ValueError(f"more than {MOST_PARAMETERS} parameters")
            unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > max(_MOST_UNPACKED_BYTES, len(data)):
            raise ValueError(f"{unpacked} bytes when unpacked; at most {_MOST_UNPACKED_BYTES} are accepted")
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except Exception as error:  # a damaged zip or header can fail in any way
        raise UserError(f"damaged or not an .npz of plain arrays ({error})") from None


def _state_dict(content: object) -> dict[str, np.ndarray]:
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
            break
    if not isinstance(content, dict):
        raise UserError(f"holds a {type(content).__name__}, parameters by name expected")
    params = {str(name): value for name, value in content.items() if isinstance(value, np.ndarray)}
    if params and all(name.startswith("module.") for name in params):
        params = {name.removeprefix("module."): value for name, value in params.items()}
    return params
