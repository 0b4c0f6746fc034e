"""Convolutions in 8-bit integers, for OpenVINO: up to four times as fast as in floating point.

What goes into a convolution and its weights are rounded to the levels of a `FakeQuantize` each; between such nodes
OpenVINO computes in integers. Weights have a range for every output channel. What goes into the convolutions has one
range per layer, which was measured on photographs (`src/calibrate.py`) and is on the model card. The first
convolution, which takes in the image, stays in floating point: it is small, and what it loses is lost for all.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from src.common.errors import UserError
from src.common.openvino_package import import_openvino
from src.weights.card import Range

ops = import_openvino().opset13
LEVELS, WEIGHT_LEVELS = 256, 255
# Weights take half of their levels: processors without VNNI add two products in 16 bits, which must not overflow, and
# so every processor computes the same.
SPARE = 2.0


def convolution_inputs(model: Any) -> dict[str, Any]:
    """The outputs of nodes, by their names, that convolutions of an `openvino.Model` take in, perhaps pooled."""
    sources = [_source(node) for node in _convolutions(model)]
    return {source.get_node().get_friendly_name(): source for source in sources}


def use_int8(model: Any, ranges: Mapping[str, Range]) -> None:
    """Let all convolutions of an `openvino.Model` but the first compute in 8 bits.

    Args:
        ranges: lowest and highest value of each of the `convolution_inputs`.

    Raises:
        UserError: the ranges are those of another network.
    """
    inputs = convolution_inputs(model)
    if inputs.keys() != ranges.keys():
        names = ", ".join(sorted(inputs.keys() ^ ranges.keys())[:4])
        raise UserError(f"activation_ranges: of another network ({names}); measure them with src/calibrate.py")
    for node in _convolutions(model):
        weights = node.input_value(1).get_node().get_data().astype(np.float32)  # (C_out, C_in, h, w)
        most = np.abs(weights).max(axis=(1, 2, 3), keepdims=True) * np.float32(SPARE)
        most = np.maximum(most, np.finfo(np.float32).tiny)  # of a channel without weights
        levels = _quantize(node.input_value(1), -most, most, WEIGHT_LEVELS)
        node.input(1).replace_source_output(levels)
    for name, source in inputs.items():
        low, high = (np.array(value, np.float32) for value in ranges[name])
        users = list(source.get_target_inputs())
        levels = _quantize(source, low, high, LEVELS)
        for user in users:
            user.replace_source_output(levels)
    model.validate_nodes_and_infer_types()


def _convolutions(model: Any) -> list[Any]:
    """All that do not take in the image itself."""
    found = [node for node in model.get_ordered_ops() if node.get_type_name() == "Convolution"]
    return [node for node in found if _source(node).get_node().get_type_name() != "Parameter"]


def _source(convolution: Any) -> Any:
    """The output that a convolution takes in, before it is pooled: the maximum of levels is one of them."""
    source = convolution.input_value(0)
    while source.get_node().get_type_name() == "MaxPool":
        source = source.get_node().input_value(0)
    return source


def _quantize(source: Any, low: np.ndarray, high: np.ndarray, levels: int) -> Any:
    limits = [ops.constant(limit) for limit in (low, high, low, high)]
    return ops.fake_quantize(source, *limits, levels).output(0)
