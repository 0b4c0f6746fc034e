import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from src.training import interrupts
from src.training.interrupts import StopRequest


@pytest.mark.parametrize(("signum", "name"), [(signal.SIGTERM, "SIGTERM"), (signal.SIGINT, "SIGINT")])
def test_a_signal_becomes_a_request_and_handlers_return(signum, name):
    before = signal.getsignal(signum)
    with StopRequest() as stop:
        assert not stop.requested
        signal.raise_signal(signum)
        assert stop.requested
        assert stop.name == name
    assert signal.getsignal(signum) is before


def test_the_same_stop_may_come_many_times(monkeypatch):
    """To the group, to the process, from the launcher: the run goes on to its checkpoint."""
    with StopRequest() as stop:
        for signum in (signal.SIGTERM, signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
            signal.raise_signal(signum)
        clock = time.monotonic() + 3600
        monkeypatch.setattr(interrupts, "time", SimpleNamespace(monotonic=lambda: clock))
        signal.raise_signal(signal.SIGTERM)
    assert stop.name == "SIGTERM"


@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT])
def test_a_later_ctrl_c_ends_the_run_at_once(monkeypatch, first):
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), StopRequest() as stop:
        signal.raise_signal(first)
        signal.raise_signal(signal.SIGINT)
        clock = time.monotonic() + 1.1
        monkeypatch.setattr(interrupts, "time", SimpleNamespace(monotonic=lambda: clock))
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("it went on")
    assert stop.signum == first
    assert signal.getsignal(signal.SIGINT) is before


SAVES = """
import os, signal, sys, time
sys.path.insert(0, sys.argv[1])
from src.common.atomic_file import write_atomically
from src.training.interrupts import StopRequest

def chunks():
    yield b"half, "
    print("saving", flush=True)
    sys.stdin.readline()
    yield b"whole"

with StopRequest() as stop:
    print("training", flush=True)
    while not stop.requested:
        time.sleep(0.01)
    write_atomically(sys.argv[2], chunks())
print("saved", flush=True)
"""


def test_a_signal_while_saving_does_not_cut_the_checkpoint_off(tmp_path):
    root = Path(interrupts.__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", SAVES, str(root), str(tmp_path / "ckpt")],
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout.readline() == "training\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "saving\n"
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate("\n", timeout=60)
    assert (process.returncode, said) == (0, "saved\n")
    assert (tmp_path / "ckpt").read_text() == "half, whole"


def test_harmless_in_another_thread():
    answers = []

    def work():
        with StopRequest() as stop:
            answers.append(stop.requested)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert answers == [False]
