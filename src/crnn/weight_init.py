"""Weights that training starts from, in either framework, with a random stream of its own for each parameter."""

import zlib
from math import prod

import numpy as np

INITIALIZATIONS = ("published", "he")


def initial_weight(
    name: str, shape: tuple[int, ...], seed: int, lstm_hidden_size: int, initialization: str = "published"
) -> np.ndarray:
    """Starting value of one parameter, named as in the MindSpore network; the same for the same name, shape and seed.

    "published": convolutions N(0, 0.02), batch-norm scale N(1, 0.02), LSTM U(+-1/sqrt(hidden size)), linear
    layers U(+-1/sqrt(inputs)), all biases outside the LSTM 0.

    "he": convolutions N(0, sqrt(2 / inputs)) (He et al., 2015), so that the layers without batch norm keep the
    scale of what they are given, and forget gates open by one (Jozefowicz et al., 2015); the rest as above.

    Raises:
        ValueError: an unknown initialization.
    """
    if initialization not in INITIALIZATIONS:
        raise ValueError(f"initialization {initialization!r}: choose one of {', '.join(INITIALIZATIONS)}")
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    kind = name.rpartition(".")[2]
    if kind == "gamma":
        value = rng.normal(1.0, 0.02, shape)
    elif kind == "moving_variance":
        value = np.ones(shape)
    elif kind in {"beta", "moving_mean", "bias"}:
        value = np.zeros(shape)
    elif ".rnn." in name:
        bound = lstm_hidden_size**-0.5
        value = rng.uniform(-bound, bound, shape)
        if initialization == "he" and kind.startswith("bias_ih"):
            value[lstm_hidden_size : 2 * lstm_hidden_size] += 1.0  # gate order i, f, g, o
    elif name.startswith("cnn."):
        value = rng.normal(0.0, 0.02 if initialization == "published" else (2 / prod(shape[1:])) ** 0.5, shape)
    else:
        bound = prod(shape[1:]) ** -0.5
        value = rng.uniform(-bound, bound, shape)
    return value.astype(np.float32)
