"""A package that is not installed is one line, also where a command imports it first."""

import pytest
from command_cases import run_with_package


@pytest.mark.parametrize(
    ("command", "package", "file"),
    [
        ("predict.py", "pydantic", "requirements-read.txt"),
        ("train.py", "pydantic", "requirements.txt"),
        ("src/create_lmdb.py", "rich", "requirements.txt"),
        ("pytorch/make_splits.py", "cv2", "pytorch/requirements.txt"),
        ("examples/serve.py", "uvicorn", "examples/requirements-serve.txt"),
        ("examples/read_many_machines.py", "pyarrow", "examples/requirements-many-machines.txt"),
    ],
)
def test_a_missing_package_is_one_line(command, package, file, tmp_path):
    source = f"raise ModuleNotFoundError('No module', name={package!r})"
    done = run_with_package(command, package, source, tmp_path)
    assert done.returncode == 1 and not done.stdout
    assert done.stderr == f"error: the Python package '{package}' is missing: python -m pip install -r {file}\n"
