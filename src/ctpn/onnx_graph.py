"""CTPN as an ONNX file with free batch, height and width, written node by node from the weights.

MindSpore's exporter fixes the size of the picture and takes seconds to import; nothing here needs it. Outputs are
the raw maps; softmax, decoding and suppression stay on the host (`proposal_generator`), because an ONNX graph with
TopK and NMS inside is rejected by onnxruntime.

Shape vocabulary: B batch, H and W feature rows and columns, A anchors at a position, C channels, N hidden units of
one direction of the LSTM.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from src.errors import UserError

INPUT_NAME = "image"
OUTPUT_NAMES = ("score_map", "delta_map")
OPSET = 13
IR_VERSION = 8  # what the oldest accepted runtimes read
BATCH_NORM_EPSILON = 1e-5
STAGES = (2, 2, 3, 3, 3)  # convolutions of each stage of VGG16
BACKBONE = "vgg16_feature_extractor.conv{}_{}"
HEADS = "rpn_with_loss.rpn_convs_list."
DIRECTIONS = ("", "_reverse")


def write_ctpn_onnx(
    params: dict[str, np.ndarray], path: Path | str, image_size: tuple[int, int] | None = None
) -> None:
    """Write `ctpn_onnx(params, image_size)` to `path`; an existing file is replaced."""
    Path(path).write_bytes(ctpn_onnx(params, image_size).SerializeToString())


def ctpn_onnx(params: dict[str, np.ndarray], image_size: tuple[int, int] | None = None) -> onnx.ModelProto:
    """The network in evaluation mode as an ONNX model, batch norm folded into the convolutions.

    Args:
        params: weights of `Ctpn` by parameter name, for any width and number of anchors.
        image_size: (height, width) that the file asks for, which tells an application what to resize pictures to;
            None leaves it free.

    The model has the input `image` (batch, 3, height, width) and the outputs `score_map` (batch, 2A, H, W) and
    `delta_map` (batch, 4A, H, W), all float32; the batch is free.

    Raises:
        UserError: names the parameters that are missing, or not part of the network.
    """
    _check_names(params)
    graph = _Graph(params)
    value = INPUT_NAME
    for stage, convolutions in enumerate(STAGES, start=1):
        for index in range(1, convolutions + 1):
            value = graph.conv_bn_relu(value, BACKBONE.format(stage, index))
        if stage < len(STAGES):
            value = graph.add("MaxPool", [value], f"pool{stage}", kernel_shape=(2, 2), strides=(2, 2))
    value = graph.convolution(value, "conv", _float32(params["conv.weight"]))  # (B, C, H, W)
    rows = graph.add("Slice", [graph.add("Shape", [value], "shape"), *graph.vectors(first=2, last=3)], "rows")
    channels = len(params["conv.weight"])
    value = graph.add("Transpose", [value], "rows_apart", perm=(3, 0, 2, 1))  # (W, B, H, C)
    value = graph.reshaped(value, (0, -1, channels), "sequences")  # (W, B*H, C)
    value = graph.lstm(value)  # (W, 2, B*H, N)
    value = graph.add("Transpose", [value], "directions_last", perm=(0, 2, 1, 3))
    value = graph.reshaped(value, (0, 0, -1), "recurrent")  # (W, B*H, 2N)
    value = graph.linear(value, "lstm_fc")
    outputs = []
    cells = [side // 2 ** (len(STAGES) - 1) for side in image_size] if image_size else ["rows", "columns"]
    for layer, name in zip(("rpn_cls", "rpn_reg"), OUTPUT_NAMES, strict=True):
        maps = len(params[f"{HEADS}{layer}.bias"])
        start, end = graph.vectors(**{f"{layer}.start": (0, -1), f"{layer}.end": maps})
        shape = graph.add("Concat", [start, rows, end], f"{layer}.shape", axis=0)
        by_row = graph.add("Reshape", [graph.linear(value, layer), shape], f"{layer}.rows")  # (W, B, H, maps)
        graph.add("Transpose", [by_row], name, perm=(1, 3, 2, 0))
        outputs.append(_float_value(name, ["batch", maps, *cells]))

    inputs = [_float_value(INPUT_NAME, ["batch", 3, *(image_size or ("height", "width"))])]
    model = helper.make_model(
        helper.make_graph(graph.nodes, "ctpn", inputs, outputs, graph.constants),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def parameter_names() -> set[str]:
    """The parameters of `Ctpn`."""
    numbered = [(stage, index) for stage, count in enumerate(STAGES, start=1) for index in range(1, count + 1)]
    convolutions = [BACKBONE.format(stage, index) for stage, index in numbered]
    norm_parts = ("gamma", "beta", "moving_mean", "moving_variance")
    names = {f"{name}.0.weight" for name in convolutions}
    names |= {f"{name}.1.{part}" for name in convolutions for part in norm_parts}
    names |= {f"rnn2.{part}_l0{d}" for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh") for d in DIRECTIONS}
    names |= {f"{HEADS}{layer}.{part}" for layer in ("lstm_fc", "rpn_cls", "rpn_reg") for part in ("weight", "bias")}
    return names | {"conv.weight"}


def _check_names(params: dict[str, np.ndarray]) -> None:
    expected = parameter_names()
    problems = [
        f"{label} {', '.join(sorted(names)[:4])}{' and others' if len(names) > 4 else ''}"
        for label, names in (("missing", expected - params.keys()), ("not in the network", params.keys() - expected))
        if names
    ]
    if problems:
        raise UserError(f"not CTPN weights: {'; '.join(problems)}")


class _Graph:
    """Nodes and constants as they are added; every method returns the name of the value it makes."""

    def __init__(self, params: dict[str, np.ndarray]):
        self.params = params
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, array: np.ndarray) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def vectors(self, **vectors: int | tuple[int, ...]) -> list[str]:
        """Constants of one dimension, whole numbers."""
        return [self.constant(name, np.atleast_1d(np.array(v, np.int64))) for name, v in vectors.items()]

    def add(self, operator: str, inputs: list[str], output: str, **attributes) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def reshaped(self, value: str, shape: tuple[int, ...], output: str) -> str:
        """0 in `shape` keeps the size there."""
        return self.add("Reshape", [value, *self.vectors(**{f"{output}.shape": shape})], output)

    def convolution(self, value: str, name: str, weight: np.ndarray, bias: np.ndarray | None = None) -> str:
        inputs = [value, self.constant(f"{name}.weight", weight)]
        if bias is not None:
            inputs.append(self.constant(f"{name}.bias", bias))
        return self.add("Conv", inputs, name, kernel_shape=(3, 3), pads=(1, 1, 1, 1))

    def conv_bn_relu(self, value: str, name: str) -> str:
        norm = {
            part: np.asarray(self.params[f"{name}.1.{part}"], np.float64)
            for part in ("gamma", "beta", "moving_mean", "moving_variance")
        }
        scale = norm["gamma"] / np.sqrt(norm["moving_variance"] + BATCH_NORM_EPSILON)
        weight = np.asarray(self.params[f"{name}.0.weight"], np.float64) * scale[:, None, None, None]
        bias = norm["beta"] - norm["moving_mean"] * scale
        return self.add("Relu", [self.convolution(value, name, _float32(weight), _float32(bias))], f"{name}.relu")

    def lstm(self, value: str) -> str:
        def stacked(part: str) -> np.ndarray:
            return np.stack([_onnx_gates(self.params[f"rnn2.{part}_l0{direction}"]) for direction in DIRECTIONS])

        inputs = [
            value,
            self.constant("lstm.W", stacked("weight_ih")),
            self.constant("lstm.R", stacked("weight_hh")),
            self.constant("lstm.B", np.concatenate([stacked("bias_ih"), stacked("bias_hh")], axis=1)),
        ]
        hidden_size = self.params["rnn2.weight_hh_l0"].shape[1]
        return self.add("LSTM", inputs, "lstm", hidden_size=hidden_size, direction="bidirectional")

    def linear(self, value: str, layer: str) -> str:
        weight = self.constant(f"{layer}.weight", _float32(self.params[f"{HEADS}{layer}.weight"]).T)
        bias = self.constant(f"{layer}.bias", _float32(self.params[f"{HEADS}{layer}.bias"]))
        return self.add("Add", [self.add("MatMul", [value, weight], f"{layer}.product"), bias], layer)


def _float_value(name: str, shape: list[str | int]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _onnx_gates(array: np.ndarray) -> np.ndarray:
    """Gates i, f, g, o (ours) -> i, o, f, c (ONNX) along the first axis."""
    i, f, g, o = np.split(_float32(array), 4)
    return np.concatenate([i, o, f, g])


def _float32(array: np.ndarray) -> np.ndarray:
    return np.asarray(array, np.float32)
