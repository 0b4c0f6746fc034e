"""Two processes on one machine train as one with the double batch, evaluate in shares, stop and go on.

The launches, which take most of the time, are shared: the script starts the detector's training, and a rank of it is
killed; then two processes (`rank_program.py`) go on with it, with the graphs that it compiled, train the recognizer
with a stop in between, and evaluate both.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import zipfile
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

ms = pytest.importorskip("mindspore")

from program_environment import program_environment
from rank_program import (
    EPOCHS,
    TEST_IMAGES,
    TEST_WORDS,
    detector_config,
    evaluate_both,
    kept_statistics,
    make_data,
    recognizer_config,
)

from src.evaluation import crnn as evaluate_crnn
from src.evaluation import ctpn as evaluate_ctpn
from src.model_utils.config import load_config
from src.training.train_crnn import train_crnn
from src.training.train_ctpn import train_ctpn

PROGRAM = Path(__file__).with_name("rank_program.py")
SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "run_distribute_train_cpu.sh"
SAME = {"rel": 1e-4, "abs": 1e-6}

pytestmark = pytest.mark.slow


def processes_of(folder):
    """Processes that were started in `folder`: (id, variables)."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").resolve() == folder.resolve():
                text = (process / "environ").read_bytes().decode(errors="replace")
                found.append(
                    (int(process.name), dict(item.split("=", 1) for item in text.split("\0") if "=" in item))
                )
        except OSError:
            continue
    return found


def end_all(folder):
    """After a test that went wrong."""
    for pid, _ in processes_of(folder):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def compiled(folder):
    """Variables with which MindSpore keeps compiled graphs, by the name of the program and the order within it."""
    return {"MS_COMPILER_CACHE_ENABLE": "1", "MS_COMPILER_CACHE_PATH": str(folder / "compiled")}


def metric_lines(output, event="train"):
    lines = [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]
    return [line for line in lines if line["event"] == event]


def curve(output):
    """Step and metrics that all ranks together make, of each step."""
    left_out = {"event", "images_per_s", "seconds"}
    return [{key: value for key, value in line.items() if key not in left_out} for line in metric_lines(output)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    ms.set_context(mode=ms.GRAPH_MODE)
    ms.set_device("CPU")
    place = tmp_path_factory.mktemp("two processes")
    make_data(place)
    return place


@pytest.fixture(scope="module")
def killed(folder):
    """The script's training of the detector, a rank of which is killed after the first checkpoint."""
    config, defaults = detector_config(folder, folder, 2).to_dict(), load_config([]).to_dict()
    given = {key: value for key, value in config.items() if value != defaults[key] and key != "save_checkpoint_path"}
    (folder / "my config.yaml").write_text(yaml.safe_dump(given))
    process = subprocess.Popen(
        ["bash", str(SCRIPT), "2", "Pretraining", "", "my config.yaml"],
        cwd=folder,
        env={**os.environ, **compiled(folder), "PYTHON": sys.executable},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        first = folder / "train_parallel0" / "ckpt_0" / "ctpn-1_3.ckpt"
        while not first.exists() and process.poll() is None:
            time.sleep(0.01)
        assert process.poll() is None, process.communicate()
        (rank,) = [
            pid
            for pid, variables in processes_of(folder)
            if variables.get("MS_ROLE") == "MS_WORKER" and variables.get("MS_NODE_ID") == "1"
        ]
        os.kill(rank, signal.SIGKILL)
        started = time.monotonic()
        stdout, stderr = process.communicate(timeout=180)
        left = processes_of(folder)
    finally:
        end_all(folder)
    return SimpleNamespace(
        code=process.returncode,
        stdout=stdout,
        stderr=stderr,
        left=left,
        seconds=time.monotonic() - started,
        files={path.name for path in (folder / "train_parallel0").iterdir()},
    )


@pytest.fixture(scope="module")
def ranks(folder, killed):
    """What each of the two processes says."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    logs = folder / "logs"
    command = [
        sys.executable,
        "-m",
        "mindspore.parallel.cluster.run",
        "--worker_num=2",
        "--local_worker_num=2",
        f"--master_port={port}",
        "--join=True",
        f"--log_dir={logs}",
        str(PROGRAM),
        str(folder),
    ]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
            env=program_environment(PATH=path, **compiled(folder)),
        )
    finally:
        end_all(folder)
    said = [(logs / f"worker_{rank}.log").read_text() for rank in (0, 1)]
    assert done.returncode == 0, said
    return [json.loads(next(line for line in text.splitlines() if line.startswith('{"rank"'))) for text in said]


@pytest.fixture(scope="module")
def detector_alone(folder, ranks):
    output = folder / "alone" / "detector"
    config = detector_config(folder, output, 1)
    train_ctpn(config, 0, 1, partial(evaluate_ctpn.evaluate_in_training, config, output / "drawn"))
    return output


@pytest.fixture(scope="module")
def recognizer_alone(folder, ranks):
    output = folder / "alone" / "recognizer"
    with kept_statistics():
        config = recognizer_config(folder, output, 1)
        train_crnn(config, 0, 1, partial(evaluate_crnn.evaluate_in_training, config))
    return output


def test_one_killed_rank_ends_the_job(killed, folder):
    assert killed.code == 128 + signal.SIGKILL
    assert "train_parallel0/ranks/worker_*.log" in killed.stderr
    assert killed.left == []
    assert killed.seconds < 60
    assert "device CPU, rank 0 of 2, seed 1" in killed.stdout
    assert "rank 1 of 2" not in killed.stdout
    assert "device CPU, rank 1 of 2, seed 1" in (folder / "train_parallel1" / "log").read_text()


def test_only_the_first_rank_writes_more_than_its_log(killed, folder):
    files = killed.files - {"tensorboard"}
    assert files == {"log", "loss_0.log", "loss_1.log", "metrics.jsonl", "ckpt_0", "ranks"}
    assert {path.name for path in (folder / "train_parallel1").iterdir()} == {"log"}


def test_the_detector_goes_on_and_has_the_losses_of_one_process(ranks, folder, detector_alone):
    assert [rank["detector"][:2] for rank in ranks] == [[EPOCHS, 3]] * 2
    together, alone = curve(folder / "train_parallel0"), curve(detector_alone)
    assert [line["global_step"] for line in together] == list(range(1, 3 * EPOCHS + 1))
    for ours, expected in zip(together, alone, strict=True):
        assert ours == pytest.approx(expected, **SAME)
    assert alone[0]["loss"] > 1.02 * alone[-1]["loss"], "it learned something"


def test_the_recognizer_stops_together_and_has_the_losses_of_one_process(ranks, folder, recognizer_alone):
    assert [rank["stopped"] for rank in ranks] == [["another rank", 143, 2, 1], ["SIGTERM", 143, 2, 1]]
    assert [rank["recognizer"][:2] for rank in ranks] == [[2, 4]] * 2
    together, alone = curve(folder / "ranks" / "recognizer"), curve(recognizer_alone)
    assert len(together) == 8
    for ours, expected in zip(together, alone, strict=True):
        assert ours == pytest.approx(expected, **SAME)


def test_evaluation_while_training_is_of_the_whole_set(ranks, folder, detector_alone, recognizer_alone):
    for together, alone, count in (
        (folder / "train_parallel0", detector_alone, ("images", TEST_IMAGES - 1)),  # one is damaged
        (folder / "ranks" / "recognizer", recognizer_alone, ("samples", len(TEST_WORDS))),
    ):
        lines = [metric_lines(output, "eval") for output in (together, alone)]
        assert [line["epoch"] for line in lines[0]] == [line["epoch"] for line in lines[1]]
        for ours, expected in zip(*lines, strict=True):
            assert {**ours, "seconds": 0} == pytest.approx({**expected, "seconds": 0}, abs=1e-3)
            assert ours[count[0]] == count[1]
    assert ranks[0]["detector"] == ranks[1]["detector"]
    assert ranks[0]["recognizer"] == ranks[1]["recognizer"]


def test_evaluation_in_shares_leaves_the_same_files(ranks, folder):
    """By one process on the same checkpoints."""
    metrics = json.loads(json.dumps(evaluate_both(folder, folder / "alone" / "eval")))
    assert ranks[0]["evaluated"] == ranks[1]["evaluated"] == metrics
    together, alone = folder / "ranks" / "eval", folder / "alone" / "eval"
    files = sorted(path.relative_to(alone) for path in alone.rglob("*") if path.is_file())
    assert sorted(path.relative_to(together) for path in together.rglob("*") if path.is_file()) == files
    assert len(files) >= 6
    for name in files:
        assert content(together / name) == content(alone / name), name


def content(path):
    """What a file says, without how long it took and from where it was called."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    if path.suffix == ".json":
        record = json.loads(path.read_text())
        record.pop("seconds_per_image", None)
        for data in record.get("data", {}).values():
            data["source"] = Path(data["source"]).name
        return record
    return path.read_bytes()
