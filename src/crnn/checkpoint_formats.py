"""Published CRNN checkpoints and this project's, as dicts of arrays.

Three namings of one network: this project's (see `crnn`), "classic" (crnn.pytorch and its descendants:
one bidirectional LSTM per layer) and "crnn_for_pytorch" (the Ascend version: two one-way LSTMs per layer).
The published networks have a convolution bias before each batch norm; it only shifts the mean that the batch
norm takes out, so it is folded into `moving_mean` and the output stays the same.
"""

import numpy as np

from src.common.errors import UserError
from src.crnn.topology import CHANNELS, HEAD, NORMALIZED, RECURRENT_LAYERS
from src.layers.parameter_shapes import LSTM_PARTS

NORM_NAMES = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
HEAD_NAMES = (f"{HEAD}.weight", f"{HEAD}.bias")
SHOWN = 6


def naming(params: dict[str, np.ndarray]) -> str:
    """Which naming these weights have: "mindspore", "classic" or "crnn_for_pytorch".

    Raises:
        UserError: it is none of them.
    """
    if "cnn.batchnorm2.gamma" in params:
        return "mindspore"
    if "rnn.0.fw_rnn.weight_ih_l0" in params:
        return "crnn_for_pytorch"
    if "rnn.0.rnn.weight_ih_l0" in params:
        return "classic"
    found = ", ".join(sorted(params)[:SHOWN]) or "nothing"
    raise UserError(f"not CRNN weights: found {found}, ...; expected names such as cnn.conv0.weight")


def mindspore_crnn(params: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Weights in any of the namings -> weights for `Crnn`, float32.

    Raises:
        UserError: names what is missing or not understood; `num_batches_tracked` is ignored.
    """
    kind = naming(params)
    if kind == "mindspore":
        return {name: np.asarray(value, np.float32) for name, value in params.items()}
    sources = _published_names(kind)
    folded = {f"cnn.conv{i}.bias" for i in NORMALIZED}
    given = {name for name in params if not name.endswith(".num_batches_tracked")}
    _require_equal(given, set(sources.values()) | folded, kind)
    converted = {ours: np.array(params[theirs], np.float32) for ours, theirs in sources.items()}
    for i in NORMALIZED:
        converted[f"cnn.batchnorm{i}.moving_mean"] -= np.asarray(params[f"cnn.conv{i}.bias"], np.float32)
    return converted


def published_crnn(params: dict[str, np.ndarray], kind: str = "classic") -> dict[str, np.ndarray]:
    """Weights of `Crnn` -> weights in a published naming ("classic" or "crnn_for_pytorch").

    The convolution biases that this network does not have become zeros.

    Raises:
        UserError: as `mindspore_crnn`.
    """
    targets = _published_names(kind)
    _require_equal(set(params), set(targets), "mindspore")
    converted = {theirs: np.array(params[ours], np.float32) for ours, theirs in targets.items()}
    for i in NORMALIZED:
        converted[f"cnn.conv{i}.bias"] = np.zeros(len(params[f"cnn.conv{i}.weight"]), np.float32)
    return converted


def for_alphabet(params: dict[str, np.ndarray], num_classes: int) -> tuple[dict[str, np.ndarray], list[str]]:
    """Weights of `Crnn` without a head that was made for another number of classes, and the names left out.

    The caller loads the rest, leaves these parameters as they were initialized, and logs them.
    """
    remade = [name for name in HEAD_NAMES if name in params and len(params[name]) != num_classes]
    return {name: value for name, value in params.items() if name not in remade}, remade


def _published_names(kind: str) -> dict[str, str]:
    """Our parameter name -> the name in a published naming, for everything but the folded biases."""
    lstm_prefixes = {
        "classic": ("rnn.{}.rnn.{}_l0", "rnn.{}.rnn.{}_l0_reverse"),
        "crnn_for_pytorch": ("rnn.{}.fw_rnn.{}_l0", "rnn.{}.bw_rnn.{}_l0"),
    }
    if kind not in lstm_prefixes:
        raise ValueError(f"naming {kind!r}: accepted are {', '.join(lstm_prefixes)}")
    names = {f"cnn.conv{i}.weight": f"cnn.conv{i}.weight" for i in range(len(CHANNELS))}
    names |= {f"cnn.conv{i}.bias": f"cnn.conv{i}.bias" for i in range(len(CHANNELS)) if i not in NORMALIZED}
    names |= {
        f"cnn.batchnorm{i}.{ours}": f"cnn.batchnorm{i}.{theirs}"
        for i in NORMALIZED
        for ours, theirs in NORM_NAMES.items()
    }
    for layer in range(RECURRENT_LAYERS):
        for ours, theirs in zip(lstm_prefixes["classic"], lstm_prefixes[kind], strict=True):
            names |= {ours.format(layer, part): theirs.format(layer, part) for part in LSTM_PARTS}
        linear = f"rnn.{layer}.embedding"
        names |= {f"{linear}.{part}": f"{linear}.{part}" for part in ("weight", "bias")}
    return names


def _require_equal(given: set[str], expected: set[str], kind: str) -> None:
    differences = [
        f"{label} {', '.join(sorted(names)[:SHOWN])}{' and others' if len(names) > SHOWN else ''}"
        for label, names in (("missing", expected - given), ("not understood", given - expected))
        if names
    ]
    if differences:
        raise UserError(f"CRNN weights in the {kind} naming: {'; '.join(differences)}")
