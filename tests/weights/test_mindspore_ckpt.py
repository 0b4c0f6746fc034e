import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.common.errors import UserError
from src.weights.mindspore_ckpt import decode, encode

DTYPES = ["float32", "float16", "float64", "int32", "int64", "uint8", "int8", "bool", "uint16"]


def some_params():
    rng = np.random.default_rng(0)
    return {
        "conv.weight": rng.standard_normal((4, 3, 3, 3)).astype(np.float32),
        "norm.gamma": rng.standard_normal(4).astype(np.float16),
        "step": np.int32(7),
        "counts": np.arange(300, dtype=np.int64).reshape(2, 150),
        "empty": np.zeros((0, 3), np.float32),
        "名": np.array([True, False]),
    }


def same(a, b):
    assert list(a) == list(b)
    for name in a:
        assert a[name].dtype == b[name].dtype
        assert a[name].shape == b[name].shape
        np.testing.assert_array_equal(a[name], b[name])


def test_round_trip():
    same(decode(b"".join(encode(some_params()))), some_params())


def test_pieces_of_a_large_parameter_are_joined(monkeypatch):
    monkeypatch.setattr("src.weights.mindspore_ckpt._CHUNK_BYTES", 100)
    data = b"".join(encode(some_params()))
    assert data.count(b"counts") > 10
    same(decode(data), some_params())


def test_mindspore_reads_what_we_write(tmp_path):
    ms = pytest.importorskip("mindspore")
    params = {name: array for name, array in some_params().items() if array.size}
    (tmp_path / "ours.ckpt").write_bytes(b"".join(encode(params)))
    loaded = ms.load_checkpoint(str(tmp_path / "ours.ckpt"), crc_check=True)
    same({name: value.asnumpy() for name, value in loaded.items()}, params)


@pytest.mark.parametrize("crc_check", [False, True])
def test_we_read_what_mindspore_writes(tmp_path, crc_check):
    ms = pytest.importorskip("mindspore")
    params = {name: np.asarray(array) for name, array in some_params().items() if array.size}
    saved = [{"name": name, "data": ms.Tensor(array)} for name, array in params.items()]
    saved.append({"name": "brain", "data": ms.Tensor([1.5, -2.0], ms.bfloat16)})
    path = tmp_path / "theirs.ckpt"
    ms.save_checkpoint(saved, str(path), crc_check=crc_check, append_dict={"note": "text"})
    same(decode(path.read_bytes()), {**params, "brain": np.array([1.5, -2.0], np.float32)})


def test_every_flipped_byte_is_noticed():
    data = b"".join(encode({"a": np.arange(3, dtype=np.float32), "b": np.int32(1)}))
    for position in range(len(data)):
        damaged = bytearray(data)
        damaged[position] ^= 0x10
        with pytest.raises(UserError):
            decode(bytes(damaged))


def test_every_truncation_is_noticed_or_loses_whole_parameters():
    params = {"a": np.arange(3, dtype=np.float32), "b": np.int32(1)}
    data = b"".join(encode(params))
    accepted = []
    for length in range(1, len(data)):
        try:
            accepted.append(list(decode(data[:length])))
        except UserError:
            continue
    # Cut exactly between parameters, a file looks like one without checksum; loading it strictly names the rest.
    assert accepted == [["a"], ["a", "b"]]


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_noise_gives_a_user_error_or_a_dict(data):
    with contextlib.suppress(UserError):
        assert isinstance(decode(data), dict)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_type(dtype):
    params = {"x": np.array([0, 1, 1], dtype)}
    same(decode(b"".join(encode(params))), params)


def test_a_type_without_a_name_is_refused():
    with pytest.raises(UserError, match="complex"):
        list(encode({"x": np.zeros(2, np.complex64)}))
