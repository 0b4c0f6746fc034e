"""The ONNX file written from the weights alone against the network."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from golden_weights import golden_weight

ms = pytest.importorskip("mindspore")
onnxruntime = pytest.importorskip("onnxruntime")

from src.common.errors import UserError
from src.ctpn.ctpn import Ctpn
from src.ctpn.topology import parameter_shapes
from src.export.ctpn_onnx import ctpn_onnx, write_ctpn_onnx

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def network():
    """Narrow, five anchors, with statistics and biases that are not the neutral ones."""
    ms.set_context(mode=ms.GRAPH_MODE)
    network = Ctpn(width_mult=0.125, num_anchors=5)
    for parameter in network.get_parameters():
        parameter.set_data(ms.Tensor(golden_weight(parameter.name, parameter.shape)))
    return network.set_train(False)


@pytest.fixture(scope="module")
def params(network):
    return {parameter.name: parameter.asnumpy() for parameter in network.get_parameters()}


@pytest.fixture(scope="module")
def expected(network):
    """The second is 3 x 2 feature cells with odd margins that the pools drop; batches of one and two."""
    rng = np.random.default_rng(0)
    images = [rng.standard_normal(shape).astype(np.float32) for shape in [(2, 3, 32, 48), (1, 3, 57, 39)]]
    return [(image, [output.asnumpy() for output in network(ms.Tensor(image))]) for image in images]


def check(expected, run):
    for image, maps in expected:
        found = run(image)
        for wanted, array in zip(maps, found, strict=True):
            assert wanted.std() > 0.05
            np.testing.assert_allclose(array, wanted, atol=1e-4)


def test_onnxruntime_agrees_at_several_sizes_and_batches(params, expected):
    session = onnxruntime.InferenceSession(ctpn_onnx(params).SerializeToString(), providers=["CPUExecutionProvider"])
    assert [output.name for output in session.get_outputs()] == ["score_map", "delta_map"]
    check(expected, lambda image: session.run(None, {"image": image}))


def test_openvino_agrees_at_several_sizes_and_batches(params, expected, tmp_path):
    openvino = pytest.importorskip("openvino")
    write_ctpn_onnx(params, tmp_path / "ctpn.onnx")
    model = openvino.Core().compile_model(str(tmp_path / "ctpn.onnx"), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    check(expected, lambda image: list(model(image).values()))


@pytest.mark.parametrize(
    ("image_size", "sides", "cells"),
    [
        (None, ["height", "width"], ["rows", "columns"]),
        ((64, 96), [64, 96], [4, 6]),
    ],
)
def test_the_file_says_what_is_free(params, image_size, sides, cells):
    graph = ctpn_onnx(params, image_size).graph
    shapes = {
        value.name: [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in [*graph.input, *graph.output]
    }
    assert shapes == {
        "image": ["batch", 3, *sides],
        "score_map": ["batch", 10, *cells],
        "delta_map": ["batch", 20, *cells],
    }


def test_the_names_are_those_of_the_network(params):
    assert parameter_shapes().keys() == params.keys()


def test_other_weights_are_named(params):
    wrong = {name: value for name, value in params.items() if name != "conv.weight"} | {"fc.weight": np.zeros(1)}
    with pytest.raises(UserError, match="missing conv.weight; not in the network fc.weight"):
        ctpn_onnx(wrong)


def test_it_does_not_need_mindspore():
    modules = "src.export.ctpn_onnx, src.weights.formats"
    program = f"import sys, {modules}; print('mindspore' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
