"""Which parameters the two networks have under MindSpore's names, and how their shapes hang together.

A size is a number, a letter that stands for the same size wherever it appears (the networks come in several
widths), or a multiple of one ("4*h").
"""

from collections.abc import Mapping

import numpy as np

from src.common.errors import UserError

NETWORKS = ("crnn", "ctpn")
_CTPN_STAGES = {"1_1": "a", "1_2": "a", "2_1": "b", "2_2": "b", "3_1": "c", "3_2": "c", "3_3": "c"}
_CTPN_STAGES |= {"4_1": "d", "4_2": "d", "4_3": "d", "5_1": "e", "5_2": "e", "5_3": "e"}
_MOST_NAMED = 6

Shape = tuple[int | str, ...]


def parameter_shapes(network: str) -> dict[str, Shape]:
    """Sizes by parameter name."""
    return _crnn_shapes() if network == "crnn" else _ctpn_shapes()


def check_fit(params: Mapping[str, np.ndarray], network: str) -> None:
    """Raise UserError that names what is missing, not understood, of a wrong shape, or not a finite number."""
    shapes = parameter_shapes(network)
    problems = [
        f"{what} {_listed(names)}"
        for what, names in (
            ("missing", sorted(shapes.keys() - params.keys())),
            ("not understood", sorted(params.keys() - shapes.keys())),
        )
        if names
    ]
    if not problems:
        problems = _misshapen(params, shapes) or _not_finite(params)
    if problems:
        raise UserError(f"{network} weights: {'; '.join(problems)}")


def _misshapen(params: Mapping[str, np.ndarray], shapes: dict[str, Shape]) -> list[str]:
    known: dict[str, int] = {}
    wrong = []
    for name, sizes in shapes.items():
        found = tuple(params[name].shape)
        if len(found) != len(sizes):
            wrong.append(f"{name} {found} has {len(found)} dimensions instead of {len(sizes)}")
            continue
        wanted = tuple(_resolved(size, there, known) for size, there in zip(sizes, found, strict=True))
        if found != wanted:
            wrong.append(f"{name} is {found}, the other parameters want {wanted}")
    return [_listed(wrong)] if wrong else []


def _resolved(size: int | str, found: int, known: dict[str, int]) -> int:
    """The size that is wanted where `found` is; an unknown letter takes what it finds."""
    if isinstance(size, int):
        return size
    factor, _, letter = size.rpartition("*")
    factor = int(factor or 1)
    return factor * known.setdefault(letter, max(found // factor, 1))


def _not_finite(params: Mapping[str, np.ndarray]) -> list[str]:
    broken = [name for name, value in params.items() if value.dtype.kind != "f" or not np.isfinite(value).all()]
    return [f"not finite numbers in {_listed(broken)}"] if broken else []


def _listed(names: list[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _norm_shapes(layer: str, channels: str) -> dict[str, Shape]:
    return {f"{layer}.{part}": (channels,) for part in ("gamma", "beta", "moving_mean", "moving_variance")}


def _lstm_shapes(layer: str, inputs: str, hidden: str) -> dict[str, Shape]:
    sizes = {"weight_ih": (f"4*{hidden}", inputs), "weight_hh": (f"4*{hidden}", hidden)}
    sizes |= {"bias_ih": (f"4*{hidden}",), "bias_hh": (f"4*{hidden}",)}
    return {f"{layer}.{part}_l0{direction}": shape for direction in ("", "_reverse") for part, shape in sizes.items()}


def _linear_shapes(layer: str, inputs: str, outputs: str) -> dict[str, Shape]:
    return {f"{layer}.weight": (outputs, inputs), f"{layer}.bias": (outputs,)}


def _crnn_shapes() -> dict[str, Shape]:
    shapes: dict[str, Shape] = {}
    inputs: int | str = 1
    for index, outputs in enumerate("abcdefg"):
        kernel = 2 if index == 6 else 3
        shapes[f"cnn.conv{index}.weight"] = (outputs, inputs, kernel, kernel)
        if index in (2, 4, 6):
            shapes |= _norm_shapes(f"cnn.batchnorm{index}", outputs)
        else:
            shapes[f"cnn.conv{index}.bias"] = (outputs,)
        inputs = outputs
    for layer, (inputs, outputs) in enumerate((("g", "h"), ("h", "classes"))):
        shapes |= _lstm_shapes(f"rnn.{layer}.rnn", inputs, "h")
        shapes |= _linear_shapes(f"rnn.{layer}.embedding", "2*h", outputs)
    return shapes


def _ctpn_shapes() -> dict[str, Shape]:
    shapes: dict[str, Shape] = {}
    inputs: int | str = 3
    for layer, outputs in _CTPN_STAGES.items():
        block = f"vgg16_feature_extractor.conv{layer}"
        shapes[f"{block}.0.weight"] = (outputs, inputs, 3, 3)
        shapes |= _norm_shapes(f"{block}.1", outputs)
        inputs = outputs
    shapes["conv.weight"] = ("f", "e", 3, 3)
    shapes |= _lstm_shapes("rnn2", "f", "h")
    heads = "rpn_with_loss.rpn_convs_list"
    for layer, inputs, outputs in (
        ("lstm_fc", "2*h", "f"), ("rpn_cls", "f", "2*anchors"), ("rpn_reg", "f", "4*anchors"),
    ):  # fmt: skip
        shapes |= _linear_shapes(f"{heads}.{layer}", inputs, outputs)
    return shapes
