"""Work that is done once a node, with the processes that a launcher starts."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from src.common.errors import UserError
from src.model_utils.node_tasks import claim, once_per_node

ROOT = Path(__file__).resolve().parents[2]


def test_a_waiting_process_learns_of_the_failure(tmp_path, monkeypatch):
    monkeypatch.setenv("RANK_SIZE", "2")

    def fail():
        raise UserError("no such bucket")

    monkeypatch.setenv("DEVICE_ID", "0")
    with pytest.raises(UserError, match="no such bucket"):
        once_per_node("inputs", fail, folder=tmp_path)
    monkeypatch.setenv("DEVICE_ID", "1")
    with pytest.raises(UserError, match="first process.*no such bucket"):
        once_per_node("inputs", lambda: None, folder=tmp_path)


def test_a_waiting_process_goes_on_when_the_first_is_done(tmp_path, monkeypatch):
    monkeypatch.setenv("RANK_SIZE", "2")
    monkeypatch.setenv("DEVICE_ID", "1")
    order = []
    waiter = threading.Thread(
        target=lambda: (once_per_node("x", lambda: order.append("wrong"), folder=tmp_path), order.append("waited"))
    )
    waiter.start()
    time.sleep(0.2)
    monkeypatch.setenv("DEVICE_ID", "0")
    once_per_node("x", lambda: order.append("copied"), folder=tmp_path)
    waiter.join(timeout=20)
    assert order == ["copied", "waited"]


def test_a_process_that_is_alone_leaves_no_marker(tmp_path, monkeypatch):
    monkeypatch.delenv("RANK_SIZE", raising=False)
    monkeypatch.setenv("DEVICE_ID", "5")
    done = []
    once_per_node("x", lambda: done.append(1), folder=tmp_path)
    assert done == [1]
    assert list(tmp_path.iterdir()) == []


def test_one_process_gets_a_task(tmp_path):
    assert [claim("x", folder=tmp_path) for _ in range(3)] == [True, False, False]
    assert claim("y", folder=tmp_path)


RANK = """
import os, sys, time
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from src.model_utils.config import load_config
from src.model_utils.moxing_adapter import modelarts_job

rank = os.environ["DEVICE_ID"]
config = load_config(sys.argv[2:])
with modelarts_job(config):
    assert Path(config.data_path, "a.txt").read_text() == "data"
    Path(config.output_path, f"loss_{rank}.log").write_text("up to here")
    if rank == "1":
        while not Path(config.output_path, "loss_0.log").exists():
            time.sleep(0.05)
        raise RuntimeError("out of memory")
    print("working", flush=True)
    time.sleep(60)
"""


def test_the_process_that_fails_brings_the_outputs_before_the_first_is_killed(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a.txt").write_text("data")
    arguments = [
        "--enable_modelarts",
        "True",
        "--data_url",
        tmp_path / "data",
        "--data_path",
        tmp_path / "in",
        "--output_path",
        tmp_path / "work",
        "--train_url",
        tmp_path / "bucket",
    ]
    (tmp_path / "tmp").mkdir()

    def start(rank):
        variables = {**os.environ, "DEVICE_ID": rank, "RANK_SIZE": "2", "TMPDIR": str(tmp_path / "tmp")}
        return subprocess.Popen(
            [sys.executable, "-c", RANK, str(ROOT), *map(str, arguments)],
            env=variables,
            stderr=subprocess.PIPE,
            text=True,
            stdout=subprocess.DEVNULL,
        )

    first, second = start("0"), start("1")
    try:
        _, said = second.communicate(timeout=60)
        assert second.returncode == 1
        assert "out of memory" in said
    finally:
        first.send_signal(signal.SIGKILL)  # as launchers do when a process has failed
        first.communicate(timeout=60)
    assert {path.name for path in (tmp_path / "bucket").iterdir()} == {"loss_0.log", "loss_1.log"}
