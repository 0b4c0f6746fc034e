"""One training at a time in a folder; what a killed one leaves is taken over and said."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from src.common.errors import UserError
from src.common.folder_lock import hold_folder

ROOT = Path(__file__).resolve().parents[2]
HOLDS = """
import sys
from pathlib import Path
from src.common.folder_lock import hold_folder
with hold_folder(Path(sys.argv[1]), "training", print):
    print("holding", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the folder."""
    command = [sys.executable, "-c", HOLDS, str(tmp_path / "ckpt_0")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, **pipes) as process:
        assert process.stdout.readline() == "holding\n"
        yield process
        process.kill()


def test_a_second_training_is_refused_by_name(holder, tmp_path):
    with pytest.raises(UserError, match=rf"another training writes there \(process {holder.pid} on .*\)"):
        hold_folder(tmp_path / "ckpt_0", "training", print).__enter__()
    holder.stdin.write("\n")
    holder.stdin.flush()
    assert holder.wait(60) == 0
    messages = []
    with hold_folder(tmp_path / "ckpt_0", "training", messages.append):
        assert json.loads((tmp_path / "ckpt_0" / "training.lock").read_text())["process"] == os.getpid()
    assert messages == [] and not (tmp_path / "ckpt_0").exists()
    (tmp_path / "mine").mkdir()
    with hold_folder(tmp_path / "mine", "training", messages.append):
        pass
    assert (tmp_path / "mine").is_dir()


def test_what_a_killed_one_left_is_taken_over(holder, tmp_path):
    holder.kill()
    holder.wait(60)
    messages = []
    with hold_folder(tmp_path / "ckpt_0", "training", messages.append):
        assert len(messages) == 1 and f"left by process {holder.pid} on" in messages[0]


def test_what_is_in_the_folder_stays(tmp_path):
    (tmp_path / "a.ckpt").touch()
    (tmp_path / "training.lock").write_text("no JSON")
    with pytest.raises(RuntimeError), hold_folder(tmp_path, "training", print):
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["a.ckpt"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="file/ckpt_0. or a part of it is a file"):
        hold_folder(tmp_path / "file" / "ckpt_0", "training", print).__enter__()


def test_what_is_no_file_is_left_alone(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    for number, put in enumerate((lambda path: path.symlink_to(victim), os.mkfifo, Path.mkdir)):
        folder = tmp_path / str(number)
        folder.mkdir()
        put(folder / "training.lock")
        with pytest.raises(UserError, match=r"is in the way|cannot write to"):
            hold_folder(folder, "training", print).__enter__()
    assert victim.read_text() == "precious"


def test_a_file_system_without_locks_is_said(tmp_path, monkeypatch):
    def none(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", none)
    messages = []
    with hold_folder(tmp_path / "out", "build", messages.append):
        assert (tmp_path / "out" / "build.lock").is_file()
    (message,) = messages
    assert "its file system has no locks; let no other build write there" in message


@pytest.mark.parametrize(
    "content", ['{"process": "\\u001b[31m", "host": "' + "x" * 900 + '"}', "[" * 900, "null", "\xff"]
)
def test_a_forged_holder_is_one_short_line(tmp_path, content):
    (tmp_path / "training.lock").write_text(content, encoding="latin-1")
    messages = []
    with hold_folder(tmp_path, "training", messages.append):
        assert all(message.isprintable() and len(message) < 400 for message in messages)
