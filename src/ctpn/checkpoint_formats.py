"""Parameters of published files under the names of `Ctpn`. Pure NumPy: dictionaries in, dictionaries out.

Known files: MindSpore CTPN checkpoints (two LSTM branches, `rnn2` trained on GPU and CPU, `rnn` on Ascend;
the other one is untrained noise, see `lstm_branches`), backbone-only checkpoints,
torchvision's VGG16 with batch normalization, and the CRAFT text detector, whose first twelve convolutions
are that VGG16's, trained on text.
"""

import numpy as np

from src.common.errors import UserError
from src.ctpn.lstm_branches import choose_lstm
from src.ctpn.topology import BACKBONE, CONVOLUTIONS

_TORCHVISION_CONVS = (0, 3, 7, 10, 14, 17, 20, 24, 27, 30, 34, 37, 40)  # batch norm at the next index
_CRAFT = "basenet."
_CRAFT_SLICES = (1, 1, 1, 1, 2, 2, 3, 3, 3, 4, 4, 4)  # of conv1_1 .. conv5_2
_NOT_IN_CRAFT = "conv5_3"
_TRAINING_STATE_PREFIXES = ("moments.", "moment1.", "moment2.", "accum.", "accum_update.", "stat.")
_TRAINING_STATE_NAMES = (
    "learning_rate",
    "momentum",
    "global_step",
    "beta1_power",
    "beta2_power",
    "loss_scale",
    "epoch_num",
    "step_num",
    "current_iterator_step",
    "last_overflow_iterator_step",
)

Parameters = dict[str, np.ndarray]


class CheckpointFormatError(UserError):
    """A file whose parameters are not those of any known format."""


def mindspore_ctpn(params: Parameters, lstm_branch: str = "auto") -> Parameters:
    """Parameters of a MindSpore CTPN checkpoint, published or saved here, for `Ctpn`.

    Args:
        params: all arrays of the file; optimizer state among them is left out.
        lstm_branch: which LSTM was trained: "rnn2" (GPU, CPU, and every file saved here) or "rnn" (Ascend);
            "auto" as `choose_lstm` finds it.

    Returns:
        float32 arrays. Names that are not known stay, so that a strict loader can name them.

    Raises:
        LstmBranchError: the branch is not one of the two, or is not in the file.
        CheckpointFormatError: a parameter of the branch is missing.
    """
    lstm_branch = choose_lstm(params, lstm_branch).branch
    kept = {
        name: np.asarray(value, np.float32)
        for name, value in params.items()
        if not name.startswith("rnn.") and not _is_training_state(name)
    }
    if lstm_branch == "rnn":
        kept = {name: value for name, value in kept.items() if not name.startswith("rnn2.")}
        kept.update(_lstm_from_dynamic_rnn(params, "", ""))
        kept.update(_lstm_from_dynamic_rnn(params, "_bw", "_reverse"))
    return kept


def torchvision_vgg16_bn(params: Parameters) -> Parameters:
    """Backbone parameters of a torchvision `vgg16_bn` state dict; its classifier is left out.

    The convolution's bias b enters the following batch norm as (x + b) - mean = x - (mean - b), so it moves
    into the stored mean and the bias-free network gives the same result.
    """
    return _vgg16_bn(params, [f"features.{index}" for index in _TORCHVISION_CONVS])


def craft_vgg16_bn(params: Parameters) -> Parameters:
    """Backbone parameters conv1_1 to conv5_2 of a CRAFT state dict; all that follows in CRAFT is left out.

    CRAFT cuts torchvision's `features` into slice1 .. slice4 and keeps their indices.

    Raises:
        CheckpointFormatError: a parameter of the twelve convolutions is missing, or the slices hold another one.
    """
    places = list(zip(_CRAFT_SLICES, _TORCHVISION_CONVS, strict=False))
    known = {f"{_CRAFT}slice{number}.{index + norm}" for number, index in places for norm in (0, 1)}
    slices = tuple(f"{_CRAFT}slice{number}." for number in set(_CRAFT_SLICES))
    for name in sorted(params):
        if name.startswith(slices) and name.rpartition(".")[0] not in known:
            raise CheckpointFormatError(f"parameter {name} is no part of CRAFT on VGG16-BN")
    return _vgg16_bn(params, [f"{_CRAFT}slice{number}.{index}" for number, index in places])


def backbone_only(params: Parameters) -> Parameters:
    """Backbone parameters of any known file: a CTPN or backbone checkpoint, torchvision's VGG16-BN, or CRAFT.

    All 13 convolutions, or the first 12 from CRAFT and what was made of it: see `missing_backbone_layers`.

    Raises:
        CheckpointFormatError: no backbone in the file, or one of another layout.
    """
    if "features.0.weight" in params:
        return torchvision_vgg16_bn(params)
    if any(name.startswith(_CRAFT) for name in params):
        return craft_vgg16_bn(params)
    names = [name for name in params if name.startswith(BACKBONE)]
    if not names:
        some = ", ".join(sorted(params)[:3]) or "nothing"
        raise CheckpointFormatError(
            f"no backbone in the file: expected {BACKBONE}*, torchvision's features.* or CRAFT's "
            f"module.{_CRAFT}slice*, found {some}"
        )
    backbone = {name: np.asarray(params[name], np.float32) for name in names}
    if (missing := missing_backbone_layers(backbone)) not in ([], [_NOT_IN_CRAFT]):
        raise CheckpointFormatError(f"only a part of the backbone is in the file: {', '.join(missing)} missing")
    return backbone


def missing_backbone_layers(backbone: Parameters) -> list[str]:
    """Names such as "conv5_3" of the convolutions that a backbone of `backbone_only` does not have."""
    return [layer for layer in CONVOLUTIONS if f"{BACKBONE}{layer}.0.weight" not in backbone]


def describe_backbone(path: str, missing: list[str]) -> str:
    """What was loaded from a backbone file, and what starts from scratch."""
    fresh = f"{', '.join(missing)} and all that follows" if missing else "all that follows"
    loaded = f"{len(CONVOLUTIONS) - len(missing)} of {len(CONVOLUTIONS)} convolutions"
    return f"backbone: {loaded} with their batch norms from {path}; {fresh} start from scratch"


def _vgg16_bn(params: Parameters, convs: list[str]) -> Parameters:
    """The first convolutions of the backbone from those that `convs` names, batch norm at the next index."""
    converted = {}
    for layer, conv in zip(CONVOLUTIONS, convs, strict=False):
        place, _, index = conv.rpartition(".")
        norm = f"{place}.{int(index) + 1}"
        bias = _take(params, f"{conv}.bias")
        names = {
            "0.weight": _take(params, f"{conv}.weight"),
            "1.gamma": _take(params, f"{norm}.weight"),
            "1.beta": _take(params, f"{norm}.bias"),
            "1.moving_mean": _take(params, f"{norm}.running_mean") - bias,
            "1.moving_variance": _take(params, f"{norm}.running_var"),
        }
        converted.update({f"{BACKBONE}{layer}.{name}": value for name, value in names.items()})
    return converted


def _is_training_state(name: str) -> bool:
    return name in _TRAINING_STATE_NAMES or name.startswith(_TRAINING_STATE_PREFIXES)


def _lstm_from_dynamic_rnn(params: Parameters, suffix: str, direction: str) -> Parameters:
    """One direction of ops.DynamicRNN as parameters of nn.LSTM.

    DynamicRNN multiplies (x, h) by one matrix (input + hidden, 4 hidden), its columns in the gate order i, j, f, o,
    forget bias 0; nn.LSTM has (4 hidden, input) and (4 hidden, hidden) in the order i, f, g, o, where g is j, and
    adds two biases.
    """
    weight, bias = _take(params, f"rnn.w1{suffix}"), _take(params, f"rnn.b1{suffix}")
    hidden = weight.shape[-1] // 4
    if weight.ndim != 2 or bias.shape != (4 * hidden,) or len(weight) <= hidden:
        raise CheckpointFormatError(
            f"rnn.w1{suffix} {weight.shape} and rnn.b1{suffix} {bias.shape}: "
            "expected (input + hidden, 4 hidden) and (4 hidden,)"
        )
    input_gate, cell, forget, output = np.split(np.arange(4 * hidden), 4)
    gates = np.concatenate([input_gate, forget, cell, output])
    weight, bias = weight.T[gates], bias[gates]
    return {
        f"rnn2.weight_ih_l0{direction}": np.ascontiguousarray(weight[:, :-hidden]),
        f"rnn2.weight_hh_l0{direction}": np.ascontiguousarray(weight[:, -hidden:]),
        f"rnn2.bias_ih_l0{direction}": bias,
        f"rnn2.bias_hh_l0{direction}": np.zeros_like(bias),
    }


def _take(params: Parameters, name: str) -> np.ndarray:
    if name not in params:
        raise CheckpointFormatError(f"parameter {name} is missing from the file")
    return np.asarray(params[name], np.float32)
