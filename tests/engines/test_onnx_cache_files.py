"""Whatever lies where the ONNX cache looks: the file is made anew, or one error says why it cannot be."""

import os

import numpy as np
import pytest

from src.common.errors import UserError
from src.engines import onnx_cache
from src.engines.onnx_cache import cache_state, onnx_file
from src.weights import mindspore_ckpt
from src.weights.network_weights import find_weights

CONTENT = b"an ONNX file"


@pytest.fixture
def weights(tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_cache, "onnx_bytes", lambda _: CONTENT)
    path = tmp_path / "crnn.ckpt"
    path.write_bytes(b"".join(mindspore_ckpt.encode({"a": np.zeros(3, np.float32)})))
    return lambda: find_weights(path, "crnn", "crnn_weights")


def sparse(path):
    with open(path, "wb") as file:
        file.truncate(60 << 30)


def pipe(path):
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def dangling(path):
    path.unlink(missing_ok=True)
    path.symlink_to("nowhere")


KINDS = {
    "empty": lambda path: path.write_bytes(b""),
    "other bytes": lambda path: path.write_bytes(b"\xff\xfe" * 40),
    "sparse": sparse,
    "pipe": pipe,
    "link to nowhere": dangling,
}


@pytest.mark.parametrize("suffix", [".onnx", ".sha256"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_as_written_is_made_anew(weights, tmp_path, kind, suffix):
    path = onnx_file(weights(), tmp_path / "cache")
    assert cache_state(weights(), tmp_path / "cache").endswith("as it was written")
    KINDS[kind](path.with_suffix(suffix))
    assert not cache_state(weights(), tmp_path / "cache").endswith(", as it was written")
    assert onnx_file(weights(), tmp_path / "cache").read_bytes() == CONTENT
    opened = weights()
    assert onnx_file(opened, tmp_path / "cache") == path
    assert opened.notes == []  # that it was made anew is said once


@pytest.mark.parametrize("kind", ["sparse", "pipe", "link to nowhere", "other bytes"])
def test_notes_that_are_none_cost_nothing(weights, tmp_path, kind):
    path = onnx_file(weights(), tmp_path / "cache")
    KINDS[kind](path.with_suffix(".notes.txt"))
    opened = weights()
    assert onnx_file(opened, tmp_path / "cache") == path
    assert all(len(note) <= 300 and note.isprintable() for note in opened.notes)


@pytest.mark.parametrize("suffix", [".onnx", ".sha256"])
def test_a_folder_in_the_place_of_a_file_is_one_error(weights, tmp_path, suffix):
    path = onnx_file(weights(), tmp_path / "cache")
    path.with_suffix(suffix).unlink()
    path.with_suffix(suffix).mkdir()
    with pytest.raises(UserError, match="cache_dir: cannot write"):
        onnx_file(weights(), tmp_path / "cache")


def test_the_file_of_other_weights_is_not_taken(weights, tmp_path, monkeypatch):
    path = onnx_file(weights(), tmp_path / "cache")
    (tmp_path / "crnn.ckpt").write_bytes(b"".join(mindspore_ckpt.encode({"a": np.ones(3, np.float32)})))
    monkeypatch.setattr(onnx_cache, "onnx_bytes", lambda _: b"another")
    other = onnx_file(weights(), tmp_path / "cache")
    for suffix in (".onnx", ".sha256"):
        path.with_suffix(suffix).replace(other.with_suffix(suffix))
    assert onnx_file(weights(), tmp_path / "cache").read_bytes() == b"another"


def test_what_a_killed_process_left_is_cleared(weights, tmp_path):
    left = tmp_path / "cache" / f".crnn.{'0' * 32}.tmp"
    left.parent.mkdir()
    left.write_bytes(b"half")
    os.utime(left, (1, 1))
    onnx_file(weights(), tmp_path / "cache")
    assert not left.exists()


def test_weights_of_absurd_size_are_refused_at_once(tmp_path):
    sparse(tmp_path / "crnn.ckpt")
    with pytest.raises(UserError, match="too large"):
        find_weights(tmp_path / "crnn.ckpt", "crnn", "crnn_weights")
