"""The whole reader on narrow random networks: engines agree, the pipeline changes nothing, errors say what to do."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from reader_weights import crnn_params, ctpn_params, encoded, text_image, write_weights

from src.common.atomic_file import write_atomically
from src.common.errors import UserError
from src.engines.onnx_cache import cache_state, onnx_file, onnx_name
from src.reader import ImageSource, ReaderOptions, TextReader, Unreadable
from src.reader.networks import find_detector, find_recognizer
from src.reader.result import STAGES
from src.weights.card import CardError, write_card
from src.weights.mindspore_ckpt import encode

pytest.importorskip("onnxruntime")
ROOT = Path(__file__).resolve().parents[2]
# Random networks are sure of nothing: everything counts as text.
EASY = {"text_proposals_min_scores": 0.5, "line_min_score": 0.0, "min_ratio": 0.0, "min_num_proposals": 1}


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = write_weights(tmp_path_factory.mktemp("weights"))
    write_card(folder / "ctpn.ckpt", {"network": "ctpn", "image_size": [64, 96], "backbone_width": 0.125})
    write_card(folder / "crnn.ckpt", {"network": "crnn", "alphabet": "digits_lower", "widths": [100], "unit": "word"})
    card = {"network": "crnn", "alphabet": "printable_ascii", "widths": [100, 200], "unit": "line"}
    write_card(folder / "crnn_lines.ckpt", card)
    return folder


@pytest.fixture(scope="module")
def options(weights):
    files = {f"{name}_weights": weights / f"{name}.ckpt" for name in ("ctpn", "crnn", "crnn_lines")}
    sure = {"precision": "f32", "text_min_score": 0.0}  # the weights are random
    return ReaderOptions(**files, **sure, engine="onnxruntime", threads=1, **EASY)


@pytest.fixture(scope="module")
def reader(options):
    return TextReader(options)


def same_lines(found, expected, tolerance=0.0):
    assert len(found.lines) == len(expected.lines) > 0
    for line, other in zip(found.lines, expected.lines, strict=True):
        np.testing.assert_allclose(line.polygon, other.polygon, atol=tolerance)
        assert line.text == other.text


def test_a_image_from_a_file_bytes_and_pixels(reader, tmp_path):
    pixels = text_image()
    (tmp_path / "a.png").write_bytes(encoded(pixels))
    result = reader.read(tmp_path / "a.png")
    assert (result.width, result.height) == (320, 200)
    assert reader.recognizer_unit == "line" and all(isinstance(line.text, str) for line in result.lines)
    same_lines(reader.read(encoded(pixels), "a"), result)
    same_lines(reader.read(pixels), result)
    corners = np.array([line.polygon for line in result.lines])
    assert corners.min() >= 0 and (corners <= (319, 199)).all()


def test_the_json_is_as_described(reader):
    result = reader.read(text_image(), "dir/ä.png", keep_image=True)
    content = json.loads(result.to_json())
    keys = ["version", "image", "page", "pages", "width", "height", "orientation", "lines", "notes", "time_ms"]
    assert list(content) == keys
    assert content["version"] == 2 and content["image"] == "dir/ä.png"
    assert set(content["lines"][0]) == {"box", "polygon", "score", "text", "text_score", "words"}
    assert len(content["lines"][0]["polygon"]) == 4
    assert list(content["time_ms"]) == [*STAGES, "total"]
    assert content["time_ms"]["total"] == pytest.approx(sum(content["time_ms"][s] for s in STAGES), abs=0.05)
    assert content == result.to_dict()
    drawn = result.draw()
    assert drawn.shape in {(200, 320, 3), (200, 640, 3)}  # the texts beside the image where they are crowded
    assert (drawn[:, :320] != text_image()).any()
    assert result._repr_png_().startswith(b"\x89PNG")


def test_openvino_gives_the_same(reader, options):
    pytest.importorskip("openvino")
    same_lines(TextReader(options, engine="openvino").read(text_image()), reader.read(text_image()), 0.05)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("name", "words"), [("ctpn", "output is not finite"), ("crnn", "too large for float32")])
def test_a_diverged_network_is_one_error(options, tmp_path, name, words):
    """Its weights are numbers, but what it computes with them is not; without a word it would find nothing."""
    params = {"ctpn": ctpn_params, "crnn": crnn_params}[name]()
    with_batch_norm = "cnn.conv6.weight"
    kernel = {"ctpn": "rpn_with_loss.rpn_convs_list.rpn_cls.weight", "crnn": with_batch_norm}[name]
    params[kernel] = np.full_like(params[kernel], 3e38)
    write_atomically(tmp_path / f"{name}.ckpt", encode(params))
    with pytest.raises(UserError, match=words):
        reader = TextReader(options, **{f"{name}_weights": tmp_path / f"{name}.ckpt"}, recognizer="word")
        reader.read(text_image())


def test_mindspore_finds_the_same_lines(options):
    pytest.importorskip("mindspore")
    fixed = {"recognize": False, "img_height": 192, "img_width": 320}  # what is filled up for MindSpore would differ
    found = TextReader(options, engine="mindspore", **fixed).read(text_image())
    same_lines(found, TextReader(options, **fixed).read(text_image()), 0.001)
    assert "text" not in found.to_dict()["lines"][0]


def test_word_model_and_whole_images(options):
    reader = TextReader(options, detect=False, recognizer="word")
    result = reader.read(text_image(["word"], (120, 60)))
    (line,) = result.lines
    assert line.box == (0, 0, 119, 59) and line.score == 1
    assert " " not in line.text
    assert set(line.text) <= set("0123456789abcdefghijklmnopqrstuvwxyz")


@pytest.mark.parametrize("threads", [1, 2])  # one after another, and as a pipeline
def test_many_images_are_read_as_one_by_one(options, reader, tmp_path, threads):
    images = [text_image([text]) for text in ("one", "two", "three", "four")]
    (tmp_path / "bad.jpg").write_bytes(b"no image")
    sources = [*images[:2], tmp_path / "bad.jpg", tmp_path / "absent.png", *images[2:]]
    many = TextReader(options, threads=threads)
    results = list(many.read_many(iter(sources)))
    assert [isinstance(result, Unreadable) for result in results] == [False, False, True, True, False, False]
    assert "not an image" in str(results[2].error) and "missing" in str(results[3].error)
    for pixels, result in zip(images, [*results[:2], *results[4:]], strict=True):
        same_lines(result, reader.read(pixels))
    assert list(many.read_many([])) == []


@pytest.mark.parametrize("threads", [1, 2])
def test_a_detector_with_other_anchors_is_no_matter_of_a_image(options, threads, tmp_path):
    (tmp_path / "ctpn.ckpt").write_bytes(Path(options.ctpn_weights).read_bytes())
    write_card(tmp_path / "ctpn.ckpt", {"network": "ctpn", "image_size": [64, 96], "anchor_heights": [8, 16]})
    reader = TextReader(options, threads=threads, ctpn_weights=tmp_path / "ctpn.ckpt", recognize=False)
    with pytest.raises(UserError, match="anchor_heights: 2 of them.*trained with 14"):
        list(reader.read_many([text_image()]))


def test_an_abandoned_run_ends(options):
    results = TextReader(options, threads=2).read_many(text_image() for _ in range(1000))
    next(results)
    results.close()


# While the network works on image n, n + 1 is decoded and the lines of n - 1 are connected.
MEETS = {"_load": [("detect", -1)], "detect": [("_load", 1), ("connect", -1)], "connect": [("detect", 1)]}


def owner(reader, stage):
    return reader if stage == "_load" else reader._stages


def test_a_folder_is_a_pipeline(options, monkeypatch):
    """Every stage goes on only when the stages that it is to overlap with have begun."""
    reader, last = TextReader(options, threads=2), 4
    begun = {(stage, number): threading.Event() for stage in MEETS for number in range(1, last + 1)}
    on_time = []

    def meet(stage):
        work = getattr(owner(reader, stage), stage)

        def run(item):
            number = int(item.name)
            begun[stage, number].set()
            others = [begun[other, number + ahead] for other, ahead in MEETS[stage] if 1 <= number + ahead <= last]
            on_time.extend(other.wait(timeout=10) for other in others)
            return work(item)

        monkeypatch.setattr(owner(reader, stage), stage, run)

    for stage in MEETS:
        meet(stage)
    pixels = text_image(["x"], (96, 64))
    results = list(reader.read_many(ImageSource(pixels, str(number)) for number in range(1, last + 1)))
    assert [result.image for result in results] == ["1", "2", "3", "4"]
    assert all(on_time) and len(on_time) == 4 * (last - 1)


def test_one_thread_works_alone(options, monkeypatch):
    reader = TextReader(options, threads=1)
    names = []
    for stage in ("_load", "detect", "connect", "recognize"):
        work = getattr(owner(reader, stage), stage)

        def noted(item, work=work):
            names.append(threading.current_thread().name)
            return work(item)

        monkeypatch.setattr(owner(reader, stage), stage, noted)
    assert len(list(reader.read_many([text_image(["x"], (96, 64))] * 2))) == 2
    assert set(names) == {threading.current_thread().name} and len(names) == 8


def test_reading_needs_no_mindspore(options, tmp_path):
    """Not even for making the ONNX files: the cache is empty here."""
    program = f"""
import sys
import numpy as np
from src.reader import TextReader
reader = TextReader(ctpn_weights={str(options.ctpn_weights)!r}, crnn_weights={str(options.crnn_weights)!r},
                    recognizer="word", cache_dir={str(tmp_path / "cache")!r}, threads=1)
reader.read(np.full((64, 96, 3), 255, np.uint8))
print(reader.engine, "mindspore" in sys.modules, "torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    engine, *imported = done.stdout.split()
    assert engine in ("openvino", "onnxruntime") and imported == ["False", "False"]
    assert sorted(path.name.split("-")[0] for path in (tmp_path / "cache").glob("*.onnx")) == ["crnn", "ctpn"]


def test_openvino_under_a_cap_of_the_instructions(options):
    """The project sets one itself for newer MindSpore; OpenVINO then asked for a bfloat16 LSTM that was not there."""
    pytest.importorskip("openvino")
    files = {f"{name}_weights": str(getattr(options, f"{name}_weights")) for name in ("ctpn", "crnn", "crnn_lines")}
    program = (
        "import sys; sys.path.insert(0, 'tests')\n"
        "from reader_weights import text_image\n"
        "from src.reader import TextReader\n"
        f"reader = TextReader(engine='openvino', **{files})\n"
        "reader.read(text_image())\n"
        "assert reader.device.endswith('f32'), reader.device\n"
    )
    capped = {**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=capped, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_onnxruntime_leaves_the_cores_when_it_is_done(options, tmp_path):
    """Its threads went on waiting busily, and the next network had to share the cores with them."""
    from src.engines.onnxruntime_engine import OnnxRuntimeEngine

    def spent_asleep():
        before = time.process_time()
        time.sleep(0.1)
        return time.process_time() - before

    engine = OnnxRuntimeEngine(onnx_file(find_detector(options), tmp_path), threads=4)
    image = np.zeros((1, 3, 256, 256), np.float32)
    before, after = [], []  # other threads of this process may work, too
    for _ in range(5):
        before.append(spent_asleep())
        engine.run(image)
        after.append(spent_asleep())
    assert min(after) < min(before) + 0.03


@pytest.mark.parametrize(
    ("environment", "capped"),
    [
        ({}, False),
        ({"ONEDNN_MAX_CPU_ISA": ""}, False),
        ({"ONEDNN_MAX_CPU_ISA": "avx2"}, True),
        ({"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16"}, False),
        ({"DNNL_MAX_CPU_ISA": "AVX512_CORE"}, True),
        ({"ONEDNN_MAX_CPU_ISA": "ALL", "DNNL_MAX_CPU_ISA": "AVX2"}, False),
    ],
)
def test_which_caps_leave_no_bfloat16(environment, capped):
    pytest.importorskip("openvino")
    from src.engines.openvino_engine import bf16_is_capped

    assert bf16_is_capped(environment) == capped


def test_processes_that_fill_the_cache_together_leave_one_whole_file(options, tmp_path):
    program = f"""
import onnx
from src.weights.network_weights import find_weights
from src.engines.onnx_cache import onnx_file
weights = find_weights({str(options.crnn_weights)!r}, "crnn", "crnn_weights")
print("ready", flush=True)
input()
onnx.checker.check_model(str(onnx_file(weights, {str(tmp_path)!r})))
"""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    running = [subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, **pipes) for _ in range(3)]
    for process in running:
        process.stdout.readline()
    for process in running:  # all at once
        process.stdin.write("\n")
        process.stdin.flush()
    for process in running:
        _, errors = process.communicate()
        assert process.returncode == 0, errors
    names = [path.name for path in tmp_path.iterdir()]
    weights, _ = find_recognizer(ReaderOptions(crnn_weights=options.crnn_weights, recognizer="word"))
    assert sorted(names) == sorted([onnx_name(weights), onnx_name(weights).replace(".onnx", ".sha256")])


def test_the_cache_holds_the_hash_and_falls_back(options, tmp_path):
    found = find_detector(options)
    assert found.sha256[:20] in onnx_file(found, tmp_path / "cache").name
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    with pytest.raises(UserError, match="cache_dir"):
        onnx_file(found, blocked)
    (tmp_path / ".cache").write_text("no folder")
    (tmp_path / "ctpn.ckpt").write_bytes(found.path.read_bytes())
    elsewhere = find_detector(ReaderOptions(ctpn_weights=tmp_path / "ctpn.ckpt"))
    assert onnx_file(elsewhere).is_file() and onnx_file(elsewhere) == onnx_file(elsewhere)


@pytest.mark.parametrize("change", ["a byte", "shorter", "empty", "no hash", "another hash"])
def test_a_cached_file_that_was_changed_is_made_anew(options, tmp_path, change):
    path = onnx_file(find_detector(options), tmp_path)
    whole, times = path.read_bytes(), (path.stat().st_atime_ns, path.stat().st_mtime_ns)
    changed = {"a byte": whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:], "shorter": whole[:-1], "empty": b""}
    path.write_bytes(changed.get(change, whole))
    os.utime(path, ns=times)  # as old as before
    if change == "no hash":
        path.with_suffix(".sha256").unlink()
    elif change == "another hash":
        path.with_suffix(".sha256").write_bytes(b"\xff" * 64)
    weights = find_detector(options)
    assert "not as it was written" in cache_state(weights, tmp_path)
    assert onnx_file(weights, tmp_path).read_bytes() == whole
    assert bool(weights.notes) == (change != "no hash")
    assert "as it was written" in cache_state(weights, tmp_path) and onnx_file(weights, tmp_path) == path


def test_missing_weights_say_what_to_do(options, tmp_path):
    with pytest.raises(UserError, match="no file.*--ctpn_weights FILE, or train one"):
        TextReader(options, ctpn_weights=tmp_path / "none.ckpt")
    with pytest.raises(UserError, match="full.ckpt.*--ctpn_full_weights FILE"):
        TextReader(options, detector="full", ctpn_full_weights=tmp_path / "full.ckpt")
    with pytest.raises(UserError, match="--crnn_weights"):
        TextReader(options, crnn_weights=tmp_path / "a.ckpt", crnn_lines_weights=tmp_path / "b.ckpt")


def test_the_full_detector_has_weights_of_its_own(options, tmp_path):
    chosen = ReaderOptions(detector="full", ctpn_full_weights=options.ctpn_weights, ctpn_weights=tmp_path / "b.ckpt")
    assert find_detector(chosen).path == options.ctpn_weights


def test_auto_takes_words_where_there_are_no_lines(options, tmp_path):
    chosen = ReaderOptions(crnn_weights=options.crnn_weights, crnn_lines_weights=tmp_path / "b.ckpt")
    weights, unit = find_recognizer(chosen)
    assert unit == "word" and weights.path == options.crnn_weights


def test_a_file_that_is_not_the_cards(options, tmp_path):
    path = tmp_path / "crnn.ckpt"
    path.write_bytes(Path(options.crnn_weights).read_bytes())
    write_card(path, {"network": "crnn"})
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CardError, match="is not the file that its card describes"):
        TextReader(options, recognizer="word", crnn_weights=path)


def test_a_model_of_the_other_kind_or_alphabet(options, tmp_path):
    with pytest.raises(UserError, match="is of a line recognizer, not word"):
        TextReader(options, recognizer="word", crnn_weights=options.crnn_lines_weights)
    (tmp_path / "abc.txt").write_text("abc")
    with pytest.raises(UserError, match="37 classes, its alphabet of 3"):
        TextReader(options, recognizer="word", detect=False, alphabet=str(tmp_path / "abc.txt")).read(text_image())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"engine": "tensorrt"}, "engine: 'tensorrt' is not one of"),
        ({"recognizer": "both"}, "recognizer"),
        ({"detect": False, "recognize": False}, "nothing to do"),
        ({"img_height": 60, "img_width": 96}, "img_height: 60 is not a multiple of 16"),
        ({"img_height": 64}, "give both or neither"),
        ({"batch_size": 0}, "batch_size"),
        ({"color": 1}, "color"),
        ({"text_min_score": 1.5}, "text_min_score"),
    ],
)
def test_wrong_options(options, changes, message):
    with pytest.raises(UserError, match=message):
        TextReader(options, **changes)


def test_unsure_texts_are_left_out(options, reader):
    lines = reader.read(text_image()).lines
    scores = sorted(line.text_score for line in lines)
    least = scores[len(scores) // 2]
    assert scores[0] < least
    kept = TextReader(options, text_min_score=least).read(text_image()).lines
    assert kept == tuple(line for line in lines if line.text_score >= least)
    found = TextReader(options, text_min_score=1.0, recognize=False).read(text_image()).lines
    assert len(found) == len(lines)  # without recognition there is no such score
    assert len(TextReader(options, text_min_score=1.0, detect=False).read(text_image()).lines) == 1
