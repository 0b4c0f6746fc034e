"""Two processes on one machine train as one."""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from program_environment import program_environment
from training_stand_in import run

SCRIPT = Path(__file__).resolve().parents[1] / "training_stand_in.py"
MSRUN = Path(sys.executable).with_name("msrun")


def launch(folder):
    """The output of both ranks."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        str(MSRUN),
        "--worker_num=2",
        "--local_worker_num=2",
        f"--master_port={port}",
        "--join=True",
        f"--log_dir={folder / 'log'}",
        str(SCRIPT),
        str(folder),
        "ranks",
    ]
    # msrun starts the first "python" on the path.
    environment = program_environment(PATH=f"{MSRUN.parent}{os.pathsep}{os.environ['PATH']}")
    subprocess.run(command, capture_output=True, timeout=300, check=True, env=environment)
    return [(folder / "log" / f"worker_{rank}.log").read_text() for rank in (0, 1)]


def steps(folder):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [(line["global_step"], line["loss"], line["lr"], line["grad_norm"]) for line in lines]


@pytest.mark.slow
@pytest.mark.usefixtures("graph_mode")
@pytest.mark.skipif(not MSRUN.exists(), reason="msrun is not installed")
def test_ranks_average_stay_equal_and_stop_together(tmp_path):
    logs = launch(tmp_path)
    for log in logs:
        assert "not finite at epoch 1 step 3 (step 3 of the training): gradient norm = nan" in log
    ends = [re.search(r"weights (\S+) stopped by (.+), step (\d+)", log).groups() for log in logs]
    assert ends[0][0] == ends[1][0]
    assert [end[1:] for end in ends] == [("another rank", "7"), ("SIGTERM", "7")]

    stopped = tmp_path / "stopped"
    assert sorted(path.name for path in stopped.iterdir() if path.name != "tensorboard") == [
        "ckpt_0",
        "loss_0.log",
        "loss_1.log",
        "metrics.jsonl",
    ]
    # Both ranks saw the same batches, so the mean of their gradients is that of one process.
    run(tmp_path / "alone", 2)
    assert len(steps(stopped)) == 4
    for ours, alone in zip(steps(stopped), steps(tmp_path / "alone"), strict=False):
        assert ours == pytest.approx(alone, rel=1e-6)
