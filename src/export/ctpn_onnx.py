"""CTPN as an ONNX file with free batch, height and width, written node by node from the weights.

MindSpore's exporter fixes the size of the image and takes seconds to import; nothing here needs it. Outputs are
the raw maps; softmax, decoding and suppression stay on the host (`proposal_generator`), because an ONNX graph with
TopK and NMS inside is rejected by onnxruntime.

Shapes: B batch, H and W feature rows and columns, A anchors per position, C channels, N hidden units of
one direction of the LSTM.
"""

from collections.abc import Mapping
from pathlib import Path

import onnx

from src.common.atomic_file import writing
from src.common.errors import UserError
from src.ctpn.topology import BACKBONE, CONVOLUTIONS, HEADS, INPUT_NAME, MAP_NAMES, STRIDE, parameter_shapes
from src.export.onnx_graph import OnnxGraph, Weights, float32, float_value, fold_batch_norm


def write_ctpn_onnx(
    params: Weights,
    path: Path | str,
    image_size: tuple[int, int] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write `ctpn_onnx(params, image_size, metadata)` to `path`; an existing file is replaced."""
    content = ctpn_onnx(params, image_size, metadata).SerializeToString()
    with writing(Path(path)) as file:
        file.write_bytes(content)


def ctpn_onnx(
    params: Weights, image_size: tuple[int, int] | None = None, metadata: Mapping[str, str] | None = None
) -> onnx.ModelProto:
    """The network in evaluation mode as an ONNX model, batch norm folded into the convolutions.

    Args:
        params: weights of `Ctpn` by parameter name, for any width and number of anchors.
        image_size: (height, width) of the file's input, the size to which an application resizes images;
            None leaves it free.
        metadata: texts to keep in the file.

    The model has the input `image` (batch, 3, height, width) and the outputs `score_map` (batch, 2A, H, W) and
    `delta_map` (batch, 4A, H, W), all float32; the batch is free.

    Raises:
        UserError: names the parameters that are missing, or not part of the network.
    """
    _check_names(params)
    graph = OnnxGraph()
    value = INPUT_NAME
    for i, layer in enumerate(CONVOLUTIONS):
        if i and layer.endswith("_1"):  # a new stage
            value = graph.add("MaxPool", [value], f"pool{layer}", kernel_shape=(2, 2), strides=(2, 2))
        name = f"{BACKBONE}{layer}"
        weight, bias = fold_batch_norm(params, f"{name}.0.weight", f"{name}.1")
        value = graph.add("Relu", [graph.convolution(value, name, weight, bias, padding=1)], f"{name}.relu")
    value = graph.convolution(value, "conv", float32(params["conv.weight"]), None, padding=1)  # (B, C, H, W)
    row_axis = [graph.vector("first", 2), graph.vector("last", 3)]
    rows = graph.add("Slice", [graph.add("Shape", [value], "shape"), *row_axis], "rows")
    value = graph.add("Transpose", [value], "rows_apart", perm=(3, 0, 2, 1))  # (W, B, H, C)
    sequences = graph.vector("sequences.shape", 0, -1, len(params["conv.weight"]))
    value = graph.add("Reshape", [value, sequences], "sequences")  # (W, B*H, C)
    value = graph.bidirectional_lstm(value, "lstm", params, "rnn2.")  # (W, 2, B*H, N)
    value = graph.add("Transpose", [value], "directions_last", perm=(0, 2, 1, 3))
    value = graph.add("Reshape", [value, graph.vector("recurrent.shape", 0, 0, -1)], "recurrent")  # (W, B*H, 2N)
    value = graph.linear(value, "lstm_fc", params, f"{HEADS}lstm_fc")
    outputs = []
    cells = [side // STRIDE for side in image_size] if image_size else ["rows", "columns"]
    for layer, name in zip(("rpn_cls", "rpn_reg"), MAP_NAMES, strict=True):
        maps = len(params[f"{HEADS}{layer}.bias"])
        sides = [graph.vector(f"{layer}.start", 0, -1), rows, graph.vector(f"{layer}.end", maps)]
        shape = graph.add("Concat", sides, f"{layer}.shape", axis=0)
        by_row = graph.linear(value, layer, params, f"{HEADS}{layer}")
        by_row = graph.add("Reshape", [by_row, shape], f"{layer}.rows")  # (W, B, H, maps)
        graph.add("Transpose", [by_row], name, perm=(1, 3, 2, 0))
        outputs.append(float_value(name, ["batch", maps, *cells]))
    inputs = [float_value(INPUT_NAME, ["batch", 3, *(image_size or ("height", "width"))])]
    model = graph.checked_model("ctpn", inputs, outputs)
    onnx.helper.set_model_props(model, dict(metadata or {}))
    return model


def _check_names(params: Weights) -> None:
    expected = parameter_shapes().keys()
    problems = [
        f"{label} {', '.join(sorted(names)[:4])}{' and others' if len(names) > 4 else ''}"
        for label, names in (("missing", expected - params.keys()), ("not in the network", params.keys() - expected))
        if names
    ]
    if problems:
        raise UserError(f"not CTPN weights: {'; '.join(problems)}")
