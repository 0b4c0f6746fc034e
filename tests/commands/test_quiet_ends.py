"""A command whose reader has seen enough ends without a word; a network is found from its file."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("command", "first"), [("train.py", "Train a network: python train.py ["), ("eval.py", "Evaluate ")]
)
def test_help_into_head(command, first):
    line = f'"{sys.executable}" "{ROOT / command}" --help | head -n 1'
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr == "" and done.stdout.startswith(first)


def test_short_options_of_the_converters(tmp_path):
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "gt_1.txt").write_text("1,2,30,2,30,9,1,9,word\n")
    subprocess.run(
        [sys.executable, ROOT / "src" / "convert_icdar2015.py", "-s", "labels", "-t", "out"], cwd=tmp_path, check=True
    )
    assert (tmp_path / "out" / "gt_1.txt").read_text() == "1,2,30,9,word\n"
