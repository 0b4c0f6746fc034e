"""Convolutions in 8-bit integers: as good as in floating point, and only where the card and the user want them."""

import json

import numpy as np
import pytest
from reader_weights import write_weights

from src.common.errors import UserError
from src.engines.engine import EngineError, open_engine
from src.engines.onnx_cache import onnx_file
from src.engines.options import EngineOptions
from src.weights.card import card_path, write_card
from src.weights.network_weights import find_weights

pytest.importorskip("openvino")
from src.engines.int8_convolutions import LEVELS, WEIGHT_LEVELS, convolution_inputs, use_int8
from src.engines.openvino_engine import OpenVinoEngine, openvino
from src.engines.range_engine import RangeEngine

FREE = (1, 3, None, None)
CARD = {"network": "ctpn", "image_size": [64, 96], "backbone_width": 0.125}


def image(seed=0, size=(64, 96)):
    return np.random.default_rng(seed).normal(size=(1, 3, *size)).astype(np.float32)


def types(model):
    return [node.get_type_name() for node in model.get_ordered_ops()]


@pytest.fixture(scope="module")
def detector(tmp_path_factory):
    folder = write_weights(tmp_path_factory.mktemp("weights"))
    write_card(folder / "ctpn.ckpt", CARD)
    return find_weights(folder / "ctpn.ckpt", "ctpn", "ctpn_weights")


@pytest.fixture(scope="module")
def onnx(detector):
    return onnx_file(detector)


@pytest.fixture(scope="module")
def ranges(onnx):
    engine = RangeEngine(onnx, FREE, threads=1)
    for seed in range(4):
        engine.run(image(seed))
    return engine.ranges


def test_ranges_are_those_of_the_activations(onnx, ranges):
    assert len(ranges) == 13 and all(low == 0 < high for low, high in ranges.values())
    outputs = OpenVinoEngine(onnx, 1, "f32", FREE).run(image(1))
    again = RangeEngine(onnx, FREE, threads=1).run(image(1))
    assert all(np.allclose(a, b, atol=1e-5) for a, b in zip(outputs, again, strict=True))


def test_the_outputs_are_those_of_floating_point_within_rounding(onnx, ranges):
    exact, rounded = (OpenVinoEngine(onnx, 1, precision, FREE, ranges) for precision in ("f32", "auto"))
    assert "int8" in rounded.device and "int8" not in exact.device
    for expected, found in zip(exact.run(image(9)), rounded.run(image(9)), strict=True):
        error = np.abs(found - expected).mean() / np.abs(expected - expected.mean()).mean()
        assert 0 < error < 0.1


def test_what_is_computed_is_rounded_to_levels(onnx, ranges):
    model = openvino.Core().read_model(str(onnx))
    use_int8(model, ranges)
    convolutions = [node for node in model.get_ordered_ops() if node.get_type_name() == "Convolution"]
    assert len(convolutions) == 14 and convolutions[0].input_value(0).get_node().get_type_name() == "Parameter"
    assert convolutions[0].input_value(1).get_node().get_type_name() == "Constant"  # in floating point
    for node in convolutions[1:]:
        weights = node.input_value(1).get_node()
        assert weights.get_type_name() == "FakeQuantize" and weights.get_attributes()["levels"] == WEIGHT_LEVELS
        most = np.abs(weights.input_value(0).get_node().get_data()).max(axis=(1, 2, 3))
        # Half of the levels: two products of a level of 255 and one of 63 are less than 2 ** 15.
        assert np.allclose(weights.input_value(2).get_node().get_data().ravel(), 2 * most)
    assert types(model).count("FakeQuantize") == 13 + len(ranges)
    pools = [node for node in model.get_ordered_ops() if node.get_type_name() == "MaxPool"]
    assert all(node.input_value(0).get_node().get_attributes().get("levels") == LEVELS for node in pools)


def test_ranges_of_another_network_are_refused(onnx, ranges):
    model = openvino.Core().read_model(str(onnx))
    with pytest.raises(UserError, match=r"activation_ranges: of another network \(elsewhere\)"):
        use_int8(model, {**ranges, "elsewhere": (0, 1)})
    assert "FakeQuantize" not in types(model) and convolution_inputs(model).keys() == ranges.keys()


def test_the_card_decides_unless_the_user_does(detector, ranges, tmp_path):
    for file in (detector.path, card_path(detector.path)):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    write_card(tmp_path / "ctpn.ckpt", {**CARD, "activation_ranges": ranges})
    with_ranges = find_weights(tmp_path / "ctpn.ckpt", "ctpn", "ctpn_weights")

    def device(weights, precision="auto"):
        options = EngineOptions(engine="openvino", threads=1, precision=precision, cache_dir=tmp_path)
        return open_engine(weights, options, FREE).device

    assert "int8 and " in device(with_ranges)
    assert not any("int8" in device(with_ranges, precision) for precision in ("float", "f32"))
    assert "int8" not in device(detector)
    content = json.loads(card_path(tmp_path / "ctpn.ckpt").read_text(encoding="utf-8"))
    del content["activation_ranges"]["vgg16_feature_extractor.conv3_2.relu"]
    card_path(tmp_path / "ctpn.ckpt").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(EngineError, match="activation_ranges: of another network .*conv3_2"):
        device(find_weights(tmp_path / "ctpn.ckpt", "ctpn", "ctpn_weights"))
