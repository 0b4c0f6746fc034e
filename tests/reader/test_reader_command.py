"""`predict.py` on what goes wrong outside of it: names, places, streams, signals."""

import errno
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hostile_images import progressive_of_many_scans
from PIL import Image
from reader_weights import encoded, text_image

from src.common.errors import UserError
from src.common.options import OptionError
from src.model_utils.load_options import load_options
from src.model_utils.reader_config import ReaderConfig
from src.reader.command import read_images

pytest.importorskip("onnxruntime")
ROOT = Path(__file__).resolve().parents[2]
PIXELS = text_image(["x"], (96, 64))
PNG = encoded(PIXELS)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        (folder / name).write_bytes(PNG)
    return folder


def run(arguments, *inputs):
    return read_images(load_options(ReaderConfig, arguments), [str(item) for item in inputs])


def predict(*arguments, **options):
    """Exit code, standard output and standard error."""
    command = [sys.executable, str(ROOT / "predict.py"), *map(str, arguments)]
    done = subprocess.run(command, stdout=-1, stderr=-1, check=False, timeout=120, **options)
    return done.returncode, done.stdout, done.stderr


def pages(count=3):
    data = io.BytesIO()
    Image.fromarray(PIXELS).save(data, "TIFF", save_all=True, append_images=[Image.fromarray(PIXELS)] * (count - 1))
    return data.getvalue()


def test_every_page_has_its_files_and_the_rest_is_counted(folder, arguments, tmp_path, capsys):
    (folder / "scan.tif").write_bytes(pages())
    (folder / "scan.tif#2").write_bytes(PNG)  # named, so that it is read although it has no known ending
    (folder / "c.psd").write_bytes(b"8BPS")
    out = tmp_path / "out"
    assert run([*arguments, "--format=json,txt,hocr", "--quiet"], folder, folder / "scan.tif#2") == 0
    names = {path.name for path in out.iterdir()} - {"report.html"}
    stems = ["a.png", "b.png", "scan.tif#1", "scan.tif#2", "scan.tif#3", "scan.tif%232"]
    assert names == {f"{stem}.{ending}" for stem in stems for ending in ("json", "txt", "hocr")}
    content = json.loads((out / "scan.tif#2.json").read_text())
    assert (content["image"], content["page"], content["pages"]) == ("scan.tif#2", 2, 3)
    assert (out / "scan.tif#2.txt").read_text() == "\n".join(line["text"] for line in content["lines"]) + "\n"
    assert capsys.readouterr().err == "not read: 1 .psd\n"
    assert run([*arguments, "--pages=2", "--quiet"], folder) == 0
    assert capsys.readouterr().err == "not read: 2 pages, 1 .psd, 1 .tif#2; notes on 1 images\n"


def test_one_document_has_a_report(arguments, tmp_path, capsys):
    (tmp_path / "scan.tif").write_bytes(pages(2))
    assert run([*arguments, "--format=csv", "--recognize=false"], tmp_path / "scan.tif") == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["lines.csv", "report.html"]
    assert {line.split(":")[0] for line in capsys.readouterr().out.splitlines()} == {"scan.tif#1", "scan.tif#2"}


ODD_NAMES = [b"caf\xe9.png", b"a\nb.png", b"\x1b[2J.png", b"y" * 251 + b".png", b"'\"$(x);.png", b"back\\slash.png"]


def test_one_odd_name_costs_nothing(folder, arguments, tmp_path):
    for name in ODD_NAMES:
        (Path(os.fsdecode(os.fsencode(folder) + b"/" + name))).write_bytes(PNG)
    code, out, err = predict(folder, *arguments, "--draw", "--format", "json,txt,csv,hocr", cwd=tmp_path)
    assert code == 0, err
    assert b"8 of 8 images" in err and b"\x1b" not in out + err
    for ending in (".json", ".txt", ".hocr", ".drawn.jpg"):
        assert len([path for path in (tmp_path / "out").iterdir() if path.name.endswith(ending)]) == 8
    for path in (tmp_path / "out").glob("*.json"):
        json.loads(path.read_text(encoding="utf-8"))
    (tmp_path / "out" / "lines.csv").read_text(encoding="utf-8")
    (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_a_failure_to_write_concerns_its_image_alone(folder, arguments, tmp_path, capsys):
    out = tmp_path / "out"
    (out / "a.png.json").mkdir(parents=True)  # stands in the way
    assert run(arguments, folder) == 3
    said = capsys.readouterr().err
    assert "a.png: output_dir: cannot write" in said and "(1 without all their results)" in said
    assert (out / "b.png.json").is_file() and (out / "report.html").is_file()
    assert not list(out.glob(".*"))
    (out / "lines.csv").mkdir()
    (out / "a.png.json").rmdir()
    assert run([*arguments, "--csv", "--quiet"], folder) == 3
    assert "lines.csv" in capsys.readouterr().err and (out / "a.png.json").is_file()


@pytest.mark.parametrize("name", ["", "in/a.png", "in/a.png/below", "x\0y", "n" * 300])
def test_a_folder_that_cannot_be_one(folder, arguments, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="output_dir: '.*' (cannot be a folder of results|holds a NUL)"):
        run([*arguments[:-1], f"--output_dir={name}"], folder)


def test_a_read_only_disk_is_no_mistake_of_the_command_line(folder, arguments, tmp_path, monkeypatch):
    """As for every other command."""

    def read_only(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", read_only)
    with pytest.raises(UserError, match="output_dir: .*: Read-only file system") as caught:
        run(arguments, folder)
    assert not isinstance(caught.value, OptionError)


@pytest.mark.parametrize("place", [".", "..", "results"])
def test_results_beside_the_images_are_not_read_again(folder, arguments, capsys, place):
    for _ in range(2):
        assert (
            run([*arguments[:-1], f"--output_dir={folder / place}", "--draw=side", "--csv", "--recursive"], folder)
            == 0
        )
        said = capsys.readouterr().err
        assert "2 of 2 images" in said and "not read" not in said


def test_what_was_there_stays_when_a_run_fails(folder, arguments, tmp_path, capsys):
    out = tmp_path / "out"
    out.mkdir()
    precious = tmp_path / "precious"
    precious.write_text("of somebody else")
    (out / "report.html").write_text("of an earlier run")
    (out / "lines.csv").symlink_to(precious)
    with pytest.raises(UserError, match="ctpn_weights"):
        run([*arguments, "--csv", "--ctpn_weights=none.ckpt"], folder)
    assert precious.read_text() == "of somebody else" and (out / "lines.csv").is_symlink()
    assert (out / "report.html").read_text() == "of an earlier run"
    assert run([*arguments, "--csv"], folder) == 0
    assert precious.read_text() == "of somebody else" and not (out / "lines.csv").is_symlink()


def slow_run(folder, arguments, tmp_path):
    """`predict.py` in the middle of many images."""
    big = encoded(text_image(size=(1500, 1500)))
    for number in range(300):
        (folder / f"x{number}.png").write_bytes(big)
    out = tmp_path / "out"
    out.mkdir(exist_ok=True)
    (out / "lines.csv").write_text("of an earlier run")
    command = [sys.executable, str(ROOT / "predict.py"), str(folder), *arguments, "--csv"]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=tmp_path)
    until = time.monotonic() + 60
    while not (out / "x0.png.json").exists() and time.monotonic() < until and running.poll() is None:
        time.sleep(0.02)
    assert running.poll() is None
    return running, out


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_leaves_nothing_half_done(folder, arguments, tmp_path, number, code):
    running, out = slow_run(folder, arguments, tmp_path)
    running.send_signal(number)
    assert running.wait(timeout=20) == code
    assert (out / "lines.csv").read_text() == "of an earlier run"
    assert not list(out.glob(".*")) and not (out / "report.html").exists()


def test_what_a_killed_run_left_is_cleared_by_the_next(folder, arguments, tmp_path):
    running, out = slow_run(folder, arguments, tmp_path)
    running.kill()
    running.wait()
    leftovers = list(out.glob(".*.tmp"))
    assert len(leftovers) >= 2  # the table and the page
    for path in leftovers:
        os.utime(path, (1, 1))
    assert run(arguments, folder / "a.png") == 0
    assert not list(out.glob(".*")) and (out / "lines.csv").read_text() == "of an earlier run"


def test_closed_streams(folder, arguments, tmp_path):
    code, _, err = predict("-", *arguments, cwd=tmp_path, stdin=subprocess.DEVNULL)
    assert code == 1 and err.startswith(b"skipped stdin: empty file\n")
    command = f"{sys.executable} {ROOT / 'predict.py'} {' '.join(arguments)}"
    for closed, expected, code in (
        ("- <&-", b"error: image_path: - is standard input, which is closed\n", 2),
        (f"{folder}/a.png --recognize=false --quiet 2>&-", b"", 0),
        (f"{folder}/a.png --quiet >&-", b"", 0),
    ):
        done = subprocess.run(f"{command} {closed}", shell=True, capture_output=True, check=False, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (code, expected), closed
    command = f"{sys.executable} {ROOT / 'predict.py'} --help | head -1"
    assert subprocess.run(command, shell=True, capture_output=True, check=False, cwd=tmp_path).stderr == b""


@pytest.mark.parametrize(
    ("inputs", "code", "said"),
    [
        ([""], 2, "image_path: '' does not exist"),
        (["--list_file", ""], 2, "image_path: is empty"),
        (["--", "--draw"], 2, "image_path: '--draw' does not exist"),
        (["x" * 5000], 2, "image_path: 'xxx"),
        (["--format", "json,pdf", "a.png"], 2, "format: 'pdf' is not one of json, txt, csv, hocr"),
        (["--pages", "3-1", "a.png"], 2, "pages: '3-1'"),
        (["--pages", "3\udc80", "a.png"], 2, "pages: '3\\x80'"),
        (["--format", "\udc80", "a.png"], 2, "format: '\\x80'"),
        (["--shard", "\udc80", "a.png"], 2, "shard: '\\x80'"),
        (["--draw=up", "a.png"], 2, "draw: 'up' is not one of"),
        ([os.fsdecode(b"\xff\x1b[2J")], 2, "image_path: no file matches '\\xff\\x1b[2J'"),
    ],
)
def test_odd_arguments_are_told_in_short_lines(inputs, code, said, tmp_path):
    found, out, err = predict(*inputs, cwd=tmp_path)
    assert (found, out) == (code, b"")
    lines = err.decode().splitlines()
    assert said in lines[0] and all(len(line) <= 300 for line in lines) and "Traceback" not in err.decode()


def test_a_file_behind_any_option(folder, arguments, tmp_path):
    code, _, err = predict("--draw", folder / "a.png", *arguments, "--quiet", folder / "b.png", cwd=tmp_path)
    assert (code, err) == (0, b"")
    drawn = sorted(path.name for path in (tmp_path / "out").glob("*.drawn.jpg"))
    assert drawn == ["a.png.drawn.jpg", "b.png.drawn.jpg"]


def test_hostile_files_cost_themselves_alone(folder, arguments, tmp_path, capsys):
    """Refused one by one, in one short line each, before they take time or memory."""
    (folder / "scans.jpg").write_bytes(progressive_of_many_scans(5000))
    for name in ("sparse.jpg", "sparse.png"):
        with (folder / name).open("wb") as file:
            file.write(b"\xff\xd8\xff" if name == "sparse.jpg" else b"\x89PNG\r\n\x1a\n")
            file.truncate(60 << 30)
    (folder / "ring.png").symlink_to("ring.png")
    (folder / "lost.png").symlink_to("nowhere")
    start = time.monotonic()
    assert run(arguments, folder) == 3
    assert time.monotonic() - start < 20
    said = capsys.readouterr().err.splitlines()
    skipped = [line for line in said if line.startswith("skipped ")]
    assert len(skipped) == 5 and all(len(line) <= 300 for line in said)
    assert "2 of 7 images" in said[-2]
