"""Weights that training starts from: for the same seed the very numbers of training in MindSpore."""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from pytorch.crnn import Crnn
from pytorch.ctpn import Ctpn
from src.crnn.weight_init import initial_weight
from src.ctpn.weight_init import initial_value

_NORM_PARTS = {"weight": "gamma", "bias": "beta"}


def init_crnn(model: Crnn, seed: int, initialization: str = "published") -> None:
    """Give every parameter the value of `initial_weight`, whose `initialization` this is."""
    hidden_size = model.rnn[0].rnn.hidden_size
    _initialize(model, lambda name, shape: initial_weight(name, shape, seed, hidden_size, initialization))


def init_ctpn(model: Ctpn, seed: int) -> None:
    """Give every parameter the value of `initial_value`."""
    _initialize(model, lambda name, shape: initial_value(name, shape, seed))


def _initialize(model: nn.Module, value_of: Callable[[str, tuple[int, ...]], np.ndarray | None]) -> None:
    """Values by names as in MindSpore; None is the default of a batch norm."""
    for layer, module in model.named_modules():
        is_norm = isinstance(module, nn.BatchNorm2d)
        if is_norm:
            module.reset_parameters()
        for part, parameter in module.named_parameters(recurse=False):
            value = value_of(f"{layer}.{_NORM_PARTS[part] if is_norm else part}", tuple(parameter.shape))
            if value is not None:
                with torch.no_grad():
                    parameter.copy_(torch.from_numpy(value))
