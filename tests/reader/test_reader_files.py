"""Inputs of every kind, result files, and the command itself."""

import csv
import io
import json
import re
import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from reader_weights import crnn_params, encoded, text_image

from src.common.errors import UserError
from src.common.options import OptionError
from src.model_utils.input_arguments import split_inputs
from src.model_utils.load_options import load_options, switches
from src.model_utils.reader_config import ReaderConfig
from src.reader.command import read_images
from src.reader.html_report import HtmlReport
from src.reader.image_names import result_path
from src.reader.input_files import InputError, find_images
from src.reader.result import Line, ReadResult, Unreadable, Word
from src.reader.result_files import CsvWriter, ImageFiles
from src.weights.mindspore_ckpt import encode

pytest.importorskip("onnxruntime")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "in"
    for name in ("b.png", "a.JPG", "sub/a.JPG", "sub/deep/c.png", "notes.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(encoded(text_image(["x"], (96, 64))))
    return folder


def names(*inputs, **options):
    return [found.name for found in find_images([str(item) for item in inputs], **options).images]


def test_folders(images):
    assert names(images) == ["a.JPG", "b.png"]
    assert names(images, recursive=True) == ["a.JPG", "b.png", "sub/a.JPG", "sub/deep/c.png"]


def test_files_and_patterns(images):
    assert names(images / "b.png") == ["b.png"]
    assert names(images / "notes.txt") == ["notes.txt"]  # it was named: its content decides
    assert names(images / "*.png") == ["b.png"]
    assert names(images / "**" / "*.png", recursive=True) == ["b.png", "sub/deep/c.png"]
    assert names(images / "s*" / "*.JPG") == ["sub/a.JPG"]


def test_equal_names_get_their_folders_and_no_file_comes_twice(images):
    assert names(images / "a.JPG", images / "sub" / "a.JPG") == ["a.JPG", "sub/a.JPG"]
    assert names(images / "b.png", images, images / "b.png") == ["b.png", "a.JPG"]


def test_a_list_and_standard_input(images):
    (images / "list.txt").write_text("b.png\n\nsub/a.JPG\n")
    assert names(list_file=str(images / "list.txt")) == ["b.png", "a.JPG"]
    stdin = io.BytesIO(b"bytes")
    (found,) = find_images(["-"], stdin=stdin).images
    assert (found.source, found.name) == (stdin, "stdin")


def test_results_inside_the_folder_are_no_inputs(images):
    assert names(images, recursive=True, results_in=images / "sub") == ["a.JPG", "b.png"]


@pytest.mark.parametrize("wrong", [["none.png"], ["in/*.gif"], [], ["in/empty"]])
def test_nothing_to_read(images, monkeypatch, wrong):
    monkeypatch.chdir(images.parent)
    (images / "empty").mkdir()
    with pytest.raises(InputError, match="image_path"):
        find_images(wrong)


SWITCHES = switches(ReaderConfig)


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["a.jpg", "b.jpg", "--draw"], (["a.jpg", "b.jpg"], ["--draw=true"])),
        (["--image_path", "a", "b", "--csv", "true"], (["a", "b"], ["--csv=true"])),
        (["--image_path=a", "--threads", "2"], (["a"], ["--threads", "2"])),
        (["-"], (["-"], [])),
        (["--check"], ([], ["--check=true"])),
        (["--draw", "photo.jpg"], (["photo.jpg"], ["--draw=true"])),
        (["--draw", "side", "photo.jpg"], (["photo.jpg"], ["--draw=side"])),
        (["--threads", "2", "a", "--csv", "b"], (["a", "b"], ["--threads", "2", "--csv=true"])),
        (["--quiet", "false", "--", "--draw", "-x.jpg"], (["--draw", "-x.jpg"], ["--quiet=false"])),
        (["--threads", "-1", "--csv=false", "a"], (["a"], ["--threads", "-1", "--csv=false"])),
        (["--keep_ratio", "true", ""], ([""], ["--keep_ratio", "true"])),
        (["-h", "--help"], ([], ["-h", "--help"])),
        (["--threads", "--draw"], ([], ["--threads", "--draw=true"])),
        (["--"], ([], [])),
    ],
)
def test_inputs_on_the_command_line(argv, expected):
    assert split_inputs(argv, SWITCHES) == expected


@pytest.mark.parametrize(
    "name", ["../../x.png", "/etc/x.png", "a/../b.png", "..", "", "C:\\x.png", "a\0b.png", "\udce9", "x" * 300, "\n"]
)
def test_result_files_stay_in_their_folder(tmp_path, name):
    path = result_path(tmp_path, name, ".json").resolve()
    assert tmp_path.resolve() in path.parents and path.name.endswith(".json")


PLACE = ((1.0, 2.0, 30.0, 12.0), ((1, 2), (30, 2), (30, 12), (1, 12)))


def result(text="<b>&", name="a<.png"):
    box = (1.0, 2.0, 30.0, 12.0)
    line = Line(box, ((1, 2), (30, 2), (30, 12), (1, 12)), 0.9, text, 0.8)
    times = dict.fromkeys(("decode", "detect", "connect", "recognize", "total"), 1.0)
    return ReadResult(name, 40, 20, (line,), times, np.full((20, 40, 3), 200, np.uint8))


def test_the_page_is_one_file_without_script_or_links(tmp_path):
    report = HtmlReport(tmp_path, "title")
    report.add(result())
    report.add(Unreadable("bad.png", UserError("bad.png: <truncated>")))
    assert not report.path.exists()  # it appears when it is complete
    report.close()
    page = report.path.read_text(encoding="utf-8")
    assert "&lt;b&gt;&amp;" in page and "a&lt;.png" in page and "&lt;truncated&gt;" in page and "<b>" not in page
    assert re.findall(r'src="(.{11})', page) == ["data:image/"]
    assert "<script" not in page and "http://" not in page and "https://" not in page
    # Every link leads to a place in the page, and every line of text to its outline in the image.
    places = re.findall(r' id="([^"]*)"', page)
    assert len(set(places)) == len(places)
    assert {link[1:] for link in re.findall(r'href="([^"]*)"', page)} <= set(places)
    assert "i1l1" in places and '<a href="#i1l1">&lt;b&gt;&amp; <small>0.80</small></a>' in page
    assert "1 images, 1 lines, 1 could not be read" in page
    other = HtmlReport(tmp_path / "other", "title")
    assert len(list((tmp_path / "other").iterdir())) == 1
    other.close(complete=False)
    assert list((tmp_path / "other").iterdir()) == []


def test_the_page_shows_words_and_notes_for_pointer_and_keyboard(tmp_path):
    words = (Word("two", (1, 2, 14, 12), ((1, 2), (14, 2), (14, 12), (1, 12)), 0.9), Word('"w"', *PLACE, 0.7))
    line = Line(*PLACE, 0.9, 'two "w"', 0.8, words)
    report = HtmlReport(tmp_path, "title")
    report.add(replace(result(), lines=(line, Line(*PLACE, 0.5, "alone", 0.6)), notes=("<scaled> down",)))
    report.close()
    page = report.path.read_text(encoding="utf-8")
    labels = re.findall(r'<g tabindex="0" role="img" aria-label="([^"]*)">', page)
    assert labels == ["two 0.90", "&quot;w&quot; 0.70", "alone 0.60"]
    assert page.count('class="w"') == 3 and page.count('class="l"') == 2
    assert '<p class="note">&lt;scaled&gt; down</p>' in page and "1 with notes" in page
    assert 'viewBox="0 0 40 20"' in page and "width=device-width" in page


@pytest.mark.parametrize(
    ("shape", "shown", "width"),
    [((4, 4), (4, 4), 8), ((6000, 600), (3505, 351), 600), ((1, 70_000), (1, 16_000), 70_000)],
)
def test_images_of_any_shape_stay_legible_in_the_page(tmp_path, shape, shown, width):
    image = ReadResult("a.png", *shape[::-1], (), result().time_ms, np.full((*shape, 3), 200, np.uint8))
    report = HtmlReport(tmp_path, "title")
    report.add(image)
    report.close()
    page = report.path.read_text(encoding="utf-8")
    assert f'<figure style="max-width:{width}px"><img alt="" width="{shown[1]}" height="{shown[0]}"' in page


def test_the_table_of_lines(tmp_path):
    table = CsvWriter(tmp_path)
    word = Word('=1+1,"x"', *PLACE, 0.75)
    found = result(word.text)
    table.add(replace(found, lines=(replace(found.lines[0], words=(word,)), replace(found.lines[0], text=None))))
    table.close()
    with open(table.path, encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0][:2] == ["image", "line"]
    assert rows[1][:-1] == ["a<.png", "1", "1.0", "2.0", "30.0", "12.0", "0.9000", '\'=1+1,"x"', "0.8000"]
    assert json.loads(rows[1][-1]) == [word.to_dict()]
    assert rows[2][7:] == ["", "", ""]


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    files = ImageFiles(tmp_path / "file", ["json"])
    for write in (lambda: files.write(result()), lambda: CsvWriter(tmp_path / "file")):
        with pytest.raises(UserError, match="output_dir"):
            write()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize(("make", "name"), [(CsvWriter, "lines.csv"), (lambda p: HtmlReport(p, "t"), "report.html")])
def test_a_full_disk_names_the_file(tmp_path, monkeypatch, make, name):
    (tmp_path / name).write_text("of an earlier run")
    full = open("/dev/full", "wb")  # noqa: SIM115 - the writer closes it
    monkeypatch.setattr("src.reader.growing_file.open_temporary", lambda path: full)
    writer = make(tmp_path)
    with pytest.raises(UserError, match=f"{re.escape(name)}: No space left"):
        writer.close()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "of an earlier run"


def run(arguments, inputs):
    return read_images(load_options(ReaderConfig, arguments), [str(item) for item in inputs])


def test_a_folder_with_everything_that_can_be_written(images, arguments, tmp_path, capsys):
    code = run([*arguments, "--recursive", "--draw=true", "--csv"], [images])
    out = tmp_path / "out"
    written = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    bases = ["a.JPG", "b.png", "sub/a.JPG", "sub/deep/c.png"]
    of_images = [f"{base}{ending}" for base in bases for ending in (".json", ".drawn.jpg")]
    assert written == sorted([*of_images, "lines.csv", "report.html"])
    assert code == 0
    content = json.loads((out / "sub/a.JPG.json").read_text(encoding="utf-8"))
    assert content["image"] == "sub/a.JPG" and content["lines"]
    printed = capsys.readouterr()
    assert all(line.startswith(tuple(f"{base}: " for base in bases)) for line in printed.out.splitlines())
    assert "4 of 4 images" in printed.err


def test_bad_images_show_in_the_exit_code(images, arguments, tmp_path, capsys):
    (images / "b.png").write_bytes(b"\x89PNG\r\n broken")
    assert run([*arguments, "--recognize", "false", "--quiet"], [images]) == 3
    printed = capsys.readouterr()
    assert re.fullmatch(r"skipped .*b\.png: truncated \(no signature\)\nnot read: 1 \.txt\n", printed.err)
    assert "text" not in json.loads((tmp_path / "out/a.JPG.json").read_text(encoding="utf-8"))["lines"][0]
    assert run([*arguments, "--quiet"], [images / "b.png"]) == 1


def test_one_word(images, arguments, tmp_path):
    assert run([*arguments, "--detect", "false", "--recognizer", "word"], [images / "b.png"]) == 0
    (line,) = json.loads((tmp_path / "out/b.png.json").read_text(encoding="utf-8"))["lines"]
    assert line["box"] == [0, 0, 95, 63]
    assert not (tmp_path / "out/report.html").exists()  # for one image there is no page


@pytest.mark.parametrize("wrong", ["--min_ratioo=1", "--engine=fast", "--threads=-1", "--keep_ratio=1", "--draw=x"])
def test_wrong_options_are_one_error(wrong):
    with pytest.raises(OptionError, match=wrong[2:].split("=", maxsplit=1)[0]):
        load_options(ReaderConfig, [wrong])


def predict(*arguments, **options):
    command = [sys.executable, str(ROOT / "predict.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, check=False, timeout=120, **options)


def test_the_command_reads_standard_input(arguments, tmp_path):
    done = predict("-", *arguments, input=encoded(text_image(["x"], (96, 64))), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "out/stdin.json").read_text(encoding="utf-8"))["width"] == 96


def test_a_tag_that_is_not_as_it_should_be_is_no_matter_of_the_user(arguments, tmp_path):
    """The image is whole; Pillow's warning of a tag that is longer than its file was printed twice."""
    data = bytearray(encoded(text_image(["x"], (96, 64)), "TIFF", tiffinfo={305: "who wrote it"}))
    (directory,) = struct.unpack_from("<I", data, 4)
    entries = [directory + 2 + 12 * number for number in range(struct.unpack_from("<H", data, directory)[0])]
    (entry,) = [place for place in entries if struct.unpack_from("<H", data, place)[0] == 305]
    struct.pack_into("<I", data, entry + 4, 10**6)
    (tmp_path / "a.tif").write_bytes(data)
    done = predict(tmp_path / "a.tif", *arguments, "--quiet", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")


def test_the_command_says_what_is_missing(images, tmp_path):
    done = predict(images, "--ctpn_weights", "none.ckpt", cwd=tmp_path)
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1) and b"none.ckpt" in done.stderr
    done = predict(cwd=tmp_path)
    assert done.returncode == 2 and done.stderr.startswith(b"error: image_path")
    assert done.stderr.count(b"\n") == 3 and b"sample.jpg" in done.stderr and b"--check" in done.stderr
    (tmp_path / "empty").mkdir()
    done = predict("empty", cwd=tmp_path)
    assert done.returncode == 1 and done.stderr.startswith(b"error: image_path: no image (")
    assert done.stderr.count(b"\n") == 3 and b"--recursive" in done.stderr and b"sample.jpg" in done.stderr


def test_check(arguments, monkeypatch, capsys):
    from src.reader import check as reader_check

    # MindSpore would take seconds; a broken engine must be named, not end the check.
    monkeypatch.setitem(reader_check._TRIALS, "mindspore", "raise SystemExit('no device')")
    ready = reader_check.check_reader(load_options(ReaderConfig, arguments))
    printed = capsys.readouterr().out
    assert ready == 0 and "onnxruntime: works on" in printed and "ready to read images" in printed
    assert re.search(
        r"ctpn_weights: .*, detector, input 96x64, .*\n    sha256 [0-9a-f]{64} \(as on its card\)", printed
    )
    assert re.search(r"crnn_lines_weights: .* recognizer of lines, 95 characters", printed)
    assert re.search(r"    computed by onnxruntime on CPU, f32\n    ONNX file: ", printed)


def test_check_says_in_what_openvino_computes(monkeypatch, capsys):
    from src.reader import check as reader_check

    pytest.importorskip("openvino")
    for cap, expected in (("AVX2", "f32"), ("", "b?f(16|32)")):
        monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", cap)
        assert reader_check._try_engine("openvino")
        assert re.search(f", computes in {expected}\n$", capsys.readouterr().out)


@pytest.fixture
def quick_check(monkeypatch, capsys):
    """`--check` without trying the engines; returns the exit code and what was printed."""
    from src.reader import check as reader_check

    monkeypatch.setattr(reader_check, "_try_engine", lambda name: name == "onnxruntime")

    def check(arguments):
        code = reader_check.check_reader(load_options(ReaderConfig, arguments))
        return code, capsys.readouterr().out

    return check


def without(arguments, key, value):
    return [item for item in arguments if not item.startswith(f"--{key}=")] + [f"--{key}={value}"]


def test_check_of_weights_that_are_not_there(quick_check, arguments):
    code, printed = quick_check(without(arguments, "ctpn_weights", "none.ckpt"))
    assert code == 1 and "ctpn_weights: there is no file 'none.ckpt'" in printed
    assert (
        "not ready: no weights of the detector (--ctpn_weights FILE, or bash scripts/quickstart.sh --train)"
        in printed
    )
    code, printed = quick_check(without(arguments, "crnn_lines_weights", "none.ckpt"))
    assert code == 0  # the word model is enough


def damaged(file, kind):
    data = file.read_bytes()
    if kind == "truncated":
        return data[: len(data) // 2], "damaged"
    if kind == "garbage":
        return b"<html>404</html>", "best.ckpt: "
    if kind == "empty":
        return b"", "empty"
    return b"".join(encode(crnn_params(37))), "not CTPN weights"  # weights of the other network


@pytest.mark.parametrize("kind", ["truncated", "garbage", "empty", "other"])
def test_check_of_damaged_weights(quick_check, arguments, weights, tmp_path, kind):
    content, word = damaged(weights / "ctpn.ckpt", kind)
    (tmp_path / "best.ckpt").write_bytes(content)
    code, printed = quick_check(without(arguments, "ctpn_weights", tmp_path / "best.ckpt"))
    (line,) = [line for line in printed.splitlines() if "ctpn_weights: cannot be used" in line]
    assert code == 1 and str(tmp_path / "best.ckpt") in line and word in line


@pytest.mark.parametrize("key", ["crnn_lines_weights", "crnn_weights"])
def test_check_of_a_damaged_recognizer(quick_check, arguments, tmp_path, key):
    """The other one could be used, but reading would not take it."""
    (tmp_path / "best.ckpt").write_bytes(b"")
    code, printed = quick_check(without(arguments, key, tmp_path / "best.ckpt"))
    assert code == 1 and f"not ready: {key}: cannot be used" in printed


def test_check_of_weights_with_the_card_of_others(quick_check, arguments, weights, tmp_path):
    for name in ("ctpn.ckpt", "ctpn.card.json"):
        (tmp_path / name).write_bytes((weights / name).read_bytes())
    with (tmp_path / "ctpn.ckpt").open("ab") as file:
        file.write(b"x")
    code, printed = quick_check(without(arguments, "ctpn_weights", tmp_path / "ctpn.ckpt"))
    assert code == 1 and "is not the file that its card describes" in printed
    (tmp_path / "ctpn.card.json").write_text("{}")
    assert (
        "version None of a model card" in quick_check(without(arguments, "ctpn_weights", tmp_path / "ctpn.ckpt"))[1]
    )


def test_check_leaves_nothing_behind(quick_check, arguments, weights):
    before = sorted(weights.rglob("*"))
    quick_check(arguments)
    assert sorted(weights.rglob("*")) == before


def test_broken_weights_are_one_line(images, arguments, tmp_path):
    (tmp_path / "best.ckpt").write_bytes(b"not weights")
    done = predict(images, *without(arguments, "ctpn_weights", tmp_path / "best.ckpt"), cwd=tmp_path)
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1) and b"best.ckpt" in done.stderr
