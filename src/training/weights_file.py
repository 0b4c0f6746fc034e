"""Weights as a dict of arrays, from every format users have, and into a network.

Nothing is executed from a file, and a file that is damaged or does not fit is refused in one line.
"""

import io
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from mindspore import Tensor, nn

from src.errors import UserError
from src.training import mindspore_ckpt
from src.training.atomic_file import write_atomically
from src.training.safetensors_file import read_safetensors
from src.training.torch_file import read_torch


class WeightsError(UserError):
    """A weights file that cannot be read, or does not fit the network."""


FORMATS = (".ckpt", ".pth", ".pt", ".safetensors", ".npz")


def read_weights(path: str | Path) -> dict[str, np.ndarray]:
    """Arrays by parameter name from a MindSpore `.ckpt`, PyTorch `.pth`, `.safetensors` or `.npz`.

    A state dict inside {"state_dict": ...} is taken out, and "module." in front of every name taken off.

    Raises:
        WeightsError: the file is missing, damaged, of another format, or holds no parameters.
    """
    path = Path(path)
    if path.suffix not in FORMATS:
        raise WeightsError(f"{path}: {path.suffix or 'no suffix'} is not one of {', '.join(FORMATS)}")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path}: {error.strerror}") from None
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
    return params


def save_weights(source: nn.Cell | Mapping[str, np.ndarray], path: str | Path) -> None:
    """Write the parameters of a network, or a dict of arrays, as a `.ckpt` with a checksum, atomically."""
    params = network_arrays(source) if isinstance(source, nn.Cell) else source
    write_atomically(path, mindspore_ckpt.encode(params))


def network_arrays(network: nn.Cell) -> dict[str, np.ndarray]:
    """Copies of all parameters of `network` by their path in it, whatever cells are wrapped around it."""
    return {name: param.asnumpy().copy() for name, param in network.parameters_and_names()}


def load_weights(
    network: nn.Cell,
    params: Mapping[str, np.ndarray],
    *,
    allow_missing: Iterable[str] = (),
    allow_unexpected: Iterable[str] = (),
) -> None:
    """Copy `params` into `network`; all of them or, on a mismatch, none.

    Args:
        params: arrays by parameter name. They are copied, and converted to the network's precision.
        allow_missing: prefixes of names of the network that the file need not have.
        allow_unexpected: prefixes of names of the file that the network need not have.

    Raises:
        WeightsError: names what is missing, unexpected, or of another shape or type.
    """
    own = dict(network.parameters_and_names())
    missing = [n for n in own if n not in params and not n.startswith(tuple(allow_missing))]
    unexpected = [n for n in params if n not in own and not n.startswith(tuple(allow_unexpected))]
    shapes = [
        f"{n} (file {tuple(params[n].shape)}, network {tuple(own[n].shape)})"
        for n in own
        if n in params and tuple(params[n].shape) != tuple(own[n].shape)
    ]
    kinds = [n for n in own if n in params and params[n].dtype.kind not in "fiub"]
    problems = [
        f"{label}: {_listed(names)}"
        for label, names in (
            ("missing in the file", missing), ("not in the network", unexpected),
            ("other shape", shapes), ("not numbers", kinds),
        )
        if names
    ]  # fmt: skip
    if problems:
        raise WeightsError("weights do not fit the network; " + "; ".join(problems))
    for name, param in own.items():
        if name in params:
            param.set_data(Tensor(params[name].astype(param.asnumpy().dtype, copy=True)))


def _listed(names: list[str], most: int = 8) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _read_npz(data: bytes) -> dict[str, np.ndarray]:
    try:
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
