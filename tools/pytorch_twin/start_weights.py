"""Weights that a training of the twin begins with, from a file in any format of this project."""

from collections.abc import Iterable
from pathlib import Path

import torch

from src.errors import UserError
from src.training.weights_formats import read_weights
from tools.pytorch_twin.convert import from_mindspore, to_mindspore


def load_start(model: torch.nn.Module, path: str | Path, network: str, remake: Iterable[str] = ()) -> list[str]:
    """Load `path` into `model`.

    Args:
        network: "crnn" or "ctpn".
        remake: names of parameters that stay as they are where the file has them in another shape.

    Returns:
        The names that stayed as they were.

    Raises:
        UserError: not readable, or of another shape elsewhere; names what differs.
    """
    found = from_mindspore(to_mindspore(read_weights(path), network), network)
    own = model.state_dict()
    differing = [name for name, value in own.items() if name in found and found[name].shape != value.shape]
    refused = sorted(set(differing) - set(remake))
    if refused:
        name = refused[0]
        raise UserError(
            f"pre_trained: {path}: {name} is {tuple(found[name].shape)}, the network's is {tuple(own[name].shape)}"
        )
    model.load_state_dict({**own, **{name: value for name, value in found.items() if name not in differing}})
    return differing
