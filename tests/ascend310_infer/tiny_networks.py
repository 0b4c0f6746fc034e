"""Small networks for the C++ application: as ONNX, and as the text files of the stand-in for MindSpore Lite."""

import importlib.util
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ANCHORS = 14


def write_bright_onnx(path, height, width, batch="batch"):
    """The maps of `tiny_detection.bright_is_text` as an ONNX file, for images of one size.

    The mean of a cell of 16 x 16 pixels says how likely each anchor is text, and moves its box a little.
    """
    anchor = np.arange(ANCHORS, dtype=np.float32)
    offset = -abs(anchor - 4) / 2 + 0.01 * anchor  # text = 3 * cell + offset
    ones = np.ones((ANCHORS, 1), np.float32)
    score_weight = np.stack([-3 * ones, 3 * ones], axis=1).reshape(-1, 1, 1, 1)
    score_bias = np.stack([-offset, offset], axis=1).reshape(-1)
    # cos(x) as sin(x + pi / 2); channels 0 and 2 of each anchor are sin(0).
    delta_weight = np.stack([0 * ones, 15 * ones, 0 * ones, 21 * ones], axis=1).reshape(-1, 1, 1, 1)
    zero = np.zeros_like(offset)
    delta_bias = np.stack([zero, 5 * offset, zero, 7 * offset + np.float32(np.pi / 2)], axis=1).reshape(-1)
    constants = {
        "score_weight": score_weight,
        "score_bias": score_bias,
        "delta_weight": delta_weight,
        "delta_bias": delta_bias,
        "tenth": np.array(0.1),
    }
    nodes = [
        helper.make_node("ReduceMean", ["image"], ["gray"], axes=[1], keepdims=1),
        helper.make_node("AveragePool", ["gray"], ["cells"], kernel_shape=[16, 16], strides=[16, 16]),
        helper.make_node("Conv", ["cells", "score_weight", "score_bias"], ["score_map"]),
        helper.make_node("Conv", ["cells", "delta_weight", "delta_bias"], ["angles"]),
        helper.make_node("Sin", ["angles"], ["sines"]),
        helper.make_node("Mul", ["sines", "tenth"], ["delta_map"]),
    ]
    sizes = [height // 16, width // 16]
    graph = helper.make_graph(
        nodes,
        "bright",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [batch, 3, height, width])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, count * ANCHORS, *sizes])
            for name, count in (("score_map", 2), ("delta_map", 4))
        ],
        [numpy_helper.from_array(np.asarray(value, np.float32), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString())
    return path


def write_stand_in(path, *lines):
    """A network of the stand-in: lines as lite_stand_in/model.cpp describes them."""
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def write_ctpn_stand_in(path, batch=1, size=(64, 96), dtype="float32"):
    """Proposals and mask under names that no exporter promises, the mask first."""
    return write_stand_in(
        path,
        f"input x {dtype} {batch} 3 {size[0]} {size[1]}",
        "output Cast-op12 bool -1 6",
        "output Stack-op7 float32 -1 6 5",
    )


def write_crnn_stand_in(path, batch=2, width=100):
    return write_stand_in(path, f"input x float32 {batch} 1 32 {width}", f"output y float32 {width // 4 + 1} -1 37")


def random_onnx(kind, path):
    """CTPN for 64 x 96 pixels, or CRNN of three widths, with random narrow weights."""
    weights = _neighbor("reader_weights.py")
    if kind == "ctpn":
        from src.export.ctpn_onnx import ctpn_onnx

        model = ctpn_onnx(weights.ctpn_params(0.0625), (64, 96))
    else:
        from src.export.crnn_onnx import crnn_onnx

        model = crnn_onnx(weights.crnn_params(37, 0.0625), {"image_width": "48 100 160"})
    path.write_bytes(model.SerializeToString())
    return path


def _neighbor(name):
    """A helper of other tests, whose folder is on the path only while they are run."""
    spec = importlib.util.spec_from_file_location(Path(name).stem, Path(__file__).parents[1] / name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
