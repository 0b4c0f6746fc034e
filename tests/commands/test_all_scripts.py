"""What every script in scripts/ promises, whichever scripts there are."""

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted(path.name for path in (ROOT / "scripts").glob("*.sh"))
SHELL_FILES = sorted([*(ROOT / "scripts").rglob("*.sh"), ROOT / ".ci" / "run"])
HANDS_ON_HELP = {"run_tests.sh"}  # to pytest, with all its other arguments

# In place of Python: no script may start it before its arguments are right.
STAND_IN = '#!/bin/sh\ntouch -- "$CALLED"\nexit 1\n'


def usage_of(script):
    """The arguments of the "Usage:" line in the head of a script."""
    head = (ROOT / "scripts" / script).read_text(encoding="utf-8").split("\nif [ -z")[0]
    return re.search(rf"^# Usage: bash scripts/{re.escape(script)}(.*)$", head, re.MULTILINE)[1].split()


@pytest.fixture
def place(tmp_path):
    """A copy of the scripts and a folder to call them from, both with names that a careless script breaks on."""
    root = tmp_path / "my $(touch pwned) copy; 'of' it"
    shutil.copytree(ROOT / "scripts", root / "scripts")
    shutil.copytree(ROOT / "configs", root / "configs")
    (tmp_path / "my python").write_text(STAND_IN)
    (tmp_path / "my python").chmod(stat.S_IRWXU)
    (tmp_path / "where I stand").mkdir()
    return tmp_path


def call(place, script, *arguments):
    (copy,) = place.glob("my * copy*")
    here = place / "where I stand"
    done = subprocess.run(
        ["bash", str(copy / "scripts" / script), *arguments],
        cwd=here,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHON": str(place / "my python"), "CALLED": str(place / "called")},
        timeout=60,
    )
    assert not list(place.rglob("pwned"))
    assert not (place / "called").exists()
    assert list(here.iterdir()) == []
    return done


@pytest.mark.parametrize("script", SCRIPTS)
def test_it_can_be_run_and_fails_when_a_part_of_it_fails(script):
    path = ROOT / "scripts" / script
    assert os.access(path, os.X_OK), f"chmod +x scripts/{script}"
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "#!/usr/bin/env bash"
    commands = [line for line in lines if line and not line.startswith("#")]
    assert "exec env -u POSIXLY_CORRECT bash" in commands[0]  # where `sh` was told to run it
    assert commands[1] == "set -euo pipefail"


@pytest.mark.parametrize("script", SCRIPTS)
def test_its_head_has_a_usage_and_an_example(script):
    lines = (ROOT / "scripts" / script).read_text(encoding="utf-8").splitlines()
    head = "\n".join(lines[: next(i for i, line in enumerate(lines) if not line.startswith("#"))])
    usage_of(script)
    examples = re.findall(r"^# Example: (.*)$", head, re.MULTILINE)
    assert examples
    assert all(f"bash scripts/{script}" in example for example in examples)


@pytest.mark.parametrize("script", [name for name in SCRIPTS if name not in HANDS_ON_HELP])
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_from_anywhere_shows_the_head_and_does_nothing(place, script, flag):
    done = call(place, script, flag)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Usage: bash scripts/{script}" in done.stdout
    assert f"Example: bash scripts/{script}" in done.stdout


@pytest.mark.parametrize("script", [name for name in SCRIPTS if usage_of(name) and usage_of(name)[0][0] != "["])
def test_without_the_arguments_it_needs_it_says_its_usage(place, script):
    done = call(place, script)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"Usage: bash scripts/{script}" in done.stderr
    assert f"Example: bash scripts/{script}" in done.stderr
    assert re.search(r"^error: .+", done.stderr, re.MULTILINE)


@pytest.mark.parametrize("path", SHELL_FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_removed_or_run_by_accident(path):
    """Folders are only removed by name or by variables that are known to be set; no text is run as a command."""
    for line in path.read_text(encoding="utf-8").splitlines():
        command = "" if line.lstrip().startswith("#") else line
        if re.search(r"\brm\s+(-\w*[rR]|--recursive)", command):
            assert "$" not in re.sub(r"\$\{\w+:\?[^}]*\}", "", command), line
        assert not re.search(r"(^|[;&|]\s*|\s)eval\s", command), line
        assert "`" not in command, line
