"""Weights that a training begins with, from a file in any format of this project."""

from collections.abc import Iterable
from pathlib import Path

import torch

from pytorch.convert import from_mindspore, norm_to_pytorch, to_mindspore
from pytorch.ctpn import Ctpn
from pytorch.device import place
from src.common.errors import UserError
from src.common.options import OptionError, Options
from src.ctpn.checkpoint_formats import backbone_only, describe_backbone, missing_backbone_layers
from src.layers.parameter_shapes import scale_channels
from src.weights.formats import read_weights
from src.weights.network_width import LAST_CONVOLUTION, network_width

_SHAPED_BY = {"crnn": "alphabet or network_width", "ctpn": "backbone_width"}


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
        shapes = f"{name} is {tuple(found[name].shape)}, the network's is {tuple(own[name].shape)}"
        raise UserError(f"{path}: {shapes}; it was made with another {_SHAPED_BY[network]}")
    model.load_state_dict({**own, **{name: value for name, value in found.items() if name not in differing}})
    return differing


def width_of_file(path: str | Path, network: str, config: Options) -> float:
    """The factor on the channels of the "ctpn" or "crnn" in a file, for the option that has it.

    Raises:
        UserError: not readable, or not such a network; an OptionError where another width was given.
    """
    option = {"ctpn": "backbone_width", "crnn": "network_width"}[network]
    params = to_mindspore(read_weights(path), network)
    width = network_width(network, params)
    if option not in config.given:
        return width
    given = float(getattr(config, option))
    name, published = LAST_CONVOLUTION[network]
    if scale_channels(published, given) != len(params[name]):
        raise OptionError(f"{option}: {given:g} is not the width of {path}, which is {width:g}")
    return given


def trained_ctpn(path: str | Path, config: Options, device: torch.device, bf16: bool) -> Ctpn:
    """A detector with the weights of a file, on its device, for evaluation.

    Raises:
        UserError: not readable, or of another shape; names what differs.
    """
    network = Ctpn(width_of_file(path, "ctpn", config))
    load_start(network, path, "ctpn")
    place(network, device, bf16)
    return network.eval()


def load_ctpn_start(model: torch.nn.Module, path: str | Path) -> str:
    """Load a whole CTPN, or what is there of its backbone, and describe in a line what was loaded.

    Raises:
        UserError: not readable, neither of the two, or of another shape; names what differs.
    """
    params = read_weights(path)
    if "conv.weight" in params:
        load_start(model, path, "ctpn")
        return f"network: all parameters from {path}"
    try:
        backbone = backbone_only(params)
        _copy(model, {norm_to_pytorch(name): torch.from_numpy(value.copy()) for name, value in backbone.items()})
    except UserError as error:
        raise UserError(f"pre_trained: {path}: {error}") from None
    return describe_backbone(str(path), missing_backbone_layers(backbone))


def _copy(model: torch.nn.Module, found: dict[str, torch.Tensor]) -> None:
    own = model.state_dict()
    for name, value in found.items():
        if name not in own:
            raise UserError(f"{name} is not in the network")
        if own[name].shape != value.shape:
            raise UserError(f"{name} is {tuple(value.shape)}, the network's is {tuple(own[name].shape)}")
    model.load_state_dict({**own, **found})
