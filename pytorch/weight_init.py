"""Weights that training starts from: for the same seed the very numbers of src/{crnn,ctpn}/weight_init.py.

Every parameter is drawn by its own generator, seeded by (seed, parameter name in MindSpore), so the weights
depend neither on global random state nor on the order of the parameters.
"""

import zlib
from collections.abc import Callable
from math import prod

import numpy as np
import torch
from torch import nn

from pytorch.crnn import Crnn
from pytorch.ctpn import Ctpn

CTPN_HEAD_STD = 0.01  # small outputs at the start: scores near 0.5 and boxes at their anchors


def init_crnn(model: Crnn, seed: int, initialization: str = "published") -> None:
    """Convolutions N(0, 0.02), batch-norm scale N(1, 0.02), LSTM U(+-1/sqrt(hidden size)), linear layers
    U(+-1/sqrt(inputs)), all biases outside the LSTM 0.

    With `initialization` "he": convolutions N(0, sqrt(2 / inputs)), and forget gates open by one; the rest the same.
    """
    hidden_size = model.rnn[0].rnn.hidden_size
    he = initialization == "he"

    def value(rng: np.random.Generator, name: str, shape: tuple[int, ...]) -> np.ndarray:
        if name.endswith(".gamma"):
            return rng.normal(1.0, 0.02, shape)
        if ".rnn." in name:
            drawn = rng.uniform(-(hidden_size**-0.5), hidden_size**-0.5, shape)
            if he and ".bias_ih" in name:  # gates i, f, g, o
                drawn[hidden_size : 2 * hidden_size] += 1
            return drawn
        if name.endswith((".beta", ".bias")):
            return np.zeros(shape)
        if name.startswith("cnn."):
            return rng.normal(0.0, (2 / prod(shape[1:])) ** 0.5 if he else 0.02, shape)
        bound = prod(shape[1:]) ** -0.5
        return rng.uniform(-bound, bound, shape)

    _initialize(model, seed, value)


def init_ctpn(model: Ctpn, seed: int) -> None:
    """He-normal convolutions and layers, orthogonal recurrent weights, forget bias 1, heads N(0, 0.01)."""

    def value(rng: np.random.Generator, name: str, shape: tuple[int, ...]) -> np.ndarray:
        if name.endswith(".gamma"):
            return np.ones(shape)
        if "weight_hh" in name:
            return _orthogonal_blocks(rng, shape)
        if name.endswith((".beta", ".bias")) or "bias_" in name:
            zeros = np.zeros(shape)
            if "bias_ih" in name:  # gates i, f, g, o; once, since the two biases are added
                zeros[shape[0] // 4 : shape[0] // 2] = 1
            return zeros
        normal = rng.standard_normal(shape, dtype=np.float32)
        if "rpn_cls" in name or "rpn_reg" in name:
            return normal * np.float32(CTPN_HEAD_STD)
        gain = 2.0 if "vgg16" in name else 1.0  # 2 before a ReLU (He et al. 2015)
        return normal * np.float32(np.sqrt(gain / np.prod(shape[1:])))

    _initialize(model, seed, value)


def _orthogonal_blocks(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Recurrent weights (4 hidden, hidden): a random orthogonal matrix for each gate (Saxe et al. 2014)."""
    hidden = shape[1]
    blocks = []
    for _ in range(shape[0] // hidden):
        q, r = np.linalg.qr(rng.standard_normal((hidden, hidden)))
        blocks.append(q * np.sign(np.diag(r)))  # the sign makes the distribution uniform
    return np.concatenate(blocks)


def _initialize(
    model: nn.Module, seed: int, value: Callable[[np.random.Generator, str, tuple[int, ...]], np.ndarray]
) -> None:
    norm_parts = {"weight": "gamma", "bias": "beta"}
    for layer, module in model.named_modules():
        is_norm = isinstance(module, nn.BatchNorm2d)
        if is_norm:
            module.reset_running_stats()
        for part, parameter in module.named_parameters(recurse=False):
            name = f"{layer}.{norm_parts[part] if is_norm else part}"
            rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
            array = value(rng, name, tuple(parameter.shape)).astype(np.float32)
            with torch.no_grad():
                parameter.copy_(torch.from_numpy(array))
