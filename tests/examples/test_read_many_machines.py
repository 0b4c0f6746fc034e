"""Many processes read a folder: the same text as predict.py, parts that are complete or absent, nothing lost."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from reader_weights import encoded, text_image

pytest.importorskip("ray")
pq = pytest.importorskip("pyarrow.parquet")

from examples.read_many_machines import finished_parts, list_images, plan
from src.common.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = ROOT / "weights"
needs_weights = pytest.mark.skipif(not (WEIGHTS / "ctpn.ckpt").is_file(), reason="this copy has no weights")


@pytest.fixture
def photos(tmp_path):
    """Seven images in two folders, one of which is no image."""
    folder = tmp_path / "photos"
    for number in range(6):
        path = folder / ("sub" if number % 2 else ".") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(text_image((f"Room {number}", "Open daily"))))
    (folder / "broken.jpg").write_bytes(b"no image")
    return folder


def command(photos, output):
    program = [sys.executable, str(ROOT / "examples" / "read_many_machines.py"), str(photos), str(output)]
    return [*program, "--part_size", "2", "--num_cpus", "2", "--engine", "onnxruntime"]


def rows(output):
    return [row for path in sorted(output.glob("part-*.parquet")) for row in pq.read_table(path).to_pylist()]


def texts(output):
    return sorted((row["image"], row["line"], row["text"]) for row in rows(output) if row["error"] is None)


def test_parts_are_planned_once(photos, tmp_path):
    parts = plan(str(photos), str(tmp_path / "out"), 2)
    assert [len(part) for part in parts] == [2, 2, 2, 1] and [name for part in parts for name in part] == list_images(
        str(photos)
    )
    (photos / "new.png").write_bytes(b"")
    assert plan(str(photos), str(tmp_path / "out"), 5) == parts
    (tmp_path / "out" / "part-00001.parquet.incomplete").touch()
    assert finished_parts(str(tmp_path / "out")) == set()
    with pytest.raises(UserError, match="holds results of"):
        plan(str(tmp_path), str(tmp_path / "out"), 2)
    for place, message in ((tmp_path / "none", "none"), (tmp_path / "out", "holds no image")):
        with pytest.raises(UserError, match=message):
            list_images(str(place))
    with pytest.raises(UserError, match="nonsense://x"):
        list_images("nonsense://x")


@needs_weights
@pytest.mark.slow
def test_the_text_of_predict_py_and_a_run_that_goes_on(photos, tmp_path):
    output = tmp_path / "results"
    done = subprocess.run(command(photos, output), capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 3, done.stderr
    assert "7 images, 1 of them not read" in done.stdout
    (failed,) = (row for row in rows(output) if row["error"] is not None)
    assert failed["image"] == "broken.jpg" and "not an image" in failed["error"]
    single = [sys.executable, str(ROOT / "predict.py"), str(photos), "--recursive", "true", "--engine", "onnxruntime"]
    subprocess.run([*single, "--output_dir", str(tmp_path / "one")], capture_output=True, check=False, timeout=300)
    expected = [
        (content["image"], number, line["text"])
        for path in (tmp_path / "one").rglob("*.json")
        for content in [json.loads(path.read_text())]
        for number, line in enumerate(content["lines"])
    ]
    assert texts(output) == sorted(expected) and len(expected) > 6

    (output / "part-00002.parquet").unlink()
    before = {path: path.stat().st_mtime_ns for path in output.glob("part-*")}
    again = subprocess.run(command(photos, output), capture_output=True, text=True, check=False, timeout=300)
    assert "4 parts, 3 of them done before" in again.stderr and "2 images" in again.stdout
    assert texts(output) == sorted(expected)
    assert all(path.stat().st_mtime_ns == at for path, at in before.items())


@needs_weights
@pytest.mark.slow
def test_a_killed_actor_loses_nothing(photos, tmp_path):
    output, killed = tmp_path / "results", []

    def kill_one_actor():
        while not list(output.glob("part-*.parquet")) and not killed:
            for entry in Path("/proc").iterdir():
                if entry.name.isdigit():
                    try:
                        title = (entry / "cmdline").read_bytes()
                        mine = str(output).encode() in (entry / "environ").read_bytes()
                    except OSError:
                        continue
                    if b"PartReader" in title and mine:
                        os.kill(int(entry.name), signal.SIGKILL)
                        killed.append(title)
                        return
            time.sleep(0.02)

    killer = threading.Thread(target=kill_one_actor)
    killer.start()
    environment = {**os.environ, "RESULTS_OF_THIS_TEST": str(output)}
    done = subprocess.run(
        command(photos, output), capture_output=True, text=True, check=False, timeout=300, env=environment
    )
    killer.join(10)
    assert done.returncode == 3, done.stderr
    assert killed, "no actor was there to be killed"
    assert sorted({row["image"] for row in rows(output)}) == list_images(str(photos))
    assert len(list(output.glob("part-*.parquet"))) == 4
