"""Initial weights of CTPN for training without any pretrained part, in either framework.

Every parameter is drawn by its own generator, seeded by (seed, parameter name): the weights depend neither
on global random state nor on the order or the presence of other parameters, so all ranks start equal.
"""

import zlib

import numpy as np

HEAD_STD = 0.01  # small outputs at the start: scores near 0.5 and boxes at their anchors


def he_normal(rng: np.random.Generator, shape: tuple[int, ...], gain: float = 2.0) -> np.ndarray:
    """Normal weights of variance gain / fan-in (He et al. 2015); gain 2 before a ReLU, 1 before none."""
    return rng.standard_normal(shape, dtype=np.float32) * np.float32(np.sqrt(gain / np.prod(shape[1:])))


def orthogonal_blocks(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Recurrent weights (4 * hidden, hidden): a random orthogonal matrix for each gate (Saxe et al. 2014)."""
    hidden = shape[1]
    blocks = []
    for _ in range(shape[0] // hidden):
        q, r = np.linalg.qr(rng.standard_normal((hidden, hidden)))
        blocks.append(q * np.sign(np.diag(r)))  # the sign makes the distribution uniform
    return np.concatenate(blocks).astype(np.float32)


def lstm_bias(name: str, size: int) -> np.ndarray:
    """Zero, but 1 for the forget gate (gates i, f, g, o), once: the input and hidden biases are added."""
    bias = np.zeros(size, np.float32)
    if "bias_ih" in name:
        bias[size // 4 : size // 2] = 1
    return bias


def initial_value(name: str, shape: tuple[int, ...], seed: int) -> np.ndarray | None:
    """Initial float32 array of a parameter, or None where the layer's own default (batch norm) is right.

    Names are those of the MindSpore network.
    """
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    if name.endswith((".gamma", ".beta", ".moving_mean", ".moving_variance")):
        return None
    if "rnn" in name:
        if "weight_hh" in name:
            return orthogonal_blocks(rng, shape)
        return lstm_bias(name, shape[0]) if "bias" in name else he_normal(rng, shape, gain=1.0)
    if name.endswith(".bias"):
        return np.zeros(shape, np.float32)
    if "rpn_cls" in name or "rpn_reg" in name:
        return rng.standard_normal(shape, dtype=np.float32) * np.float32(HEAD_STD)
    before_relu = "vgg16" in name
    return he_normal(rng, shape, gain=2.0 if before_relu else 1.0)
