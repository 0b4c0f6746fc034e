"""LmdbWriter: layout, growth, and what a kill, another job or a second writer find."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import lmdb
import numpy as np
import pytest

from src.common.errors import UserError
from src.data.recognition.lmdb_errors import LmdbError
from src.data.recognition.lmdb_reader import LmdbWords
from src.data.recognition.lmdb_verify import verify_lmdb
from src.data.recognition.lmdb_writer import LmdbWriter

ROOT = Path(__file__).resolve().parents[3]


def png(seed: int, height: int = 12, width: int = 30) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)
    return cv2.imencode(".png", pixels)[1].tobytes()


def contents(path: Path) -> dict[bytes, bytes]:
    with lmdb.open(str(path), readonly=True, lock=False) as environment, environment.begin() as transaction:
        return dict(transaction.cursor())


def test_layout_is_the_public_one(tmp_path):
    with LmdbWriter(tmp_path / "words") as writer:
        writer.add(png(0), "Ärger")
        writer.add(png(1), "zwei")
    assert contents(tmp_path / "words") == {
        b"num-samples": b"2",
        b"image-000000001": png(0),
        b"label-000000001": "Ärger".encode(),
        b"image-000000002": png(1),
        b"label-000000002": b"zwei",
    }
    assert sorted(os.listdir(tmp_path / "words")) == ["data.mdb", "lock.mdb"]


def test_map_grows_over_many_times_its_first_size(tmp_path):
    with LmdbWriter(tmp_path / "words", map_size=1 << 16, commit_samples=37) as writer:
        for index in range(300):
            writer.add(b"x" * 5000, f"word{index}")
    assert (tmp_path / "words" / "data.mdb").stat().st_size > 20 * (1 << 16)
    words = LmdbWords(tmp_path / "words")
    assert [words.read(index)[1] for index in range(300)] == [f"word{index}" for index in range(300)]


def test_exception_leaves_an_unfinished_build_that_continues(tmp_path):
    path = tmp_path / "words"
    with pytest.raises(RuntimeError, match="stop"), LmdbWriter(path, job={"set": 1}, commit_samples=10) as writer:
        for index in range(25):
            writer.add(png(index), f"w{index}")
            writer.progress = {"next": index + 1}
        raise RuntimeError("stop")
    with pytest.raises(LmdbError, match="unfinished"):
        LmdbWords(path)
    with pytest.raises(LmdbError, match="another job"):
        LmdbWriter(path, job={"set": 2})
    with LmdbWriter(path, job={"set": 1}) as writer:
        assert writer.count == 20 and writer.progress == {"next": 20}
        for index in range(writer.count, 30):
            writer.add(png(index), f"w{index}")
        writer.finish()
        assert writer.verify() == 30
    with LmdbWriter(tmp_path / "straight") as writer:
        for index in range(30):
            writer.add(png(index), f"w{index}")
    assert contents(path) == contents(tmp_path / "straight")


def test_finished_is_refused_and_replaced_on_purpose(tmp_path):
    path = tmp_path / "words"
    with LmdbWriter(path) as writer:
        writer.add(png(0), "old")
    with pytest.raises(LmdbError, match="finished"):
        LmdbWriter(path)
    with LmdbWriter(path, overwrite=True) as writer:
        writer.add(png(1), "new")
    assert len(contents(path)) == 3 and LmdbWords(path).read(0)[1] == "new"


@pytest.mark.parametrize("image, label", [(b"", "text"), (b"x", "")])
def test_empty_parts_are_refused(tmp_path, image, label):
    with pytest.raises(ValueError, match="empty"), LmdbWriter(tmp_path / "words") as writer:
        writer.add(image, label)


def test_empty_build_second_writer_and_strange_folder(tmp_path):
    with pytest.raises(LmdbError, match="no sample"), LmdbWriter(tmp_path / "words"):
        pass
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("precious")
    with pytest.raises(LmdbError, match="other files"):
        LmdbWriter(tmp_path / "other", overwrite=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(LmdbError, match="is a file"):
        LmdbWriter(tmp_path / "file")
    first = LmdbWriter(tmp_path / "busy")
    with pytest.raises(UserError, match="another build writes there"):
        LmdbWriter(tmp_path / "busy")
    first.close()


def test_verify_names_bad_samples_and_surplus_keys(tmp_path):
    path = tmp_path / "words"
    with LmdbWriter(path) as writer:
        writer.add(png(0), "good")
        writer.add(b"no image at all", "bad")
    with pytest.raises(LmdbError, match=r"1 of 2 samples are bad.*image-000000002"):
        verify_lmdb(path)
    with LmdbWriter(path, overwrite=True) as writer:
        writer.add(png(0), "good")
    with lmdb.open(str(path)) as environment, environment.begin(write=True) as transaction:
        transaction.put(b"image-000000002", png(1))
    with pytest.raises(LmdbError, match=r"\+1 keys"):
        verify_lmdb(path)


KILLED = """
import sys
sys.path.insert(0, {root!r})
from src.data.recognition.lmdb_writer import LmdbWriter
with LmdbWriter({path!r}, commit_samples=5) as writer:
    while True:
        writer.add(b"x" * (1 + writer.count % 4000), f"w{{writer.count}}")
"""


def test_kill_while_writing_leaves_whole_batches(tmp_path):
    path = tmp_path / "words"
    code = KILLED.format(root=str(ROOT), path=str(path))
    process = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 20
    while not (path / "data.mdb").exists() or (path / "data.mdb").stat().st_size < 100_000:
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    with LmdbWriter(path) as writer:
        count = writer.count
        assert count >= 5 and count % 5 == 0
    words = LmdbWords(path)
    assert len(words) == count
    for index in range(count):
        assert words.read(index) == (b"x" * (1 + index % 4000), f"w{index}")
