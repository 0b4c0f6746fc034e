"""A Python package that is not installed ends a command with one line, wherever it is imported first."""

import sys
from pathlib import Path

_OURS = ("src", "pytorch")
# Programs with a file of requirements of their own; training, evaluation and export need requirements.txt.
_FILES = {
    "predict.py": "requirements-read.txt",
    "serve.py": "examples/requirements-serve.txt",
    "read_many_machines.py": "examples/requirements-many-machines.txt",
}


def missing_package(error: BaseException) -> str:
    """What to do about it; "" for any other error, as for a module of this project, which is a defect."""
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return ""
    package = error.name.partition(".")[0]
    if package in _OURS:
        return ""
    file, command = "requirements.txt", Path(sys.argv[0]).resolve()
    if package == "torch" or command.parent.name == "pytorch":
        file = "pytorch/requirements.txt"
    elif package != "mindspore":
        file = _FILES.get(command.name, file)
    return f"the Python package '{error.name}' is missing: python -m pip install -r {file}"
