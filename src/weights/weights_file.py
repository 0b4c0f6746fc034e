"""Weights as arrays into a network and out of it; a file that does not fit is refused in one line."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from mindspore import Tensor, nn

from src.common.atomic_file import write_atomically
from src.weights import mindspore_ckpt
from src.weights.formats import FORMATS, WeightsError, read_weights
from src.weights.size_differences import size_differences

__all__ = ["FORMATS", "WeightsError", "load_weights", "network_arrays", "read_weights", "save_weights"]


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
) -> None:
    """Copy `params` into `network`; all of them or, on a mismatch, none.

    Args:
        params: arrays by parameter name. They are copied, and converted to the network's precision.
        allow_missing: prefixes of names of the network that the file need not have.

    Raises:
        WeightsError: names what is missing, unexpected, or of another shape or type.
    """
    own = dict(network.parameters_and_names())
    missing = [n for n in own if n not in params and not n.startswith(tuple(allow_missing))]
    unexpected = [n for n in params if n not in own]
    shapes = [
        f"{n} (file {tuple(params[n].shape)}, network {tuple(own[n].shape)})"
        for n in own
        if n in params and tuple(params[n].shape) != tuple(own[n].shape)
    ]
    kinds = [n for n in own if n in params and params[n].dtype.kind not in "fiub"]
    problems = [
        f"{label}: {_listed(names)}"
        for label, names in (
            ("missing in the file", missing),
            ("not in the network", unexpected),
            ("other shape", shapes),
            ("not numbers", kinds),
        )
        if names
    ]
    if shapes:
        problems += size_differences(params, {name: tuple(param.shape) for name, param in own.items()})
    if problems:
        raise WeightsError("weights do not fit the network; " + "; ".join(problems))
    for name, param in own.items():
        if name in params:
            param.set_data(Tensor(params[name].astype(param.asnumpy().dtype, copy=True)))


def _listed(names: list[str]) -> str:
    shown = names if len(names) <= 4 else names[:2]
    return ", ".join(shown) + (f" and {len(names) - 2} more" if len(names) > len(shown) else "")
