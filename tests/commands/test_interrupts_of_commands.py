"""Ctrl-C in the first moments of a command, and SIGTERM too while it has worker processes: one line, nobody left."""

import os
import signal
import subprocess
import sys
import time

import pytest
from command_cases import run_with_package
from program_environment import TESTS, program_environment, unmeasured_environment

# A package that takes long to import and makes nothing of exceptions, as some do in their compiled parts.
SLOW_PACKAGE = """
import os, signal, time
try:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(60)
except BaseException:
    raise ImportError("the package failed to import")
"""


@pytest.mark.parametrize(
    ("command", "package"),
    [
        ("predict.py", "pydantic"),
        ("train.py", "pydantic"),
        ("eval.py", "pydantic"),
        ("export.py", "pydantic"),
        ("postprocess.py", "pydantic"),
        ("src/create_lmdb.py", "numpy"),
        ("src/create_dataset.py", "rich"),
        ("src/synthesize.py", "numpy"),
        ("src/convert_svt.py", "numpy"),
        ("src/convert_icdar2015.py", "numpy"),
        ("pytorch/train_crnn.py", "torch"),
        ("pytorch/train_ctpn.py", "torch"),
        ("pytorch/convert.py", "torch"),
        ("examples/serve.py", "uvicorn"),
    ],
)
def test_while_a_package_is_imported(command, package, tmp_path):
    done = run_with_package(command, package, SLOW_PACKAGE, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "error: interrupted\n")


LATE_IMPORT = """
import sys
from src.common.command_start import start_command
from src.model_utils.command import run_command

def main():
    import slow_package

start_command()
run_command(main)
"""


@pytest.mark.parametrize(
    ("name", "end"), [("SIGINT", (130, "error: interrupted\n")), ("SIGTERM", (143, "error: stopped by SIGTERM\n"))]
)
def test_while_a_package_is_imported_late(name, end, tmp_path):
    """MindSpore is, by commands that need it for a part of their work."""
    (tmp_path / "slow_package.py").write_text(SLOW_PACKAGE.replace("SIGINT", name))
    done = subprocess.run(
        [sys.executable, "-c", LATE_IMPORT],
        env=program_environment(PYTHONPATH=f"{TESTS.parent}{os.pathsep}{tmp_path}"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == end


WORK = """
import os, time

def work(number):
    os.write(1, b"working\\n")
    time.sleep(0 if number < 2 else 60)
"""

WITH_WORKERS = """
import os, sys
from contextlib import closing
from src.common.command_start import start_command
from src.data.loading.prefetch import work_ahead
from src.data.loading.processes import ordered_results
from src.data.loading.workers import BatchWorkers
from src.model_utils.command import run_command
from slow_work import work

def ahead():
    with closing(BatchWorkers(work, 2)) as workers:
        for _ in work_ahead(workers.submit, range(40), 8):
            pass

def ordered():
    for _ in ordered_results(work, (), 40, 2, chunk=1):
        pass

def starting():
    os.write(1, b"working\\n" * 3)
    ordered()

if __name__ == "__main__":
    start_command()
    run_command({"ahead": ahead, "ordered": ordered, "starting": starting}[sys.argv[1]])
"""


@pytest.mark.parametrize("kind", ["ahead", "ordered", "starting"])
@pytest.mark.parametrize(
    ("send", "number", "end"),
    [
        (os.killpg, signal.SIGINT, (130, "error: interrupted\n")),  # to all of them, as from a terminal
        (os.killpg, signal.SIGTERM, (143, "error: stopped by SIGTERM\n")),
        (os.kill, signal.SIGTERM, (143, "error: stopped by SIGTERM\n")),
    ],
    ids=["Ctrl-C", "SIGTERM to all", "SIGTERM to one"],
)
def test_while_processes_work(kind, send, number, end, tmp_path):
    (tmp_path / "slow_work.py").write_text(WORK)
    (tmp_path / "program.py").write_text(WITH_WORKERS)
    process = subprocess.Popen(
        [sys.executable, tmp_path / "program.py", kind],
        env=unmeasured_environment(PYTHONPATH=str(TESTS.parent)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout
    for _ in range(3):
        assert process.stdout.readline() == "working\n"
    send(process.pid, number)
    _, said = process.communicate(timeout=40)
    assert (process.returncode, said) == end
    deadline = time.monotonic() + 20
    while _lives(process.pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not _lives(process.pid)


def _lives(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_signal_that_is_ignored_stays_ignored(tmp_path):
    """As in the background of a script."""
    (tmp_path / "pydantic.py").write_text(
        "import os, signal; os.kill(os.getpid(), signal.SIGINT); raise SystemExit(7)"
    )
    code = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", code, sys.executable, TESTS.parent / "predict.py", "--help"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (7, "")
