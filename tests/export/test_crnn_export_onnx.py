from pathlib import Path

import mindspore as ms
import numpy as np
import onnx
import pytest

from src.crnn.build import initialize
from src.crnn.checkpoint_formats import mindspore_crnn
from src.crnn.crnn import Crnn
from src.crnn.topology import time_steps
from src.export.crnn_onnx import crnn_onnx, export_onnx

GOLDEN = Path(__file__).resolve().parents[1] / "data" / "golden_crnn.npz"
SHAPES = [(1, 32), (3, 100)]


@pytest.fixture(scope="module")
def network():
    """A narrow network whose batch-norm statistics and biases are not the neutral ones."""
    network = Crnn(num_classes=11, width_mult=0.125)
    initialize(network, seed=5)
    rng = np.random.default_rng(6)
    for parameter in network.get_parameters():
        noise = rng.standard_normal(parameter.shape).astype(np.float32)
        parameter.set_data(ms.Tensor(parameter.asnumpy() * (1 + np.abs(noise)) + 0.05 * np.abs(noise)))
    return network.set_train(False)


@pytest.fixture(scope="module")
def file(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("onnx") / "crnn.onnx"
    export_onnx({p.name: p.asnumpy() for p in network.get_parameters()}, path, {"alphabet": "0123456789"})
    return path


@pytest.fixture(scope="module")
def expected(network):
    rng = np.random.default_rng(7)
    images = [rng.standard_normal((batch, 1, 32, width)).astype(np.float32) for batch, width in SHAPES]
    return [(image, network(ms.Tensor(image)).asnumpy()) for image in images]


def check(expected, run):
    for image, log_probs in expected:
        assert log_probs.shape == (time_steps(image.shape[3]), len(image), 11)
        assert log_probs.std() > 0.01
        np.testing.assert_allclose(run(image), log_probs, atol=1e-4)


def test_onnxruntime_agrees_at_several_widths_and_batches(file, expected):
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    check(expected, lambda image: session.run(None, {"image": image})[0])


def test_openvino_agrees_at_several_widths_and_batches(file, expected):
    openvino = pytest.importorskip("openvino")
    core = openvino.Core()
    model = core.compile_model(str(file), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    check(expected, lambda image: model(image)[0])


def test_the_file_says_what_is_free_and_keeps_its_metadata(file):
    model = onnx.load(file)
    (image,), (log_probs,) = model.graph.input, model.graph.output
    assert [d.dim_param or d.dim_value for d in image.type.tensor_type.shape.dim] == ["batch", 1, 32, "width"]
    assert [d.dim_param or d.dim_value for d in log_probs.type.tensor_type.shape.dim] == ["time", "batch", 11]
    assert {entry.key: entry.value for entry in model.metadata_props} == {"alphabet": "0123456789"}


def test_published_size_gives_the_golden_outputs(golden_weights):
    onnxruntime = pytest.importorskip("onnxruntime")
    model = crnn_onnx(mindspore_crnn(golden_weights["classic"]))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    image = np.random.RandomState(0).standard_normal((2, 1, 32, 100)).astype(np.float32)
    np.testing.assert_allclose(session.run(None, {"image": image})[0], np.load(GOLDEN)["classic"], atol=1e-4)
