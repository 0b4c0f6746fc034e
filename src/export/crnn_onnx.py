"""CRNN as an ONNX file with free batch and width, written node by node from the weights.

MindSpore's exporter fixes batch and width in reshapes and initial states and does not know the pooling operator
that is fastest on CPU. Nothing here needs MindSpore.

Shapes: B batch, W image width (a multiple of 4), T time steps, C classes, N hidden units of one direction.
"""

from pathlib import Path

import numpy as np
import onnx

from src.common.atomic_file import writing
from src.crnn.topology import CHANNELS, HEAD, IMAGE_HEIGHT, INPUT_NAME, OUTPUT_NAME, POOLS, RECURRENT_LAYERS
from src.export.onnx_graph import OnnxGraph, Weights, float32, float_value, fold_batch_norm


def export_onnx(params: Weights, path: Path | str, metadata: dict[str, str] | None = None) -> None:
    """Write `crnn_onnx(params, metadata)` to `path`; an existing file is replaced."""
    content = crnn_onnx(params, metadata).SerializeToString()
    with writing(Path(path)) as file:
        file.write_bytes(content)


def crnn_onnx(params: Weights, metadata: dict[str, str] | None = None) -> onnx.ModelProto:
    """The network in evaluation mode as an ONNX model, batch norm folded into the convolutions.

    Args:
        params: weights of `Crnn` by parameter name.
        metadata: texts to keep in the file, for instance the alphabet.

    The model has the input `image` (batch, 1, 32, width) and the output `log_probs` (time, batch, classes), both
    float32; batch, width and time are free.
    """
    graph = OnnxGraph()
    value = INPUT_NAME
    for i in range(len(CHANNELS)):
        weight, bias = _weight_and_bias(params, i)
        padding = 1 if weight.shape[2:] == (3, 3) else 0
        value = graph.add("Relu", [graph.convolution(value, f"conv{i}", weight, bias, padding)], f"relu{i}")
        if i in POOLS:
            stride, border = POOLS[i]
            value = graph.add("MaxPool", [value], f"pool{i}", kernel_shape=(2, 2), strides=stride, pads=border * 2)
    value = graph.add("Squeeze", [value, graph.vector("height_axis", 2)], "features")  # (B, 512, T)
    value = graph.add("Transpose", [value], "sequence", perm=(2, 0, 1))  # (T, B, 512)
    merged = graph.vector("directions_merged", 0, 0, -1)
    for layer in range(RECURRENT_LAYERS):
        value = graph.bidirectional_lstm(value, f"lstm{layer}", params, f"rnn.{layer}.rnn.")  # (T, 2, B, N)
        value = graph.add("Transpose", [value], f"lstm{layer}.batch_first", perm=(0, 2, 1, 3))
        value = graph.add("Reshape", [value, merged], f"lstm{layer}.merged")  # (T, B, 2N)
        dense = f"rnn.{layer}.embedding"
        value = graph.linear(value, dense, params, dense)
    graph.add("LogSoftmax", [value], OUTPUT_NAME, axis=2)

    num_classes = len(params[f"{HEAD}.bias"])
    inputs = [float_value(INPUT_NAME, ["batch", 1, IMAGE_HEIGHT, "width"])]
    model = graph.checked_model("crnn", inputs, [float_value(OUTPUT_NAME, ["time", "batch", num_classes])])
    onnx.helper.set_model_props(model, metadata or {})
    return model


def _weight_and_bias(params: Weights, i: int) -> tuple[np.ndarray, np.ndarray]:
    """Of convolution i, with its batch norm, if it has one, worked in."""
    kernel = f"cnn.conv{i}.weight"
    if i in POOLS:
        return float32(params[kernel]), float32(params[f"cnn.conv{i}.bias"])
    return fold_batch_norm(params, kernel, f"cnn.batchnorm{i}")
