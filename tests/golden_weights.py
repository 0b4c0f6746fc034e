"""Deterministic weights behind golden_*.npz: each a function of the parameter's published name and shape."""

import zlib

import numpy as np


def golden_weight(name: str, shape: tuple[int, ...]) -> np.ndarray:
    x = np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape)
    if name.endswith("gamma") or ("batchnorm" in name and name.endswith(".weight")):
        x = 1 + 0.1 * x
    elif name.endswith(("moving_variance", "running_var")):
        x = 1 + 0.1 * np.abs(x)
    elif len(shape) == 1:
        x = 0.1 * x
    else:
        x = x * np.sqrt(2 / np.prod(shape[1:]))
    return x.astype(np.float32)


def published_crnn_shapes(kind: str, num_classes: int = 37) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a published CRNN, written out from its documentation."""
    channels = [1, 64, 128, 256, 256, 512, 512, 512]
    shapes = {}
    for i in range(7):
        kernel = 2 if i == 6 else 3
        shapes[f"cnn.conv{i}.weight"] = (channels[i + 1], channels[i], kernel, kernel)
        shapes[f"cnn.conv{i}.bias"] = (channels[i + 1],)
    for i in (2, 4, 6):
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"cnn.batchnorm{i}.{part}"] = (channels[i + 1],)
    for layer, (inputs, outputs) in enumerate([(512, 256), (256, num_classes)]):
        directions = {
            "classic": ("rnn.{}_l0", "rnn.{}_l0_reverse"),
            "crnn_for_pytorch": ("fw_rnn.{}_l0", "bw_rnn.{}_l0"),
        }[kind]
        for direction in directions:
            shapes[f"rnn.{layer}." + direction.format("weight_ih")] = (1024, inputs)
            shapes[f"rnn.{layer}." + direction.format("weight_hh")] = (1024, 256)
            shapes[f"rnn.{layer}." + direction.format("bias_ih")] = (1024,)
            shapes[f"rnn.{layer}." + direction.format("bias_hh")] = (1024,)
        shapes[f"rnn.{layer}.embedding.weight"] = (outputs, 512)
        shapes[f"rnn.{layer}.embedding.bias"] = (outputs,)
    return shapes
