import collections
import io
import json
import os
import pickle
import zipfile

import mindspore as ms
import numpy as np
import pytest
from training_stand_in import Net

from src.common.options import OptionError
from src.weights import torch_file
from src.weights.weights_file import WeightsError, load_weights, read_weights, save_weights

PARAMS = {
    "conv.weight": np.random.default_rng(0).standard_normal((4, 3, 3, 3)).astype(np.float32),
    "norm.bias": np.arange(4, dtype=np.float32),
}


def torch_zip(path, pickled, members):
    """A zip as torch.save makes it, around any pickle."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/byteorder", "little")
        for key, content in members.items():
            archive.writestr(f"archive/data/{key}", content)


class FakeGlobal:
    """Pickles as a call of `module.name`, which need not exist here."""

    def __init__(self, module, name, *arguments):
        self.target = (module, name, arguments)


class TorchPickler(pickle._Pickler):
    """Writes tensors as torch does, without torch."""

    def save(self, obj, save_persistent_id=True):
        if isinstance(obj, FakeGlobal):
            module, name, arguments = obj.target
            self.write(pickle.GLOBAL + f"{module}\n{name}\n".encode())
            if arguments:
                self.save(arguments)
                self.write(pickle.REDUCE)
        else:
            super().save(obj, save_persistent_id)

    def persistent_id(self, obj):
        return obj[1:] if isinstance(obj, tuple) and obj[:1] == ("PERSISTENT",) else None


def pickled(obj):
    buffer = io.BytesIO()
    TorchPickler(buffer, 2).dump(obj)
    return buffer.getvalue()


def tensor(key, shape, kind="FloatStorage", *, offset=0, stride=None, count=None):
    strides = stride or tuple(int(np.prod(shape[i + 1 :])) for i in range(len(shape)))
    count = int(np.prod(shape)) if count is None else count
    storage = ("PERSISTENT", "storage", FakeGlobal("torch", kind), key, "cpu", count)
    arguments = (storage, offset, shape, strides, False, collections.OrderedDict())
    return FakeGlobal("torch._utils", "_rebuild_tensor_v2", *arguments)


def hand_made_pth(path):
    state = {f"module.{name}": tensor(str(i), array.shape) for i, (name, array) in enumerate(PARAMS.items())}
    torch_zip(
        path,
        pickled({"epoch": 3, "state_dict": state}),
        {str(i): array.tobytes() for i, array in enumerate(PARAMS.values())},
    )


def same(params):
    assert set(params) == set(PARAMS)
    for name, array in PARAMS.items():
        np.testing.assert_array_equal(params[name], array)


def test_ckpt(tmp_path):
    save_weights(PARAMS, tmp_path / "a.ckpt")
    same(read_weights(tmp_path / "a.ckpt"))


def test_npz(tmp_path):
    np.savez(tmp_path / "a.npz", **PARAMS)
    same(read_weights(tmp_path / "a.npz"))


def test_npz_with_objects_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.array([print, None], object))
    with pytest.raises(WeightsError, match="plain arrays"):
        read_weights(tmp_path / "a.npz")


def test_safetensors(tmp_path):
    numpy_api = pytest.importorskip("safetensors.numpy")
    numpy_api.save_file(PARAMS, tmp_path / "a.safetensors", metadata={"format": "pt"})
    same(read_weights(tmp_path / "a.safetensors"))


@pytest.mark.parametrize(
    "header",
    [
        {"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 12]}},
        {"a": {"dtype": "F32", "shape": [4], "data_offsets": [8, 24]}},
        {"a": {"dtype": "F32", "shape": [-4], "data_offsets": [0, 16]}},
        {"a": {"dtype": "Q4", "shape": [4], "data_offsets": [0, 16]}},
        {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}},
        {"a": {"dtype": "F32", "shape": [1] * 99 + [4], "data_offsets": [0, 16]}},
        {"a": {"dtype": "F32", "shape": [0, 2**62, 2**40], "data_offsets": [0, 0]}},
        {f"{'a' * 90}{number}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for number in range(60_000)},
        {"a": 1},
        [],
    ],
    ids=lambda header: str(header)[:40],
)
def test_safetensors_whose_header_lies(tmp_path, header):
    text = json.dumps(header).encode()
    (tmp_path / "a.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + bytes(16))
    with pytest.raises(WeightsError, match="safetensors"):
        read_weights(tmp_path / "a.safetensors")


def test_pth_without_torch(tmp_path):
    hand_made_pth(tmp_path / "a.pth")
    same(read_weights(tmp_path / "a.pth"))


@pytest.mark.parametrize("as_zip", [True, False], ids=["zip", "before 1.6"])
def test_pth_of_torch(tmp_path, as_zip):
    torch = pytest.importorskip("torch")
    base = torch.arange(24.0).reshape(4, 6)
    state = {
        "float": base,
        "transposed": base.t()[1:3],
        "offset": base[2, 1:],
        "half": base.half(),
        "brain": base.bfloat16(),
        "long": torch.tensor(5),
        "parameter": torch.nn.Parameter(torch.ones(2)),
        "flag": torch.tensor([True, False]),
        "empty": torch.zeros(0, 3),
    }
    torch.save({"state_dict": state, "best": 0.5}, tmp_path / "a.pth", _use_new_zipfile_serialization=as_zip)
    params = read_weights(tmp_path / "a.pth")
    assert set(params) == set(state)
    for name, value in state.items():
        expected = value.detach().float().numpy()
        np.testing.assert_array_equal(params[name], expected)
        assert params[name].shape == expected.shape


class Malicious:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("wrap", ["zip", "before 1.6"])
def test_a_malicious_pickle_does_not_run(tmp_path, wrap):
    target = tmp_path / "made by the pickle"
    payload = pickle.dumps({"state_dict": Malicious(str(target))}, 2)
    path = tmp_path / "a.pth"
    if wrap == "zip":
        torch_zip(path, payload, {})
    else:
        head = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}]
        path.write_bytes(b"".join(pickle.dumps(part, 2) for part in head) + payload)
    with pytest.raises(WeightsError, match=r"refused.*mkdir"):
        read_weights(path)
    assert not target.exists()


@pytest.mark.parametrize(
    "forged",
    [
        tensor("0", (108,), offset=1),
        tensor("0", (100,), stride=(2,)),
        tensor("0", (-1,)),
        tensor("0", (4,), count=10**9),
        tensor("0", (108,), kind="DoubleStorage"),
        tensor("9", (4,)),
        tensor("0", (2**40,), stride=(0,)),
        tensor("0", (1,) * 100),
        tensor("0", (1,) * 33, stride=(2**62,) * 33),
        tensor("0", (2**63, 2)),
        tensor("0", (2, 2), stride=(2**62, 2**62)),
        tensor("0", (108,), offset=-(2**70)),
        tensor("0", (4,), stride=(1, 1)),
        [tensor("0", (108,)) for _ in range(5)],  # five times what the file holds
        FakeGlobal("torch", "FloatTensor", 3),
        FakeGlobal("builtins", "eval", "1"),
    ],
)
def test_pth_whose_tensor_lies(tmp_path, forged):
    torch_zip(tmp_path / "a.pth", pickled({"a": forged}), {"0": PARAMS["conv.weight"].tobytes()})
    with pytest.raises(WeightsError):
        read_weights(tmp_path / "a.pth")


def laughing(levels, container):
    """A container that holds one other ten times, and so on: few bytes for 10^levels places."""
    inner = container([])
    for _ in range(levels):
        inner = container([inner] * 10)
    return inner


@pytest.mark.parametrize("container", [list, tuple, lambda items: dict(enumerate(items))])
@pytest.mark.parametrize("as_zip", [True, False])
def test_containers_that_are_shared_are_looked_into_once(tmp_path, container, as_zip):
    content = pickled({"a": laughing(60, container), "b": tensor("0", (108,))})
    storage = PARAMS["conv.weight"].tobytes()
    if as_zip:
        torch_zip(tmp_path / "a.pth", content, {"0": storage})
    else:
        head = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}]
        head = b"".join(pickle.dumps(part, 2) for part in head)
        count = (108).to_bytes(8, "little")
        (tmp_path / "a.pth").write_bytes(head + content + pickle.dumps(["0"], 2) + count + storage)
    assert list(read_weights(tmp_path / "a.pth")) == ["b"]


def test_a_container_in_itself_and_millions_of_items_are_refused(tmp_path, monkeypatch):
    assert torch_file._MOST_ITEMS == 1_000_000
    monkeypatch.setattr(torch_file, "_MOST_ITEMS", 10_000)  # building a million takes longer than refusing it
    itself = []
    itself.append(itself)
    many = [[] for _ in range(100)]
    many = [[*many, number] for number in range(110)]
    for content in ({"a": itself, "b": tensor("0", (108,))}, {"a": many, "b": tensor("0", (108,))}):
        torch_zip(tmp_path / "a.pth", pickled(content), {"0": PARAMS["conv.weight"].tobytes()})
        with pytest.raises(WeightsError, match="damaged"):
            read_weights(tmp_path / "a.pth")


def test_a_pickle_that_numbers_its_memory_from_billions_is_refused(tmp_path):
    """Python takes eight bytes for every number below the largest one."""
    content = b"\x80\x02}r" + (2**31 - 1).to_bytes(4, "little") + b"."
    torch_zip(tmp_path / "a.pth", content, {})
    with pytest.raises(WeightsError, match="remembers item 2147483647"):
        read_weights(tmp_path / "a.pth")


def test_members_that_share_their_bytes_do_not_multiply(tmp_path):
    """Every entry of the zip's directory points to the same bytes."""
    content = PARAMS["conv.weight"].tobytes()
    torch_zip(tmp_path / "a.pth", pickled({f"p{n}": tensor(str(n), (108,)) for n in range(3)}), {"0": content})
    with zipfile.ZipFile(tmp_path / "a.pth", "a") as archive:
        first = archive.getinfo("archive/data/0")
        for number in (1, 2):
            other = zipfile.ZipInfo(f"archive/data/{number}")
            for field in ("file_size", "compress_size", "header_offset", "CRC"):
                setattr(other, field, getattr(first, field))
            archive.filelist.append(other)
            archive.NameToInfo[other.filename] = other
        archive._didModify = True
    with pytest.raises(WeightsError):
        read_weights(tmp_path / "a.pth")


def test_an_npz_that_unpacks_to_gigabytes_is_refused_before_it_does(tmp_path):
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("x.npy", "w") as member:
        for _ in range(600):
            member.write(bytes(2**20))
    assert path.stat().st_size < 2**20
    with pytest.raises(WeightsError, match="629145600 bytes when unpacked"):
        read_weights(path)


@pytest.mark.parametrize("kind", [".ckpt", ".npz", ".pth"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused_by_name(tmp_path, kind, value):
    bad = PARAMS["conv.weight"].copy()
    bad.flat[7] = value
    path = tmp_path / f"a{kind}"
    if kind == ".ckpt":
        save_weights({"good": PARAMS["conv.weight"], "conv.weight": bad}, path)
    elif kind == ".npz":
        np.savez(path, **{"good": PARAMS["conv.weight"], "conv.weight": bad})
    else:
        torch_zip(path, pickled({"conv.weight": tensor("0", (108,))}), {"0": bad.tobytes()})
    with pytest.raises(WeightsError, match=r"conv\.weight has values that are not finite"):
        read_weights(path)


NO_WEIGHTS = {
    "text": (np.array(["1.5", "x"]), r"has values of type str96; real numbers are accepted"),
    "complex": (np.ones(2, np.complex64), "has values of type complex64"),
    "fields": (np.zeros(2, [("a", "f4")]), "has values of type void32"),
    "dates": (np.zeros(2, "M8[s]"), r"has values of type datetime64\[s\]"),
    "large": (np.array([1, -1e300]), r"has values that are too large for float32 \(1e\+300\)"),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", NO_WEIGHTS)
def test_what_float32_cannot_hold_is_refused_by_name(tmp_path, kind):
    bad, reason = NO_WEIGHTS[kind]
    np.savez(tmp_path / "a.npz", good=PARAMS["conv.weight"], bad=bad)
    with pytest.raises(WeightsError, match=f"parameter bad {reason}"):
        read_weights(tmp_path / "a.npz")


@pytest.mark.parametrize("name", ["norm.moving_variance", "norm.running_var"])
def test_a_variance_below_zero_is_refused(tmp_path, name):
    save_weights({name: np.array([1, -0.5], np.float32)}, tmp_path / "a.ckpt")
    with pytest.raises(WeightsError, match=rf"{name} has values below zero \(-0.5\)"):
        read_weights(tmp_path / "a.ckpt")


def make(kind, path):
    if kind == ".ckpt":
        save_weights(PARAMS, path)
    elif kind == ".npz":
        np.savez(path, **PARAMS)
    elif kind == ".safetensors":
        pytest.importorskip("safetensors.numpy").save_file(PARAMS, path)
    else:
        hand_made_pth(path)


@pytest.mark.parametrize("kind", [".ckpt", ".npz", ".safetensors", ".pth"])
@pytest.mark.parametrize("damage", ["empty", "half", "noise", "folder", "missing"])
def test_damage_is_one_line_with_the_path(tmp_path, kind, damage):
    path = tmp_path / f"a{kind}"
    if damage == "folder":
        path.mkdir()
    elif damage != "missing":
        make(kind, path)
        data = path.read_bytes()
        path.write_bytes({"empty": b"", "half": data[: len(data) // 2], "noise": b"\x93" * 500}[damage])
    with pytest.raises(WeightsError) as caught:
        read_weights(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, OptionError) == (damage in ("folder", "missing"))


def test_unknown_suffix_names_the_known_ones(tmp_path):
    with pytest.raises(WeightsError, match=r"\.h5 is not one of .*\.safetensors"):
        read_weights(tmp_path / "a.h5")


def test_a_file_without_parameters(tmp_path):
    torch_zip(tmp_path / "a.pth", pickled({"epoch": 3}), {})
    with pytest.raises(WeightsError, match="no parameters"):
        read_weights(tmp_path / "a.pth")


@pytest.fixture
def nets(graph_mode):
    return Net


def arrays_of(net):
    return {name: param.asnumpy().copy() for name, param in net.parameters_and_names()}


def test_save_and_load_a_network(tmp_path, nets):
    source, target = nets(), nets()
    source.conv.weight.set_data(source.conv.weight * 2)
    save_weights(source, tmp_path / "net.ckpt")
    load_weights(target, read_weights(tmp_path / "net.ckpt"))
    for name, array in arrays_of(source).items():
        np.testing.assert_array_equal(arrays_of(target)[name], array)


def test_one_dict_in_two_networks_does_not_tie_them(nets):
    params = arrays_of(nets())
    first, second = nets(), nets()
    load_weights(first, params)
    load_weights(second, params)
    ms.ops.assign(first.dense.bias, ms.Tensor(np.full(4, 9, np.float32)))
    assert first.dense.bias.asnumpy()[0] == 9
    assert second.dense.bias.asnumpy()[0] == 0
    assert params["dense.bias"][0] == 0


def test_half_precision_goes_into_float32(nets):
    net = nets()
    load_weights(net, {name: array.astype(np.float16) for name, array in arrays_of(net).items()})
    assert all(array.dtype == np.float32 for array in arrays_of(net).values())


def test_a_file_that_does_not_fit_changes_nothing_and_names_all(nets):
    net = nets()
    before = arrays_of(net)
    params = {name: array + 1 for name, array in before.items()}
    del params["conv.weight"]
    params["dense.weight"] = np.zeros((5, 8), np.float32)
    params["head.weight"] = np.zeros(3, np.float32)
    with pytest.raises(WeightsError) as caught:
        load_weights(net, params)
    message = str(caught.value)
    assert "missing in the file: conv.weight" in message
    assert "not in the network: head.weight" in message
    assert "dense.weight (file (5, 8), network (4, 8))" in message
    for name, array in arrays_of(net).items():
        np.testing.assert_array_equal(array, before[name])


def test_allowed_differences(nets):
    net = nets()
    params = {"conv.weight": arrays_of(net)["conv.weight"] * 3}
    load_weights(net, params, allow_missing=["norm.", "dense."])
    np.testing.assert_array_equal(arrays_of(net)["conv.weight"], params["conv.weight"])
    with pytest.raises(WeightsError, match=r"norm\.gamma"):
        load_weights(net, params, allow_missing=["dense."])
