"""The environment of programs in this folder that tests start: they find the project and what tests share."""

import os
from pathlib import Path

TESTS = Path(__file__).resolve().parent


def program_environment(**changes: str) -> dict[str, str]:
    """This process's environment with both on Python's path, and `changes`."""
    path = os.pathsep.join(filter(None, (str(TESTS.parent), str(TESTS), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path, **changes}


def unmeasured_environment(**changes: str) -> dict[str, str]:
    """The same without the measurement of coverage, which prints a traceback where a signal meets it as it saves."""
    environment = program_environment(**changes)
    return {name: value for name, value in environment.items() if not name.startswith("COVERAGE_PROCESS")}
