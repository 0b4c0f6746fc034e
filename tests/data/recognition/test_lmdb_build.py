"""src/create_lmdb.py: reports, held-out words, a kill in the middle, and what is refused."""

import json
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
from src.create_lmdb import main
from src.data.recognition.annotations import read_iiit5k, read_tsv
from src.data.recognition.lmdb_builder import build_lmdb
from src.data.recognition.lmdb_errors import LmdbError
from src.data.recognition.lmdb_reader import LmdbWords
from src.data.recognition.lmdb_writer import LmdbWriter

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def word_folder(tmp_path_factory) -> Path:
    """120 words of 40 photographs; numbers 7, 27, 47, .. are not images, one label is empty of meaning."""
    folder = tmp_path_factory.mktemp("set")
    lines = []
    for index in range(120):
        name = f"{index // 3}_{index % 3}.png"
        pixels = np.random.default_rng(index).integers(0, 256, (16, 40), np.uint8)
        data = cv2.imencode(".png", pixels)[1].tobytes()
        (folder / name).write_bytes(b"text" if index % 20 == 7 else data)
        lines.append(f"{name} {'###' if index == 50 else f'Word{index}'}")
    (folder / "train.tags").write_text("\n".join(lines))
    return folder


def contents(path: Path) -> dict[bytes, bytes]:
    with lmdb.open(str(path), readonly=True, lock=False) as environment, environment.begin() as transaction:
        return dict(transaction.cursor())


def texts(path: Path) -> list[str]:
    return list(LmdbWords(path).labels())


def test_command_builds_reports_and_divides(word_folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("src.data.recognition.lmdb_builder._CHUNK", 8)  # enough pieces for the worker processes
    arguments = ["iiit5k", "--label_path", str(word_folder / "train.tags"), "--output", str(tmp_path / "train")]
    arguments += ["--holdout", "20", "--holdout_output", str(tmp_path / "val"), "--workers", "2"]
    assert main(arguments) == 0
    train, val = texts(tmp_path / "train"), texts(tmp_path / "val")
    wanted = [f"Word{i}" for i in range(120) if i % 20 != 7 and i != 50]
    assert sorted(train + val) == sorted(wanted) and len(wanted) == 113
    assert train == [text for text in wanted if text in set(train)]  # in the order of the label file
    photographs = [{int(text[4:]) // 3 for text in part} for part in (train, val)]
    assert not photographs[0] & photographs[1] and 15 <= len(val) <= 22
    reports = [json.loads((tmp_path / part / "report.json").read_text()) for part in ("train", "val")]
    total = {
        reason: sum(report["rejected"].get(reason, 0) for report in reports)
        for reason in ("not an image", "marked as not readable")
    }
    assert total == {"not an image": 6, "marked as not readable": 1}
    assert all(report["verified"] for report in reports)
    listed = "".join((tmp_path / part / "rejected.tsv").read_text() for part in ("train", "val"))
    assert "2_1.png\tnot an image\t" in listed and len(listed.splitlines()) == 7
    assert "113" not in capsys.readouterr().err
    with pytest.raises(LmdbError, match="finished"):
        main(arguments)
    assert main([*arguments, "--force", "--workers", "1"]) == 0
    assert texts(tmp_path / "train") == train


def test_two_shares_equal_one_run(word_folder, tmp_path):
    command = ["iiit5k", "--label_path", str(word_folder / "train.tags"), "--workers", "1"]
    for name, shard in (("whole", ""), ("first", "1/2"), ("second", "2/2")):
        assert main([*command, "--output", str(tmp_path / name), "--shard", shard]) == 0
    assert texts(tmp_path / "first") + texts(tmp_path / "second") == texts(tmp_path / "whole")
    assert len(texts(tmp_path / "first")) > 50
    with pytest.raises(UserError, match="cannot be combined with --holdout"):
        main([*command, "--output", str(tmp_path / "x"), "--shard", "1/2", "--holdout", "9"])
    with pytest.raises(UserError, match="share 1 of 200 of 120 words is empty"):
        main([*command, "--output", str(tmp_path / "x"), "--shard", "1/200"])
    (tmp_path / "none.tsv").write_text("\n")
    with pytest.raises(UserError, match="none.tsv' holds no word"):
        main(["tsv", "--label_path", str(tmp_path / "none.tsv"), "--output", str(tmp_path / "x")])


def test_lists_of_names_divide_a_set(word_folder, tmp_path):
    (tmp_path / "val.txt").write_text("0_0.png\n3_1.png\n")
    arguments = ["iiit5k", "--label_path", str(word_folder / "train.tags"), "--output"]
    assert main([*arguments, str(tmp_path / "val"), "--only", str(tmp_path / "val.txt")]) == 0
    assert main([*arguments, str(tmp_path / "train"), "--leave_out", str(tmp_path / "val.txt")]) == 0
    assert texts(tmp_path / "val") == ["Word0", "Word10"]
    train = texts(tmp_path / "train")
    assert len(train) == 111 and not {"Word0", "Word10"} & set(train)


def test_known_errors_are_one_line(word_folder, tmp_path):
    command = [sys.executable, str(ROOT / "src" / "create_lmdb.py"), "iiit5k", "--output", str(tmp_path / "x")]
    result = subprocess.run(
        [*command, "--label_path", str(word_folder / "nothing.txt")], capture_output=True, text=True, check=False
    )
    assert result.returncode == 2 and len(result.stderr.splitlines()) == 1 and "nothing.txt" in result.stderr


def test_too_much_bad_fails_and_goes_on_when_allowed(word_folder, tmp_path):
    words = read_iiit5k(word_folder / "train.tags")
    with pytest.raises(
        UserError, match="6 of 120 words are bad, more than 1% .not an image: 6, such as '2_1.png' at "
    ):
        build_lmdb(words, tmp_path / "out", description={}, max_bad_ratio=0.01)
    (report,) = build_lmdb(words, tmp_path / "out", description={})
    assert report["written"] == 113 and report["rejected"] == {"marked as not readable": 1, "not an image": 6}
    for arguments in ({"holdout": 5}, {"holdout_output": tmp_path / "val"}):
        with pytest.raises(UserError, match="both"):
            build_lmdb(words, tmp_path / "other", description={}, **arguments)


def test_too_much_bad_is_said_while_reading(tmp_path):
    seen = []
    (tmp_path / "all.tsv").write_text("absent.png\tword\n" * 5000)
    with pytest.raises(UserError, match="1000 of 1000 words are bad.*'absent.png' at "):
        build_lmdb(
            read_tsv(tmp_path / "all.tsv"),
            tmp_path / "out",
            description={},
            max_bad_ratio=0.5,
            on_progress=lambda stage, done, total: seen.append(done),
        )
    assert seen[-1] < 2000


def test_another_job_in_the_folder(word_folder, tmp_path):
    (tmp_path / "all.tsv").write_text("absent.png\tword\n")
    with pytest.raises(UserError, match="words are bad"):
        build_lmdb(read_tsv(tmp_path / "all.tsv"), tmp_path / "out", description={"image_path": "a"})
    words = read_iiit5k(word_folder / "train.tags")  # nothing was written yet, so nothing is in its way
    with pytest.raises(UserError, match="words are bad"):
        build_lmdb(words, tmp_path / "out", description={"image_path": "b"}, max_bad_ratio=0.01)
    with pytest.raises(LmdbError, match=r"unfinished build of another job \(image_path: 'b', not 'c'\); --force"):
        build_lmdb(words, tmp_path / "out", description={"image_path": "c"})
    build_lmdb(words, tmp_path / "out", description={"image_path": "c"}, overwrite=True)
    with pytest.raises(LmdbError, match="--force"):
        build_lmdb(words, tmp_path / "out", description={"image_path": "c"})


def test_an_lmdb_stays_until_what_replaces_it_is_verified(word_folder, tmp_path, monkeypatch):
    words = read_iiit5k(word_folder / "train.tags")
    build_lmdb(words, tmp_path / "out", description={"number": 1})
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir() if path.name != "lock.mdb"}

    def unchanged():
        found = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir() if path.name != "lock.mdb"}
        return found == before

    with pytest.raises(UserError, match="words are bad"):
        build_lmdb(words, tmp_path / "out", description={"number": 2}, overwrite=True, max_bad_ratio=0.01)
    assert unchanged()
    with monkeypatch.context() as patch:
        patch.setattr("src.data.recognition.lmdb_output.verify_lmdb", interrupted)
        with pytest.raises(KeyboardInterrupt):
            build_lmdb(words, tmp_path / "out", description={"number": 2}, overwrite=True)
    assert unchanged()
    build_lmdb(words, tmp_path / "out", description={"number": 2}, overwrite=True)
    assert json.loads((tmp_path / "out" / "report.json").read_text())["job"]["number"] == 2
    assert {path.name for path in (tmp_path / "out").iterdir()} - {"lock.mdb"} == set(before)


def interrupted(*_, **__):
    raise KeyboardInterrupt


def test_the_lock_of_a_build_is_no_link_and_no_pipe(tmp_path):
    """Its target would be emptied; whoever opens a pipe waits."""
    (tmp_path / "victim").write_text("precious")
    for number, put in enumerate((lambda path: path.symlink_to(tmp_path / "victim"), os.mkfifo)):
        folder = tmp_path / str(number)
        folder.mkdir()
        put(folder / "build.lock")
        with pytest.raises(UserError, match="is in the way|cannot write to"):
            LmdbWriter(folder)
    assert (tmp_path / "victim").read_text() == "precious"


def test_nothing_usable(tmp_path):
    (tmp_path / "gt.txt").write_text('word_1.png, "###"\n')
    with pytest.raises(LmdbError, match="no word is left"):
        main(["icdar2015", "--label_path", str(tmp_path / "gt.txt"), "--output", str(tmp_path / "out")])
    with pytest.raises(UserError, match="--lexicon"):
        main(["icdar2015", "--label_path", "x", "--output", "y", "--lexicon", "z"])


KILLED = """
import sys, time
sys.path.insert(0, {root!r})
from pathlib import Path
from src.data.recognition import lmdb_builder as lmdb_build
from src.data.recognition.annotations import read_iiit5k
lmdb_build._CHUNK = 4
lmdb_build.build_lmdb(read_iiit5k(Path({labels!r})), Path({train!r}), description={{}}, holdout=20,
    holdout_output=Path({val!r}), commit_samples=3, on_progress=lambda stage, done, total: time.sleep(0.05))
"""


def test_kill_in_the_middle_then_again_gives_the_same(word_folder, tmp_path):
    labels, train, val = word_folder / "train.tags", tmp_path / "train", tmp_path / "val"
    code = KILLED.format(root=str(ROOT), labels=str(labels), train=str(train), val=str(val))
    process = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 30

    def written() -> int:
        return len(contents(train)) if (train / "data.mdb").exists() else 0

    while written() < 60:
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = len(contents(train))
    with pytest.raises(LmdbError, match="unfinished"):
        LmdbWords(train)
    reports = {}
    for name, folder in (("resumed", tmp_path), ("straight", tmp_path / "straight")):
        reports[name] = build_lmdb(
            read_iiit5k(labels),
            folder / "train",
            description={},
            holdout=20,
            holdout_output=folder / "val",
        )
    assert 60 <= before < len(contents(train))
    for part in ("train", "val"):
        assert contents(tmp_path / part) == contents(tmp_path / "straight" / part)
        rejected = [(folder / part / "rejected.tsv").read_bytes() for folder in (tmp_path, tmp_path / "straight")]
        assert rejected[0] == rejected[1]
    without_path = [[{**report, "output": ""} for report in reports[name]] for name in ("resumed", "straight")]
    assert without_path[0] == without_path[1]


def test_kill_before_the_check_only_checks_again(word_folder, tmp_path, monkeypatch):
    words = read_iiit5k(word_folder / "train.tags")
    arguments = {"description": {}, "holdout": 20, "holdout_output": tmp_path / "val"}
    calls = []

    def killed(path, **_):
        calls.append(path.name)
        if len(calls) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("src.data.recognition.lmdb_output.verify_lmdb", killed)
        with pytest.raises(KeyboardInterrupt):
            build_lmdb(words, tmp_path / "train", **arguments)
    before = contents(tmp_path / "train")
    reports = build_lmdb(words, tmp_path / "train", **arguments)
    assert [report["verified"] for report in reports] == [True, True]
    assert sum(report["written"] for report in reports) == 113
    assert contents(tmp_path / "train") == before
