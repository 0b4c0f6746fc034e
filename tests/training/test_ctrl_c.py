"""One Ctrl-C in a real training, as a terminal sends it: to the whole process group."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("mindspore")

from tiny_detection import HEIGHT, WIDTH, make_entries, write_set

ROOT = Path(__file__).resolve().parents[2]


def test_ctrl_c_is_told_from_a_scheduler(tmp_path):
    """MindSpore turns SIGINT into SIGTERM while a graph runs, which is nearly always."""
    record = write_set(tmp_path, make_entries({f"{n}.png": (64, 96) for n in range(8)}), "ctpn_pretrain.mindrecord")
    command = [
        sys.executable,
        str(ROOT / "train.py"),
        "--pretraining_dataset_file",
        str(record),
        "--device_target",
        "CPU",
        "--img_height",
        str(HEIGHT),
        "--img_width",
        str(WIDTH),
        "--backbone_width",
        "0.0625",
        "--batch_size",
        "2",
        "--pre_total_epoch",
        "100000",
        "--save_checkpoint_path",
        str(tmp_path / "out"),
        "--pre_trained",
        "",
    ]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as process:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "step" in line:
                break
        deadline = time.monotonic() + 60
        while not any(file.stat().st_size for file in (tmp_path / "out").rglob("metrics.jsonl")):
            assert time.monotonic() < deadline, "".join(lines)  # before the first step a signal ends the run at once
            time.sleep(0.1)
        os.killpg(process.pid, signal.SIGINT)
        rest, _ = process.communicate(timeout=120)
    assert process.returncode == 130, "".join(lines) + rest
    assert "stopped by SIGINT" in rest and list((tmp_path / "out" / "ckpt_0").glob("*.ckpt"))
