"""A package that is not installed is one line, also where a command imports it first."""

import os
import subprocess
import sys

import pytest
from program_environment import TESTS


@pytest.mark.parametrize(
    ("command", "package", "file"),
    [
        ("predict.py", "pydantic", "requirements-read.txt"),
        ("train.py", "pydantic", "requirements.txt"),
        ("src/create_lmdb.py", "rich", "requirements.txt"),
    ],
)
def test_a_missing_package_is_one_line(command, package, file, tmp_path):
    (tmp_path / f"{package}.py").write_text(f"raise ModuleNotFoundError('No module', name={package!r})")
    done = subprocess.run(
        [sys.executable, TESTS.parent / command, "--help"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1 and not done.stdout
    assert done.stderr == f"error: the Python package '{package}' is missing: python -m pip install -r {file}\n"
