"""CRNN as an ONNX file with free batch and width, written node by node from the weights.

MindSpore's exporter fixes batch and width in reshapes and initial states and does not know the pooling operator
that is fastest on CPU. Nothing here needs MindSpore.

Shapes: B batch, W image width (a multiple of 4), T time steps, C classes, N hidden units of one direction.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

INPUT_NAME = "image"
OUTPUT_NAME = "log_probs"
OPSET = 13
IR_VERSION = 8  # what the oldest accepted runtimes read
BATCH_NORM_EPSILON = 1e-5
POOLS = {0: ((2, 2), (0, 0)), 1: ((2, 2), (0, 0)), 3: ((2, 1), (0, 1)), 5: ((2, 1), (0, 1))}  # stride, padding


def export_onnx(params: dict[str, np.ndarray], path: Path | str, metadata: dict[str, str] | None = None) -> None:
    """Write `crnn_onnx(params, metadata)` to `path`; an existing file is replaced."""
    Path(path).write_bytes(crnn_onnx(params, metadata).SerializeToString())


def crnn_onnx(params: dict[str, np.ndarray], metadata: dict[str, str] | None = None) -> onnx.ModelProto:
    """The network in evaluation mode as an ONNX model, batch norm folded into the convolutions.

    Args:
        params: weights of `Crnn` by parameter name.
        metadata: texts to keep in the file, for instance the alphabet.

    The model has the input `image` (batch, 1, 32, width) and the output `log_probs` (time, batch, classes), both
    float32; batch, width and time are free.
    """
    graph = _Graph()
    value = INPUT_NAME
    for i in range(7):
        value = graph.convolution(value, i, *_folded(params, i))
        if i in POOLS:
            stride, padding = POOLS[i]
            attributes = {"kernel_shape": (2, 2), "strides": stride, "pads": padding * 2}
            value = graph.add("MaxPool", [value], f"pool{i}", **attributes)
    axes = graph.constant("height_axis", np.array([2], np.int64))
    value = graph.add("Squeeze", [value, axes], "features")  # (B, 512, T)
    value = graph.add("Transpose", [value], "sequence", perm=(2, 0, 1))  # (T, B, 512)
    merged = graph.constant("directions_merged", np.array([0, 0, -1], np.int64))
    for layer in range(2):
        value = graph.lstm(value, layer, params)  # (T, 2, B, N)
        value = graph.add("Transpose", [value], f"lstm{layer}.batch_first", perm=(0, 2, 1, 3))
        value = graph.add("Reshape", [value, merged], f"lstm{layer}.merged")  # (T, B, 2N)
        value = graph.linear(value, f"rnn.{layer}.embedding", params)
    graph.add("LogSoftmax", [value], OUTPUT_NAME, axis=2)

    num_classes = len(params["rnn.1.embedding.bias"])
    inputs = [helper.make_tensor_value_info(INPUT_NAME, TensorProto.FLOAT, ["batch", 1, 32, "width"])]
    outputs = [helper.make_tensor_value_info(OUTPUT_NAME, TensorProto.FLOAT, ["time", "batch", num_classes])]
    model = helper.make_model(
        helper.make_graph(graph.nodes, "crnn", inputs, outputs, graph.constants),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    helper.set_model_props(model, metadata or {})
    onnx.checker.check_model(model, full_check=True)
    return model


class _Graph:
    """Nodes and constants as they are added; every method returns the name of the value it makes."""

    def __init__(self):
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, array: np.ndarray) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def add(self, operator: str, inputs: list[str], output: str, **attributes) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def convolution(self, value: str, i: int, weight: np.ndarray, bias: np.ndarray) -> str:
        inputs = [value, self.constant(f"conv{i}.weight", weight), self.constant(f"conv{i}.bias", bias)]
        kernel = weight.shape[2:]
        padding = (1, 1, 1, 1) if kernel == (3, 3) else (0, 0, 0, 0)
        return self.add("Relu", [self.add("Conv", inputs, f"conv{i}", kernel_shape=kernel, pads=padding)], f"relu{i}")

    def lstm(self, value: str, layer: int, params: dict[str, np.ndarray]) -> str:
        def stacked(part: str) -> np.ndarray:
            name = f"rnn.{layer}.rnn.{part}_l0"
            return np.stack([_onnx_gates(params[name]), _onnx_gates(params[name + "_reverse"])])

        biases = np.concatenate([stacked("bias_ih"), stacked("bias_hh")], axis=1)
        hidden_size = params[f"rnn.{layer}.rnn.weight_hh_l0"].shape[1]
        inputs = [
            value,
            self.constant(f"lstm{layer}.W", stacked("weight_ih")),
            self.constant(f"lstm{layer}.R", stacked("weight_hh")),
            self.constant(f"lstm{layer}.B", biases),
        ]
        return self.add("LSTM", inputs, f"lstm{layer}", hidden_size=hidden_size, direction="bidirectional")

    def linear(self, value: str, name: str, params: dict[str, np.ndarray]) -> str:
        weight = self.constant(f"{name}.weight", _float32(params[f"{name}.weight"]).T)
        bias = self.constant(f"{name}.bias", _float32(params[f"{name}.bias"]))
        return self.add("Add", [self.add("MatMul", [value, weight], f"{name}.product"), bias], name)


def _folded(params: dict[str, np.ndarray], i: int) -> tuple[np.ndarray, np.ndarray]:
    """Weight and bias of a convolution with its batch norm, if it has one, worked in."""
    weight = np.asarray(params[f"cnn.conv{i}.weight"], np.float64)
    if i in POOLS:
        return _float32(weight), _float32(params[f"cnn.conv{i}.bias"])
    norm = {
        part: np.asarray(params[f"cnn.batchnorm{i}.{part}"], np.float64)
        for part in ("gamma", "beta", "moving_mean", "moving_variance")
    }
    scale = norm["gamma"] / np.sqrt(norm["moving_variance"] + BATCH_NORM_EPSILON)
    return _float32(weight * scale[:, None, None, None]), _float32(norm["beta"] - norm["moving_mean"] * scale)


def _onnx_gates(array: np.ndarray) -> np.ndarray:
    """Gates i, f, g, o (ours) -> i, o, f, c (ONNX) along the first axis."""
    i, f, g, o = np.split(_float32(array), 4)
    return np.concatenate([i, o, f, g])


def _float32(array: np.ndarray) -> np.ndarray:
    return np.asarray(array, np.float32)
