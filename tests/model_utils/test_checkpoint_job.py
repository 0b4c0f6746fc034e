"""The network of a job is that of its checkpoint, also where keys of that network alone are given."""

import numpy as np
import pytest

pytest.importorskip("mindspore")

from src.common.options import OptionError
from src.model_utils.checkpoint_job import checkpoint_job
from src.weights.mindspore_ckpt import encode

KEY = "checkpoint_path"


def job(monkeypatch, *arguments):
    monkeypatch.setattr("sys.argv", ["eval.py", "--device_target=CPU", *arguments])
    with checkpoint_job(KEY) as found:
        return found.config


@pytest.fixture
def crnn(tmp_path):
    file = tmp_path / "words.ckpt"
    file.write_bytes(b"".join(encode({"cnn.conv0.weight": np.zeros((2, 1, 3, 3), np.float32)})))
    return file


def test_keys_of_the_checkpoints_own_network_are_taken(monkeypatch, crnn, capsys):
    """`eval.py --checkpoint_path crnn.ckpt --lmdb_root DIR` knew neither lmdb_root nor eval_lmdb."""
    config = job(monkeypatch, f"--{KEY}={crnn}", "--lmdb_root=words", "--eval_lmdb=[t]")
    assert config.network == "crnn" and config.lmdb_root == "words" and config.eval_lmdb == ("t",)
    assert "network crnn, which" in capsys.readouterr().out


def test_keys_that_neither_network_has_are_an_error_of_the_first(monkeypatch, crnn):
    for arguments in (
        [f"--{KEY}={crnn}", "--lmdb_roo=x"],
        ["--lmdb_root=words"],
        ["--network=ctpn", "--lmdb_root=w"],
    ):
        with pytest.raises(OptionError, match="lmdb_roo"):
            job(monkeypatch, *arguments)
