"""Commands that tests run in processes of their own: many calls in one, or one that finds another package."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from program_environment import TESTS, program_environment

LONGEST_LINE = 300  # characters

# Runs all cases in one process, because importing MindSpore or PyTorch takes longer than all of them.
PROGRAM = """
import contextlib, importlib, io, json, sys
from src.model_utils.command import run_command
found = []
for module, arguments in json.loads(sys.argv[1]):
    main = importlib.import_module(module).main
    sys.argv = ["command", *arguments]
    said = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
        try:
            run_command(main)
        except SystemExit as end:
            found.append((end.code, said.getvalue()))
        except BaseException as error:
            found.append((repr(error), said.getvalue()))
print(json.dumps(found))
"""

Case = tuple[list[str], int, str]  # arguments, exit code, words of standard error


def check_exit_codes(cases_of: Mapping[str, Sequence[Case]], place: Path) -> None:
    """Run the cases of each module's `main` in the folder `place`; all that are wrong are shown at once."""
    cases = [(module, *case) for module, of_module in cases_of.items() for case in of_module]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps([case[:2] for case in cases])],
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
        env=program_environment(),
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    wrong = []
    for (module, arguments, code, words), (found_code, err) in zip(cases, found, strict=True):
        lines = err.splitlines()
        has_one_error = len([line for line in lines if line.startswith("error: ")]) == (code != 0)
        short = all(len(line) <= LONGEST_LINE for line in lines)
        if (found_code, words in err, has_one_error, short) != (code, True, True, True):
            wrong.append(f"{module} {arguments}: {found_code}, {err}")
    assert not wrong, "\n".join(wrong)


def run_with_package(command: str, package: str, source: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """`command --help`, which finds a package of this source, written to `folder`, before others of its name."""
    (folder / f"{package}.py").write_text(source)
    return subprocess.run(
        [sys.executable, TESTS.parent / command, "--help"],
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
