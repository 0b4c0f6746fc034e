"""Whether the arrays of a weights file fit together, before a network is made of them.

A runtime with free input sizes finds out in the middle of the first image. The sizes of the layers are free (the
networks have a width); what is checked is that each layer takes what the one before it gives.
"""

from __future__ import annotations

import numpy as np

from src.common.errors import UserError

STAGES = (2, 2, 3, 3, 3)  # convolutions of VGG16
NORM_PARTS = ("gamma", "beta", "moving_mean", "moving_variance")
DIRECTIONS = ("", "_reverse")

Shapes = dict[str, tuple[int, ...]]


def check_shapes(network: str, params: dict[str, np.ndarray]) -> None:
    """Raise UserError with the first array of a "ctpn" or "crnn" that is missing or does not fit the others."""
    try:
        expected = _ctpn(params) if network == "ctpn" else _crnn(params)
        for name, shape in expected.items():
            if params[name].shape != shape:
                raise UserError(f"parameter {name} is {params[name].shape}; the other ones need {shape}")
    except KeyError as error:
        raise UserError(f"parameter {error} is missing") from None


def _ctpn(params: dict[str, np.ndarray]) -> Shapes:
    shapes: Shapes = {}
    channels = 3
    for stage, count in enumerate(STAGES, start=1):
        for index in range(1, count + 1):
            name = f"vgg16_feature_extractor.conv{stage}_{index}"
            size = _size(params, f"{name}.0.weight")
            shapes[f"{name}.0.weight"] = (size, channels, 3, 3)
            shapes |= {f"{name}.1.{part}": (size,) for part in NORM_PARTS}
            channels = size
    size = _size(params, "conv.weight")
    shapes["conv.weight"] = (size, channels, 3, 3)
    hidden = _size(params, "rnn2.bias_ih_l0") // 4
    shapes |= _lstm("rnn2", size, hidden)
    heads = "rpn_with_loss.rpn_convs_list."
    size = _size(params, f"{heads}lstm_fc.bias")
    shapes |= _linear(f"{heads}lstm_fc", 2 * hidden, size)
    anchors = _size(params, f"{heads}rpn_cls.bias") // 2
    return shapes | _linear(f"{heads}rpn_cls", size, 2 * anchors) | _linear(f"{heads}rpn_reg", size, 4 * anchors)


def _crnn(params: dict[str, np.ndarray]) -> Shapes:
    shapes: Shapes = {}
    channels = 1
    for i in range(7):
        size = _size(params, f"cnn.conv{i}.weight")
        kernel = 2 if i == 6 else 3
        shapes[f"cnn.conv{i}.weight"] = (size, channels, kernel, kernel)
        if i in (2, 4, 6):
            shapes |= {f"cnn.batchnorm{i}.{part}": (size,) for part in NORM_PARTS}
        else:
            shapes[f"cnn.conv{i}.bias"] = (size,)
        channels = size
    for layer in range(2):
        hidden = _size(params, f"rnn.{layer}.rnn.bias_ih_l0") // 4
        shapes |= _lstm(f"rnn.{layer}.rnn", channels, hidden)
        channels = _size(params, f"rnn.{layer}.embedding.bias")
        shapes |= _linear(f"rnn.{layer}.embedding", 2 * hidden, channels)
    return shapes


def _size(params: dict[str, np.ndarray], name: str) -> int:
    return params[name].shape[0] if params[name].ndim else 0


def _lstm(name: str, inputs: int, hidden: int) -> Shapes:
    sizes = {"weight_ih": (inputs,), "weight_hh": (hidden,), "bias_ih": (), "bias_hh": ()}
    return {f"{name}.{part}_l0{way}": (4 * hidden, *rest) for way in DIRECTIONS for part, rest in sizes.items()}


def _linear(name: str, inputs: int, outputs: int) -> Shapes:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}
