"""A disk without room, as a file system of its own that holds three megabytes."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from program_environment import program_environment

pytest.importorskip("mindspore")
SCRIPT = Path(__file__).with_name("write_until_full.py")
WRITERS = {
    "LMDB",
    "LMDB goes on",
    "MindRecord",
    "checkpoint",
    "submission",
    "log of a training",
    "training",
    "evaluation",
    "export",
}


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """What each writer of the script said, by its name."""
    unshare = shutil.which("unshare")
    apart = [unshare, "--map-root-user", "--mount"]
    probe = ["mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    if unshare is None or subprocess.run([*apart, *probe], capture_output=True, check=False).returncode:
        pytest.skip("this system lets nobody make a small file system")
    place = tmp_path_factory.mktemp("disk") / "full"
    place.mkdir()
    done = subprocess.run(
        [*apart, sys.executable, str(SCRIPT), str(place)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env=program_environment(),
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["name"]: line for line in lines}


@pytest.mark.slow
def test_whoever_writes_says_what_and_keeps_what_was_there(answers):
    assert answers.keys() == WRITERS
    for name, line in answers.items():
        assert line["kept"], name
        if name == "LMDB goes on":
            continue
        assert line["code"] == 1, line
        assert re.fullmatch(r"error: .*(No space|No free disk|disk full|full disk).*\n", line["said"]), line


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("LMDB", "full/words"),
        ("MindRecord", "full/set.mindrecord0"),
        ("checkpoint", "full/ckpt/ctpn-2_1.ckpt"),
        ("submission", "full/submit.zip"),
        ("log of a training", "full/log"),
        ("training", "full/train"),
        ("evaluation", "full/eval/results_crnn.json"),
        ("export", "full/export/crnn.onnx"),
    ],
)
def test_the_file_is_named(answers, name, file):
    assert file in answers[name]["said"]
