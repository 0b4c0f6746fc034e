"""ONNX models written node by node from weights: what the writers of both networks share.

Own code on the `onnx` package, because MindSpore's exporter fixes batch and image size, and runs only where
MindSpore does.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from src.common.errors import UserError
from src.layers.parameter_shapes import DIRECTIONS

OPSET = 13
IR_VERSION = 8  # what the oldest accepted runtimes read
BATCH_NORM_EPSILON = 1e-5

Weights = dict[str, np.ndarray]


class OnnxGraph:
    """Nodes and constants as they are added; every method returns the name of the value it makes."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, array: np.ndarray) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def vector(self, name: str, *values: int) -> str:
        """Whole numbers in one dimension."""
        return self.constant(name, np.array(values, np.int64))

    def add(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def convolution(self, value: str, name: str, weight: np.ndarray, bias: np.ndarray | None, padding: int) -> str:
        """Stride 1; `weight` (out, in, kernel height, kernel width)."""
        inputs = [value, self.constant(f"{name}.weight", weight)]
        if bias is not None:
            inputs.append(self.constant(f"{name}.bias", bias))
        return self.add("Conv", inputs, name, kernel_shape=weight.shape[2:], pads=(padding,) * 4)

    def bidirectional_lstm(self, value: str, name: str, params: Weights, prefix: str) -> str:
        """(T, B, in) -> (T, 2, B, N) with the weights `prefix`weight_ih_l0 and so on, as MindSpore names them."""

        def stacked(part: str) -> np.ndarray:
            return np.stack([_onnx_gates(params[f"{prefix}{part}_l0{direction}"]) for direction in DIRECTIONS])

        inputs = [
            value,
            self.constant(f"{name}.W", stacked("weight_ih")),
            self.constant(f"{name}.R", stacked("weight_hh")),
            self.constant(f"{name}.B", np.concatenate([stacked("bias_ih"), stacked("bias_hh")], axis=1)),
        ]
        hidden_size = params[f"{prefix}weight_hh_l0"].shape[1]
        return self.add("LSTM", inputs, name, hidden_size=hidden_size, direction="bidirectional")

    def linear(self, value: str, name: str, params: Weights, layer: str) -> str:
        """The last axis through a dense layer, whose weights are `layer`.weight (out, in) and `layer`.bias."""
        weight = self.constant(f"{name}.weight", float32(params[f"{layer}.weight"]).T)
        bias = self.constant(f"{name}.bias", float32(params[f"{layer}.bias"]))
        return self.add("Add", [self.add("MatMul", [value, weight], f"{name}.product"), bias], name)

    def checked_model(
        self, title: str, inputs: Sequence[onnx.ValueInfoProto], outputs: Sequence[onnx.ValueInfoProto]
    ) -> onnx.ModelProto:
        """The model with these inputs and outputs, after ONNX's own full check."""
        model = helper.make_model(
            helper.make_graph(self.nodes, title, inputs, outputs, self.constants),
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
        )
        onnx.checker.check_model(model, full_check=True)
        return model


def float_value(name: str, shape: Sequence[str | int]) -> onnx.ValueInfoProto:
    """A float32 input or output; sides with a name in place of a number are free."""
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def fold_batch_norm(params: Weights, kernel: str, norm: str) -> tuple[np.ndarray, np.ndarray]:
    """Weight and bias of the convolution with weight `kernel` and no bias, with the batch norm `norm` worked in."""
    gamma, beta, mean, variance = (
        np.asarray(params[f"{norm}.{part}"], np.float64)
        for part in ("gamma", "beta", "moving_mean", "moving_variance")
    )
    scale = gamma / np.sqrt(variance + BATCH_NORM_EPSILON)
    weight = np.asarray(params[kernel], np.float64) * scale[:, None, None, None]
    return float32(weight), float32(beta - mean * scale)


def float32(array: np.ndarray) -> np.ndarray:
    """The array as float32.

    Raises:
        UserError: it holds what float32 cannot, which batch norm can make of weights that are finite themselves.
    """
    with np.errstate(over="ignore"):
        converted = np.asarray(array, np.float32)
    if not np.isfinite(converted).all():
        raise UserError(f"the network's values are too large for float32 (up to {np.abs(array).max():g})")
    return converted


def _onnx_gates(array: np.ndarray) -> np.ndarray:
    """Gates i, f, g, o (ours) -> i, o, f, c (ONNX) along the first axis."""
    i, f, g, o = np.split(float32(array), 4)
    return np.concatenate([i, o, f, g])
