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
