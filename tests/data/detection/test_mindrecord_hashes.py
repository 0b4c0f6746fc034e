"""Files of a MindRecord set that were changed after they were built, on which MindSpore's reader may crash."""

import json
import os
import shutil
from pathlib import Path

import pytest
from tiny_detection import make_entries, write_set

from src.common.errors import UserError
from src.data.detection import mindrecord_hashes
from src.data.detection.mindrecord_hashes import verify_hashes, write_hashes
from src.data.detection.mindrecord_reader import MindRecordSource

COLUMNS = {"file_name": "string"}
RECORD = "set.mindrecord.hashes.json"
FILES = [f"set.mindrecord{i}{end}" for i in range(2) for end in ("", ".db")]


def change_byte(file: Path, place: int) -> None:
    with file.open("r+b") as opened:
        opened.seek(place)
        byte = opened.read(1)
        opened.seek(place)
        opened.write(bytes([byte[0] ^ 0x41]))


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A real set, which tests copy."""
    return write_set(tmp_path_factory.mktemp("built"), make_entries({"a.png": (64, 96), "b.png": (64, 96)}))


@pytest.fixture
def folder(tmp_path):
    """The files of a set as far as hashes matter, which is not what is in them."""
    for number, name in enumerate(FILES):
        (tmp_path / name).write_bytes(bytes([number]) * 1000)
    write_hashes(tmp_path, "set.mindrecord")
    return tmp_path


def verify(folder: Path, opened: str = "set.mindrecord0") -> None:
    verify_hashes(folder / opened, [folder / name for name in FILES])


def the_error(folder: Path) -> str:
    with pytest.raises(UserError) as caught:
        verify(folder)
    text = str(caught.value)
    assert "\n" not in text and len(text) < 300 + len(str(folder))
    return text


# A row of the last pages, a page's place in the header, and the index.
@pytest.mark.parametrize(("suffix", "place"), [("", -30_000_000), ("", 100), (".db", 9000), (".db", 100)])
def test_a_changed_byte_of_a_real_set_is_named(built, tmp_path, suffix, place):
    shutil.copytree(built.parent, tmp_path / "moved")
    set_file = tmp_path / "moved" / built.name
    file = set_file.with_name(built.name + suffix)
    change_byte(file, place % file.stat().st_size)
    with pytest.raises(UserError, match="was changed after it was built|beginning is damaged") as caught:
        MindRecordSource(set_file, COLUMNS)
    assert str(caught.value).startswith(f"{file}: ") and "\n" not in str(caught.value)


def test_a_set_is_read_where_it_was_moved_and_reading_changes_nothing(built, tmp_path):
    moved = shutil.copytree(built.parent, tmp_path / "moved") / built.name
    for _ in range(2):
        records = MindRecordSource(moved, COLUMNS)
        assert sorted(row["file_name"] for row in records.read(range(2))) == ["a.png", "b.png"]
        mindrecord_hashes._verified.clear()


def test_a_new_build_replaces_the_hashes(built, tmp_path):
    shutil.copytree(built.parent, tmp_path, dirs_exist_ok=True)
    again = write_set(tmp_path, make_entries({"c.png": (64, 96)}))
    assert [row["file_name"] for row in MindRecordSource(again, COLUMNS).read([0])] == ["c.png"]


@pytest.mark.parametrize("name", FILES)
def test_every_file_is_compared(folder, name):
    verify(folder)
    change_byte(folder / name, 500)
    assert the_error(folder) == (
        f"{folder / name}: was changed after it was built (its hash differs from {RECORD}); build it again"
    )


def test_another_length_is_seen_before_anything_is_read(folder):
    os.truncate(folder / FILES[1], 1 << 40)
    assert f"it has {1 << 40} bytes, not the 1000 of {RECORD}" in the_error(folder)


def test_shards_of_another_build_are_seen(folder, tmp_path_factory):
    (folder / FILES[0]).write_bytes((folder / FILES[2]).read_bytes())
    assert "its hash differs" in the_error(folder)


def test_unchanged_files_are_read_once(folder, monkeypatch):
    read = []
    digests = mindrecord_hashes._digests
    monkeypatch.setattr(mindrecord_hashes, "_digests", lambda paths: read.extend(paths) or digests(paths))
    for opened in ("set.mindrecord0", "set.mindrecord1", "set.mindrecord0"):
        verify(folder, opened)
    assert [path.name for path in read] == FILES
    change_byte(folder / FILES[3], 7)
    the_error(folder)
    the_error(folder)  # a changed file is never taken for a good one
    assert [path.name for path in read[4:]] == [FILES[3]] * 2


def test_a_set_without_hashes_cannot_be_compared(folder):
    (folder / RECORD).unlink()
    change_byte(folder / FILES[0], 500)
    verify(folder)


def test_the_hashes_of_another_set_do_not_matter(folder):
    lone = folder / "set.mindrecord7"
    lone.write_bytes(b"by somebody else")
    verify_hashes(lone, [lone])


def test_a_file_that_the_hashes_lack(folder):
    content = json.loads((folder / RECORD).read_text())
    del content["files"][FILES[1]]
    (folder / RECORD).write_text(json.dumps(content))
    assert the_error(folder) == f"{folder / FILES[1]}: has no hash in {RECORD}; build the set again"


def test_a_hash_that_was_changed(folder):
    content = json.loads((folder / RECORD).read_text())
    content["files"][FILES[2]]["sha256"] = "0" * 64
    (folder / RECORD).write_text(json.dumps(content))
    assert "its hash differs" in the_error(folder)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"version": 1, "files": {}}',
        b'{"version": 1, "files": []}',
        b'{"version": 1, "files": {"set.mindrecord0": 5}}',
        b'{"version": 1, "files": {"set.mindrecord0": {"size": true, "sha256": "00"}}}',
        b'{"version": 1, "files": {"set.mindrecord0": {"size": 1e400, "sha256": "00"}}}',
        b'{"version": 1, "files": {"set.mindrecord0": {"size": 1000, "sha256": 7}}}',
    ],
)
def test_damaged_hashes_are_one_line(folder, content):
    (folder / RECORD).write_bytes(content)
    assert the_error(folder) == (
        f"{folder / RECORD}: is damaged; build the set again, or remove this file to use the set as it is"
    )


def test_hashes_of_a_later_version(folder):
    (folder / RECORD).write_text('{"version": 2, "files": {}}')
    assert the_error(folder) == f"{folder / RECORD}: has version 2; this program knows 1"


def test_what_is_no_file_in_the_place_of_the_hashes(folder):
    (folder / RECORD).unlink()
    os.mkfifo(folder / RECORD)
    assert "is damaged" in the_error(folder)
    (folder / RECORD).unlink()
    (folder / RECORD).symlink_to("nowhere")
    assert the_error(folder) == f"{folder / RECORD}: cannot be read: No such file or directory"
