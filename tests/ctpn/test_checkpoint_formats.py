"""Published checkpoint formats: the DynamicRNN branch, torchvision's backbone, what is refused."""

import numpy as np
import pytest

from src.ctpn.checkpoint_formats import (
    CheckpointFormatError,
    backbone_only,
    describe_backbone,
    mindspore_ctpn,
    missing_backbone_layers,
    torchvision_vgg16_bn,
)
from src.ctpn.lstm_branches import LstmBranchError, choose_lstm

TORCHVISION_CONVS = (0, 3, 7, 10, 14, 17, 20, 24, 27, 30, 34, 37, 40)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def dynamic_rnn(x, weight, bias):
    """ops.DynamicRNN as its documentation defines it: x (T, n, input) -> (T, n, hidden), zero initial state.

    One product of (x, h) with the weight gives the gates i, j, f, o.
    """
    hidden = weight.shape[1] // 4
    h = c = np.zeros((x.shape[1], hidden))
    outputs = []
    for step in x:
        i, j, f, o = np.split(np.concatenate([step, h], axis=1) @ weight + bias, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(j)
        h = sigmoid(o) * np.tanh(c)
        outputs.append(h)
    return np.stack(outputs)


def random_dynamic_rnn(rng, inputs=6, hidden=4):
    return {
        f"rnn.{kind}1{suffix}": rng.standard_normal(shape).astype(np.float16)
        for suffix in ("", "_bw")
        for kind, shape in (("w", (inputs + hidden, 4 * hidden)), ("b", (4 * hidden,)))
    }


def test_the_dynamic_rnn_branch_becomes_the_lstm():
    ms = pytest.importorskip("mindspore")
    rng = np.random.default_rng(0)
    branch = random_dynamic_rnn(rng)
    converted = mindspore_ctpn(branch | {"rnn2.weight_ih_l0": np.full((16, 6), 99.0)}, "rnn")
    lstm = ms.nn.LSTM(6, 4, bidirectional=True)
    assert sorted(converted) == sorted(f"rnn2.{p.name}" for p in lstm.get_parameters())
    for parameter in lstm.get_parameters():
        parameter.set_data(ms.Tensor(converted[f"rnn2.{parameter.name}"]))
    x = rng.standard_normal((5, 3, 6)).astype(np.float32)
    forward = dynamic_rnn(x, branch["rnn.w1"], branch["rnn.b1"])
    backward = dynamic_rnn(x[::-1], branch["rnn.w1_bw"], branch["rnn.b1_bw"])[::-1]
    found = lstm(ms.Tensor(x))[0].asnumpy()
    np.testing.assert_allclose(found, np.concatenate([forward, backward], axis=2), atol=1e-6)


def test_the_other_branch_and_optimizer_state_are_left_out():
    rng = np.random.default_rng(0)
    params = random_dynamic_rnn(rng) | {
        "rnn2.bias_ih_l0": np.ones(3, np.float16),
        "conv.weight": np.ones(2),
        "moments.conv.weight": np.ones(2),
        "accum.conv.weight": np.ones(2),
        "learning_rate": np.float32(0.1),
        "something.new": np.ones(1),
    }
    kept = mindspore_ctpn(params, "rnn2")
    assert sorted(kept) == ["conv.weight", "rnn2.bias_ih_l0", "something.new"]
    assert all(value.dtype == np.float32 for value in kept.values())


def test_a_branch_that_is_not_there_is_named():
    saved_here = {"rnn2.bias_ih_l0": np.ones(3)}
    with pytest.raises(LstmBranchError, match=r"'rnn' is not in the checkpoint, which has only rnn2"):
        mindspore_ctpn(saved_here, "rnn")
    with pytest.raises(LstmBranchError, match="not CTPN weights: found conv.weight"):
        mindspore_ctpn({"conv.weight": np.ones(3)}, "rnn2")
    with pytest.raises(LstmBranchError, match="choose one of auto, rnn2, rnn"):
        mindspore_ctpn(saved_here, "lstm")
    half = random_dynamic_rnn(np.random.default_rng(0))
    del half["rnn.b1_bw"]
    with pytest.raises(CheckpointFormatError, match="rnn.b1_bw is missing"):
        mindspore_ctpn(half, "rnn")
    half["rnn.b1_bw"] = np.ones(5)
    with pytest.raises(CheckpointFormatError, match="expected"):
        mindspore_ctpn(half, "rnn")


def two_branches(rng, rnn2: float, rnn: float) -> dict:
    """Both LSTMs of 4 hidden units, uniform up to these limits; 0.5 is where they begin."""
    shapes = {"rnn2.weight_ih_l0": (16, 6), "rnn2.weight_hh_l0": (16, 4), "rnn2.bias_ih_l0": (16,)}
    shapes |= {"rnn.w1": (10, 16), "rnn.b1": (16,)}
    return {
        name: (rng.uniform(-1, 1, shape) * (rnn2 if name.startswith("rnn2") else rnn)).astype(np.float16)
        for name, shape in shapes.items()
    }


@pytest.mark.parametrize(
    ("rnn2", "rnn", "wanted", "branch", "note"),
    [
        (0.5, 0.9, "auto", "rnn", "rnn (of Ascend) is loaded; rnn looks trained, rnn2 is still in its initial range"),
        (0.9, 0.5, "auto", "rnn2", "rnn2 (of GPU and CPU) is loaded; rnn2 looks trained, rnn is still"),
        (0.5, 0.9, "rnn2", "rnn2", "warning: the file holds two LSTMs: rnn2 (of GPU and CPU) is loaded; rnn looks"),
        (0.9, 0.9, "auto", "rnn2", "both look trained; --lstm_branch rnn takes the other one"),
        (0.5, 0.5, "auto", "rnn2", "both look untrained; --lstm_branch rnn takes the other one"),
        (0.9, 0.9, "rnn", "rnn", "both look trained; --lstm_branch rnn2"),
    ],
)
def test_the_trained_lstm_of_two_is_taken_and_said(rnn2, rnn, wanted, branch, note):
    choice = choose_lstm(two_branches(np.random.default_rng(0), rnn2, rnn), wanted)
    assert choice.branch == branch and note in choice.note


def test_a_file_of_one_lstm_needs_no_word():
    both = two_branches(np.random.default_rng(0), 0.5, 0.5)
    for branch in ("rnn2", "rnn"):
        only = {name: value for name, value in both.items() if name.startswith(f"{branch}.")}
        assert choose_lstm(only) == choose_lstm(only, branch) and choose_lstm(only).note == ""


def test_a_backbone_alone_is_told_what_it_is_for():
    with pytest.raises(
        LstmBranchError, match="no LSTM, neither rnn2.* nor rnn.*; a backbone alone is for Pretraining"
    ):
        choose_lstm({"vgg16_feature_extractor.conv1_1.0.weight": np.zeros((2, 3, 3, 3))})


def test_weights_of_another_network_are_told_apart():
    """Those of CRNN have names that start with rnn. as the LSTM of Ascend has."""
    crnn = {"cnn.conv0.weight": np.zeros((2, 1, 3, 3)), "rnn.0.rnn.weight_ih_l0": np.zeros((8, 2))}
    for params in (crnn, {}):
        with pytest.raises(
            LstmBranchError, match="not CTPN weights: found .*; expected names such as vgg16_feature_"
        ):
            choose_lstm(params)


def random_torchvision(rng, channels=2):
    params = {"classifier.0.weight": np.zeros((2, 2)), "features.1.num_batches_tracked": np.int64(3)}
    inputs = 3
    for index in TORCHVISION_CONVS:
        params[f"features.{index}.weight"] = rng.standard_normal((channels, inputs, 3, 3))
        params[f"features.{index}.bias"] = rng.standard_normal(channels)
        for name in ("weight", "bias", "running_mean"):
            params[f"features.{index + 1}.{name}"] = rng.standard_normal(channels)
        params[f"features.{index + 1}.running_var"] = 0.5 + rng.random(channels)
        inputs = channels
    return params


def test_the_convolution_bias_moves_into_the_mean():
    params = random_torchvision(np.random.default_rng(0))
    found = torchvision_vgg16_bn(params)
    assert len(found) == 13 * 5
    x = np.array([0.3, -2.0])  # output of the last convolution without its bias
    norm = {name: params[f"features.41.{name}"] for name in ("weight", "bias", "running_mean", "running_var")}
    expected = (x + params["features.40.bias"] - norm["running_mean"]) / np.sqrt(norm["running_var"] + 1e-5)
    expected = expected * norm["weight"] + norm["bias"]
    last = {
        name: found[f"vgg16_feature_extractor.conv5_3.1.{name}"]
        for name in ("gamma", "beta", "moving_mean", "moving_variance")
    }
    value = (x - last["moving_mean"]) / np.sqrt(last["moving_variance"] + 1e-5) * last["gamma"] + last["beta"]
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    np.testing.assert_array_equal(
        found["vgg16_feature_extractor.conv3_1.0.weight"], params["features.14.weight"].astype(np.float32)
    )


def test_backbone_of_any_file():
    params = random_torchvision(np.random.default_rng(0))
    converted = backbone_only(params)
    assert sorted(converted) == sorted(torchvision_vgg16_bn(params))
    checkpoint = converted | {"conv.weight": np.ones(1), f"moments.{next(iter(converted))}": np.ones(1)}
    assert sorted(backbone_only(checkpoint)) == sorted(converted)
    with pytest.raises(CheckpointFormatError, match=r"no backbone.*found conv\.weight"):
        backbone_only({"conv.weight": np.ones(1)})
    del checkpoint["vgg16_feature_extractor.conv3_1.0.weight"]
    with pytest.raises(CheckpointFormatError, match=r"only a part .* conv3_1 missing"):
        backbone_only(checkpoint)
    del params["features.8.running_var"]
    with pytest.raises(CheckpointFormatError, match=r"features\.8\.running_var is missing"):
        backbone_only(params)


CRAFT_CONVS = {1: (0, 3, 7, 10), 2: (14, 17), 3: (20, 24, 27), 4: (30, 34, 37)}


def as_craft(params):
    """The layout of CRAFT's file: twelve of the convolutions in four slices, two of its own, and its decoder."""
    slices = {index: f"basenet.slice{number}." for number, convs in CRAFT_CONVS.items() for index in convs}
    slices |= {index + 1: place for index, place in slices.items()}
    found = {}
    for name, value in params.items():
        _, index, part = name.split(".")
        if int(index) in slices and name.startswith("features."):
            found[f"{slices[int(index)]}{index}.{part}"] = value
    return found | {"basenet.slice5.1.weight": np.ones(2), "upconv1.conv.0.weight": np.ones(2)}


def test_the_backbone_of_craft_is_torchvisions_without_the_last_convolution():
    params = random_torchvision(np.random.default_rng(0))
    found = backbone_only(as_craft(params))
    expected = torchvision_vgg16_bn(params)
    assert sorted(found) == sorted(name for name in expected if "conv5_3" not in name)
    for name, value in found.items():
        np.testing.assert_array_equal(value, expected[name])
    assert missing_backbone_layers(found) == ["conv5_3"]
    assert missing_backbone_layers(expected) == []
    assert "12 of 13 convolutions" in describe_backbone("craft.pth", ["conv5_3"])


def test_a_craft_of_another_layout_is_refused_by_name():
    craft = as_craft(random_torchvision(np.random.default_rng(0)))
    with pytest.raises(CheckpointFormatError, match=r"basenet\.slice2\.15\.running_mean is missing"):
        backbone_only({name: value for name, value in craft.items() if name != "basenet.slice2.15.running_mean"})
    with pytest.raises(CheckpointFormatError, match=r"basenet\.slice3\.22\.weight is no part of CRAFT on VGG16-BN"):
        backbone_only(craft | {"basenet.slice3.22.weight": np.ones(1)})
