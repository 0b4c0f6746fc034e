"""The converter: exact both ways, the published networks reproduced, and what does not fit is refused by name."""

import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from golden_weights import golden_weight

from src.common.errors import UserError
from src.weights.formats import read_weights
from src.weights.mindspore_ckpt import encode

torch = pytest.importorskip("torch")

from pytorch import convert
from pytorch.convert import convert_file, from_mindspore, to_mindspore
from pytorch.crnn import Crnn
from pytorch.ctpn import Ctpn
from src.weights.array_shapes import parameter_shapes

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "data"
SIZES = {
    "crnn": {"c0": 8, "c1": 16, "c2": 32, "c3": 32, "c4": 64, "c5": 64, "c6": 64, "h": 32, "classes": 12},
    "ctpn": {"s1": 8, "s2": 16, "s3": 32, "s4": 64, "s5": 64, "f": 64, "h": 16, "anchors": 3},
}


def resolved(size, network):
    if isinstance(size, int):
        return size
    factor, _, letter = size.rpartition("*")
    return int(factor or 1) * SIZES[network][letter]


def make_params(network):
    """Small weights under MindSpore's names."""
    rng = np.random.default_rng(3)
    params = {}
    for name, sizes in parameter_shapes(network).items():
        shape = tuple(resolved(size, network) for size in sizes)
        params[name] = rng.standard_normal(shape).astype(np.float32)
        if name.endswith("variance"):
            params[name] = np.abs(params[name])
        params[name].flat[0] = -0.0
    return params


@pytest.fixture(params=["crnn", "ctpn"])
def network(request):
    return request.param


@pytest.fixture
def params(network):
    return make_params(network)


def pytorch_network(network):
    return Crnn(12, 0.125) if network == "crnn" else Ctpn(0.125, 3)


def same(first, second):
    """Equal names, types and bits."""
    assert first.keys() == second.keys()
    return all(
        first[name].dtype == second[name].dtype and np.array_equal(first[name].view("u1"), second[name].view("u1"))
        for name in first
    )


def test_there_and_back_is_exact(network, params):
    state = from_mindspore(params, network)
    model = pytorch_network(network)
    model.load_state_dict(state)
    assert same(to_mindspore(model.state_dict(), network), params)
    back = from_mindspore(to_mindspore(model.state_dict(), network), network)
    assert back.keys() == {name for name in model.state_dict() if not name.endswith("num_batches_tracked")}
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in back.items())


def test_what_was_converted_does_not_change_with_the_model(network, params):
    model = pytorch_network(network)
    model.load_state_dict(from_mindspore(params, network))
    converted = to_mindspore(model.state_dict(), network)
    with torch.no_grad():
        for value in model.state_dict().values():
            value.fill_(7)
    assert same(converted, params)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_files_there_and_back_are_exact(network, params, suffix, tmp_path):
    source, middle, back = tmp_path / "a.ckpt", tmp_path / f"b{suffix}", tmp_path / "c.ckpt"
    source.write_bytes(b"".join(encode(params)))
    said = convert_file(source, middle)
    assert network in said and str(middle) in said
    convert_file(middle, back, network=network)
    assert same(read_weights(back), params)
    if suffix == ".pth":
        state = torch.load(middle, weights_only=True)
    else:
        state = pytest.importorskip("safetensors.torch").load_file(middle)
    pytorch_network(network).load_state_dict(state)


def test_a_training_checkpoint_of_pytorch(network, params, tmp_path):
    """Weights beside other things, in the memory format that trains fastest."""
    model = pytorch_network(network)
    model.load_state_dict(from_mindspore(params, network))
    model = model.to(memory_format=torch.channels_last)
    assert same(to_mindspore(model.state_dict(), network), params)
    optimizer = {"state": {0: {"momentum_buffer": torch.ones(3)}}, "param_groups": [{"lr": 0.1, "params": [0]}]}
    source = tmp_path / "last.pth"
    torch.save({"model": model.state_dict(), "optimizer": optimizer, "step": 7}, source)
    convert_file(source, tmp_path / "a.ckpt")
    assert same(read_weights(tmp_path / "a.ckpt"), params)


@pytest.mark.parametrize("naming", ["classic", "crnn_for_pytorch"])
def test_published_crnn_namings_there_and_back(naming, tmp_path):
    params = make_params("crnn")
    (tmp_path / "a.ckpt").write_bytes(b"".join(encode(params)))
    convert_file(tmp_path / "a.ckpt", tmp_path / "b.pth", naming=naming)
    published = torch.load(tmp_path / "b.pth", weights_only=True)
    assert not published["cnn.conv4.bias"].any() and len(published["cnn.conv4.bias"]) == 64
    assert ("rnn.1.bw_rnn.bias_hh_l0" in published) == (naming == "crnn_for_pytorch")
    convert_file(tmp_path / "b.pth", tmp_path / "c.ckpt")
    assert same(read_weights(tmp_path / "c.ckpt"), params)


@pytest.mark.parametrize("naming", ["classic", "crnn_for_pytorch"])
def test_the_published_crnn_is_reproduced_at_full_size(naming):
    model = Crnn().eval()
    published = convert.published_crnn(to_mindspore(model.state_dict(), "crnn"), naming)
    published = {name: golden_weight(name, value.shape) for name, value in published.items()}
    model.load_state_dict(from_mindspore(to_mindspore(published, "crnn"), "crnn"))
    image = np.random.RandomState(0).standard_normal((2, 1, 32, 100)).astype(np.float32)
    with np.load(GOLDEN / "golden_crnn.npz") as golden, torch.inference_mode():
        np.testing.assert_allclose(model(torch.from_numpy(image)).numpy(), golden[naming], atol=1e-4)


def test_the_published_ctpn_is_reproduced_at_full_size():
    model = Ctpn().eval()
    params = to_mindspore(model.state_dict(), "ctpn")
    params = {name: golden_weight(name, value.shape) for name, value in params.items()}
    model.load_state_dict(from_mindspore(params, "ctpn"))
    image = np.random.RandomState(0).standard_normal((1, 3, 64, 96)).astype(np.float32)
    with np.load(GOLDEN / "golden_ctpn.npz") as golden, torch.inference_mode():
        for found, name in zip(model(torch.from_numpy(image)), ("score_map", "delta_map"), strict=True):
            np.testing.assert_allclose(found.numpy(), golden[name], atol=1e-4)


def test_the_other_branch_of_a_published_ctpn(tmp_path):
    params = make_params("ctpn")
    rng = np.random.default_rng(0)
    noise = {}
    for suffix in ("", "_bw"):
        noise[f"rnn.w1{suffix}"] = rng.standard_normal((64 + 16, 64)).astype(np.float32)
        noise[f"rnn.b1{suffix}"] = rng.standard_normal(64).astype(np.float32)
    (tmp_path / "a.ckpt").write_bytes(b"".join(encode(params | noise)))
    convert_file(tmp_path / "a.ckpt", tmp_path / "gpu.ckpt")
    convert_file(tmp_path / "a.ckpt", tmp_path / "ascend.pth", lstm_branch="rnn")
    assert same(read_weights(tmp_path / "gpu.ckpt"), params)
    ascend = read_weights(tmp_path / "ascend.pth")
    # gate order of DynamicRNN: i, j, f, o; of the PyTorch network: i, f, j, o
    np.testing.assert_array_equal(ascend["rnn2.weight_ih_l0"][16:32], noise["rnn.w1"][:64, 32:48].T)
    np.testing.assert_array_equal(ascend["rnn2.weight_hh_l0_reverse"][32:48], noise["rnn.w1_bw"][64:, 16:32].T)


@pytest.mark.parametrize("suffix", [".ckpt", ".pth", ".safetensors"])
def test_half_precision_keeps_vectors_and_loads_into_float32(network, params, suffix, tmp_path):
    (tmp_path / "a.ckpt").write_bytes(b"".join(encode(params)))
    half = tmp_path / f"half{suffix}"
    convert_file(tmp_path / "a.ckpt", half, half=True)
    stored = read_weights(half)
    assert all(value.dtype == (np.float32 if value.ndim == 1 else np.float16) for value in stored.values())
    assert half.stat().st_size < 0.6 * (tmp_path / "a.ckpt").stat().st_size
    rounded = {name: value if value.ndim == 1 else value.astype("f2").astype("f4") for name, value in params.items()}
    convert_file(half, tmp_path / "b.ckpt")
    assert same(read_weights(tmp_path / "b.ckpt"), rounded)


def test_values_that_bfloat16_holds(network, params, tmp_path):
    """An engine that rounds the weights to bfloat16 finds nothing to round."""
    (tmp_path / "a.ckpt").write_bytes(b"".join(encode(params)))
    convert_file(tmp_path / "a.ckpt", tmp_path / "b.ckpt", bfloat16_values=True)
    for name, value in read_weights(tmp_path / "b.ckpt").items():
        if value.ndim == 1:
            np.testing.assert_array_equal(value, params[name])
            continue
        assert not (value.view(np.uint32) & 0xFFFF).any(), "bfloat16 is the upper half of float32"
        np.testing.assert_allclose(value, params[name], rtol=2**-8, atol=0)


def test_what_bfloat16_cannot_hold_is_refused_by_name():
    arrays = {"bias": np.full(2, 3.4e38, np.float32), "kernel": np.full((2, 2), 3.4e38, np.float32)}
    with pytest.raises(UserError, match=r"kernel: holds 3\.4e\+38, more than bfloat16 can"):
        convert.rounded_to_bfloat16(arrays)


def test_half_precision_loads_into_mindspore(network, params, tmp_path):
    pytest.importorskip("mindspore")
    from src.crnn.crnn import Crnn as MindsporeCrnn
    from src.ctpn.ctpn import Ctpn as MindsporeCtpn
    from src.weights.weights_file import load_weights, network_arrays

    (tmp_path / "a.ckpt").write_bytes(b"".join(encode(params)))
    convert_file(tmp_path / "a.ckpt", tmp_path / "half.ckpt", half=True)
    cell = MindsporeCrnn(12, 0.125) if network == "crnn" else MindsporeCtpn(0.125, 3)
    load_weights(cell, read_weights(tmp_path / "half.ckpt"))
    expected = {name: value if value.ndim == 1 else value.astype("f2").astype("f4") for name, value in params.items()}
    assert same({name: network_arrays(cell)[name] for name in expected}, expected)


def without(params, name):
    return {key: value for key, value in params.items() if key != name}


CRNN_FAULTS = {
    "missing": (lambda p: without(p, "cnn.conv3.bias"), r"missing cnn\.conv3\.bias"),
    "unexpected": (lambda p: p | {"extra.weight": np.zeros(3, "f4")}, r"not understood extra\.weight"),
    "shape": (
        lambda p: p | {"cnn.conv3.weight": np.zeros((32, 31, 3, 3), "f4")},
        r"cnn\.conv3\.weight is \(32, 31, 3, 3\), the other parameters want \(32, 32, 3, 3\)",
    ),
    "dimensions": (lambda p: p | {"cnn.conv3.bias": np.zeros((32, 1), "f4")}, r"conv3\.bias .* has 2 dimensions"),
    "nan": (
        lambda p: p | {"cnn.conv3.bias": np.full(32, np.nan, "f4")},
        r"cnn\.conv3\.bias has values that are not finite",
    ),
    "gates": (
        lambda p: p | {"rnn.0.rnn.weight_hh_l0": np.zeros((64, 32), "f4")},
        r"rnn\.0\.rnn\.weight_hh_l0 is \(64, 32\), .* \(128, 32\)",
    ),
    "neither": (lambda p: {"fc.weight": np.zeros((3, 3), "f4")}, r"neither CRNN nor CTPN weights: found fc\.weight"),
    "ctpn": (lambda p: make_params("ctpn"), "holds ctpn weights, not those of the crnn"),
}


@pytest.mark.parametrize("fault", CRNN_FAULTS)
@pytest.mark.parametrize("suffix", [".ckpt", ".pth"])
def test_what_does_not_fit_is_named_and_nothing_is_written(fault, suffix, tmp_path):
    spoil, message = CRNN_FAULTS[fault]
    good = make_params("crnn")
    source = tmp_path / f"a{suffix}"
    if suffix == ".ckpt":
        source.write_bytes(b"".join(encode(spoil(good))))
    else:
        state = {name: value.numpy() for name, value in from_mindspore(good, "crnn").items()}
        torch.save({name: torch.from_numpy(value) for name, value in spoil(state).items()}, source)
    with pytest.raises(UserError, match=message) as caught:
        convert_file(source, tmp_path / "out.ckpt", network="crnn")
    assert str(source) in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "out.ckpt").exists()


def test_a_missing_kernel_in_the_pytorch_naming():
    state = from_mindspore(make_params("crnn"), "crnn")
    del state["cnn.conv4.weight"]
    with pytest.raises(UserError, match=r"missing .*cnn\.conv4\.weight"):
        to_mindspore(state, "crnn")


def test_a_published_bias_of_another_size():
    published = convert.published_crnn(make_params("crnn"))
    published["cnn.conv4.bias"] = np.zeros(1, np.float32)
    with pytest.raises(UserError, match=r"cnn\.conv4\.bias is \(1,\), its convolution wants \(64,\)"):
        to_mindspore(published, "crnn")


def test_ctpn_faults_are_named():
    params = make_params("ctpn")
    with pytest.raises(UserError, match=r"rpn_reg\.weight is \(8, 64\), the other parameters want \(12, 64\)"):
        from_mindspore(params | {"rpn_with_loss.rpn_convs_list.rpn_reg.weight": np.zeros((8, 64), "f4")}, "ctpn")
    with pytest.raises(UserError, match=r"missing conv\.weight"):
        to_mindspore(without(params, "conv.weight"), "ctpn")
    backbone = {name: value for name, value in params.items() if name.startswith("vgg16")}
    with pytest.raises(UserError, match="neither rnn2"):
        to_mindspore(backbone, "ctpn")


def test_more_than_float16_holds_is_refused(network, params, tmp_path):
    name = next(name for name, value in params.items() if value.ndim > 1)
    params[name].flat[5] = 7e4
    (tmp_path / "a.ckpt").write_bytes(b"".join(encode(params)))
    with pytest.raises(UserError, match=f"{name}: holds 70000"):
        convert_file(tmp_path / "a.ckpt", tmp_path / "b.ckpt", half=True)
    assert not (tmp_path / "b.ckpt").exists()


@pytest.mark.parametrize(
    ("target", "options", "message"),
    [
        ("b.onnx", {}, r"\.onnx is not one of \.ckpt, \.pth"),
        ("b", {}, "no suffix"),
        ("b.pth", {"naming": "classic"}, "naming classic: is for CRNN"),
    ],
)
def test_targets_that_cannot_be(target, options, message, tmp_path):
    (tmp_path / "a.ckpt").write_bytes(b"".join(encode(make_params("ctpn"))))
    with pytest.raises(UserError, match=message):
        convert_file(tmp_path / "a.ckpt", tmp_path / target, **options)


def test_a_naming_is_not_for_checkpoints_of_mindspore(tmp_path):
    (tmp_path / "a.ckpt").write_bytes(b"".join(encode(make_params("crnn"))))
    with pytest.raises(UserError, match="naming classic"):
        convert_file(tmp_path / "a.ckpt", tmp_path / "b.ckpt", naming="classic")


def test_the_command_needs_no_mindspore(tmp_path):
    """Every module of pytorch/ loads, and the command works, where MindSpore is not installed."""
    (tmp_path / "a.ckpt").write_bytes(b"".join(encode(make_params("crnn"))))
    program = f"""
import runpy, sys
sys.modules["mindspore"] = None
sys.path.insert(0, {str(ROOT)!r})
import pytorch.crnn_loss, pytorch.ctpn_loss, pytorch.weight_init
runpy.run_path({str(ROOT / "pytorch/convert.py")!r}, run_name="__main__")
"""
    done = subprocess.run(
        [sys.executable, "-c", program, "a.ckpt", "b.safetensors", "--half"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("b.safetensors: crnn, 43 parameters in the pytorch naming, float16 matrices")
    assert (tmp_path / "b.safetensors").is_file()


def test_the_command_says_what_is_wrong_in_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["convert.py", str(tmp_path / "none.ckpt"), str(tmp_path / "b.pth")])
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(convert.__file__, run_name="__main__")
    assert caught.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and "none.ckpt" in said and said.count("\n") == 1
