"""A file that replaces another: whole or not at all, whoever else writes it, as readable as any other file."""

import errno
import json
import os
import re
import threading

import pytest

from src.common.atomic_file import (
    clear_leftovers,
    open_temporary,
    replacing,
    temporary_beside,
    write_atomically,
    write_json,
)
from src.common.errors import UserError


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("what"), UserError("what")])
def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "file"
    write_atomically(path, [b"old"])

    def chunks():
        yield b"new, "
        raise error

    with pytest.raises(type(error)) as caught:
        write_atomically(path, chunks())
    assert caught.value is error
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("call", ["write", "fsync", "replace"])
def test_a_disk_error_names_the_file_and_the_cause(tmp_path, monkeypatch, call):
    path = tmp_path / "file"
    write_atomically(path, [b"old"])

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if call != "write":
        monkeypatch.setattr(os, call, full)
    message = f"cannot write {path}: No space left on device"
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"), replacing(path) as file:
        file.write(b"new")
        if call == "write":
            full()
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    write_atomically(tmp_path / "new" / "folders" / "file", [])
    (tmp_path / "new" / "folder").mkdir()
    for path in (tmp_path / "new" / "folders" / "file" / "beyond", tmp_path / "new" / "folder"):
        with pytest.raises(UserError, match=f"cannot write {re.escape(str(path))}: .*(director|exists)"):
            write_atomically(path, [b"content"])
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "folder", "folders", "new"]


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_the_mode_is_that_of_an_ordinary_file(tmp_path, mask):
    before = os.umask(mask)
    try:
        (tmp_path / "ordinary").touch()
        write_atomically(tmp_path / "file", [b"content"])
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "ordinary").stat().st_mode


def test_writers_of_one_file_do_not_disturb_each_other(tmp_path):
    """Here even with the same process number, as in two containers."""
    path = tmp_path / "file"
    with replacing(path) as slow:
        slow.write(b"slow")
        write_atomically(path, [b"quick"])
        assert path.read_bytes() == b"quick"
    assert path.read_bytes() == b"slow"
    assert list(tmp_path.iterdir()) == [path]


def test_readers_see_a_whole_file_whoever_writes(tmp_path):
    path = tmp_path / "file"
    contents = [bytes([letter]) * 200_000 for letter in b"abc"]
    write_atomically(path, [contents[0]])

    def write(content):
        for _ in range(20):
            write_atomically(path, [content[:1000], content[1000:]], sync=False)

    writers = [threading.Thread(target=write, args=(content,)) for content in contents]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert path.read_bytes() in contents
    for writer in writers:
        writer.join()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["x" * 255, "名" * 85, "a.json"])
def test_any_name_that_a_file_can_have(tmp_path, name):
    write_atomically(tmp_path / name, [b"content"])
    assert (tmp_path / name).read_bytes() == b"content"
    temporary = temporary_beside(tmp_path / name)
    assert temporary.parent == tmp_path
    assert temporary.name.startswith(f".{name[:40]}.")
    assert temporary.suffix == ".tmp"
    assert temporary != temporary_beside(tmp_path / name)


@pytest.mark.parametrize("sync", [True, False])
def test_file_and_folder_reach_the_disk_where_wanted(tmp_path, monkeypatch, sync):
    synced, fsync = [], os.fsync

    def watched(handle):
        synced.append((os.fstat(handle).st_ino, os.fstat(handle).st_size))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", watched)
    write_atomically(tmp_path / "file", [b"con", b"tent"], sync=sync)
    assert [number for number, _ in synced] == [path.stat().st_ino for path in (tmp_path / "file", tmp_path)] * sync
    assert not sync or synced[0][1] == len(b"content")


def aged(path, content=b"x"):
    path.write_bytes(content)
    os.utime(path, (1, 1))
    return path


def test_leftovers_of_dead_processes_are_cleared_and_nothing_else(tmp_path):
    name = temporary_beside(tmp_path / "report.html").name
    dead, young = aged(tmp_path / name), temporary_beside(tmp_path / "report.html")
    young.write_bytes(b"not locked yet")
    others = [aged(tmp_path / other) for other in (".a.tmp", "a.tmp", name[1:], f"{name}x", ".report.html.1.tmp")]
    living = temporary_beside(tmp_path / "lines.csv")
    with open_temporary(living) as file:
        os.utime(living, (1, 1))
        clear_leftovers(tmp_path)
        assert not dead.exists()
        assert sorted(tmp_path.iterdir()) == sorted([*others, young, living])
        file.write(b"goes on")
    os.utime(living, (1, 1))
    clear_leftovers(tmp_path / "absent")
    (tmp_path / temporary_beside(tmp_path / "link").name).symlink_to(aged(tmp_path / "precious"))
    clear_leftovers(tmp_path)
    assert (tmp_path / "precious").exists() and not living.exists() and young.exists()


def test_a_file_that_is_being_written_is_not_cleared(tmp_path):
    with replacing(tmp_path / "file") as file:
        for path in tmp_path.iterdir():
            os.utime(path, (1, 1))
        clear_leftovers(tmp_path)
        file.write(b"new")
    assert (tmp_path / "file").read_bytes() == b"new"


def test_a_json_file_is_readable_and_alone(tmp_path):
    write_json(tmp_path / "report.json", {"名": [1, None]})
    text = (tmp_path / "report.json").read_text(encoding="utf-8")
    assert "名" in text and text.endswith("\n") and json.loads(text) == {"名": [1, None]}
    assert os.listdir(tmp_path) == ["report.json"]


def test_an_old_json_file_stays_when_the_new_one_cannot_be_finished(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    write_json(tmp_path / "report.json", "old")
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(UserError, match="report.json: No space left"):
        write_json(tmp_path / "report.json", "new")
    assert json.loads((tmp_path / "report.json").read_text()) == "old"
    assert os.listdir(tmp_path) == ["report.json"]
