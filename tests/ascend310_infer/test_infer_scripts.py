"""run_infer_310.sh and run_infer_cpu.sh: from an exported network to metrics, and what they refuse."""

import json
import os
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from infer_builds import ROOT, SANITIZED, need_tools, run
from tiny_detection import HEIGHT, WIDTH, bright_is_text, make_entries, tiny_config, write_images, write_labels
from tiny_networks import write_bright_onnx, write_ctpn_stand_in

from src.ctpn.text_lines import detect_options, lines_from_maps
from src.data.detection.preprocess import preprocess
from src.data.images.decode import decode_image
from src.evaluation.detection import DetectionEvaluation
from src.metrics.detection_result import GroundTruth
from src.metrics.submission import read_submission, to_pixels
from src.weights.exported_card import CARD_NOTE, card_text, detector_card

SCRIPTS = ["run_infer_310.sh", "run_infer_cpu.sh"]
SIZES = {"img_3.jpg": (70, 100), "img_10.png": (120, 90), "img_1.JPEG": (64, 96), "b/img_2.bmp": (33, 200)}
SETTINGS = {"text_proposals_min_scores": 0.9, "line_min_score": 0.0, "min_num_proposals": 1}


@pytest.fixture
def place(tmp_path):
    """A folder to call from, with images, labels, and a configuration of a network of 64 x 96 pixels."""
    here = tmp_path / "a place"
    entries = make_entries(SIZES)
    write_images(here / "my images", entries)
    write_labels(here / "my labels", entries)
    lines = {"img_height": HEIGHT, "img_width": WIDTH, **SETTINGS}
    (here / "my config.yaml").write_text("".join(f"{key}: {value}\n" for key, value in lines.items()))
    (here / "src").mkdir()  # not ours
    return here


def call(place, script, *arguments, **variables):
    environment = {**os.environ, "PYTHON": sys.executable, "OMP_NUM_THREADS": "1", **variables}
    return run("bash", ROOT / "scripts" / script, *arguments, cwd=place, env=environment)


def expected_evaluation(place, keep_ratio):
    """What eval.py makes of the same images and the same network, which is here a function."""
    options = detect_options(tiny_config(keep_ratio=keep_ratio, **SETTINGS))
    evaluation = DetectionEvaluation()
    for name, (_, boxes, ignored, size) in make_entries(SIZES).items():
        image = preprocess(decode_image(place / "my images" / name), (HEIGHT, WIDTH), keep_ratio)[0]
        maps = bright_is_text(image[None])
        evaluation.lines[name] = lines_from_maps(*maps, np.array([size]), options)[0]
        evaluation.ground_truth[name] = GroundTruth(boxes, ignored)
    return evaluation


@pytest.mark.parametrize("keep_ratio", [False, True])
def test_on_cpu_the_metrics_are_those_of_an_evaluation(openvino_main, place, keep_ratio):
    """hmean within 0.1 points, the boxes within a pixel; keep_ratio reaches both the application and the rest."""
    write_bright_onnx(place / "bright.onnx", HEIGHT, WIDTH)
    done = call(
        place,
        "run_infer_cpu.sh",
        "bright.onnx",
        "my images",
        "my labels",
        "--config_path",
        "my config.yaml",
        "--batch_size",
        "3",
        "--infer_threads=1",
        f"--keep_ratio={keep_ratio}",
        "--draw_results",
        "False",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    metrics = json.loads(re.search(r"^submit.zip: (\{.*\})$", done.stdout, re.MULTILINE)[1])
    evaluation = expected_evaluation(place, keep_ratio)
    wanted = evaluation.metrics()["deteval"]
    assert 0.2 < wanted["hmean"] < 1
    assert metrics == pytest.approx({key: wanted[key] for key in metrics}, abs=1e-3)
    for name, boxes in read_submission(place / "infer" / "submit.zip").items():
        (full,) = (full for full in SIZES if full.rpartition("/")[2].rpartition(".")[0] == name)
        assert np.abs(boxes - to_pixels(evaluation.lines[full].boxes)).max(initial=0) <= 1
    assert "NN inference cost average time: " in done.stdout
    assert (place / "infer" / "time_Result" / "test_perform_static.txt").is_file()
    assert len(list((place / "infer" / "output").glob("res_*.txt"))) == len(SIZES)
    assert "== post-processing" in (place / "infer" / "log").read_text()


def test_the_options_of_the_export_are_used_without_a_configuration(openvino_main, place):
    """line_min_score and keep_ratio from the card inside the ONNX file, for the application and the scoring."""
    options = detect_options(tiny_config(keep_ratio=True, **SETTINGS))
    write_bright_onnx(place / "bright.onnx", HEIGHT, WIDTH)
    model = onnx.load(place / "bright.onnx")
    onnx.helper.set_model_props(model, {CARD_NOTE: card_text(detector_card(options))})
    onnx.save(model, place / "bright.onnx")
    done = call(place, "run_infer_cpu.sh", "bright.onnx", "my images", "my labels", "--draw_results", "False")
    assert done.returncode == 0, done.stdout + done.stderr
    metrics = json.loads(re.search(r"^submit.zip: (\{.*\})$", done.stdout, re.MULTILINE)[1])
    wanted = expected_evaluation(place, True).metrics()["deteval"]
    assert metrics == pytest.approx({key: wanted[key] for key in metrics}, abs=1e-3)
    assert "network.card.json sets keep_ratio True" in done.stdout


def call_310(sanitized, place, *arguments, **variables):
    return call(
        place,
        "run_infer_310.sh",
        *arguments,
        INFER_BUILD_DIR=str(SANITIZED),
        **{
            "LITE_HOME": str(SANITIZED.with_name("lite stand-in")),
            "ASAN_OPTIONS": "detect_leaks=0",
            **variables,
        },
    )


def test_on_ascend_the_whole_way_but_the_device(sanitized, place):
    write_ctpn_stand_in(place / "my net.mindir", batch=2)
    arguments = ["my net.mindir", "my images", "my labels", "1", "--config_path", "my config.yaml"]
    done = call_310(sanitized, place, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "CTPN with mindspore_lite on Ascend 1: 4 images, 2 at a time" in done.stdout
    assert re.search(r"^submit.zip: \{\"precision\": ", done.stdout, re.MULTILINE)
    assert (place / "infer" / "result_Files" / "b" / "img_2.bmp_1.bin").is_file()
    assert sum(path.is_file() for path in (place / "infer" / "output_img").rglob("*")) == len(SIZES)
    # Outputs of an image that is gone do not stay; without labels there are no metrics.
    (place / "my images" / "img_3.jpg").unlink()
    done = call_310(sanitized, place, *arguments[:2], "", *arguments[3:])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "submit.zip: no ground truth, so no metrics" in done.stdout
    assert not (place / "infer" / "result_Files" / "img_3.jpg.json").exists()


def test_a_failing_application_fails_the_script(sanitized, place):
    write_ctpn_stand_in(place / "net.mindir")
    (place / "my images" / "img_3.jpg").write_bytes(b"broken")
    done = call_310(sanitized, place, "net.mindir", "my images", "my labels", "--config_path", "my config.yaml")
    assert done.returncode == 1
    assert "img_3.jpg: not an image" in done.stdout
    assert "== post-processing" not in done.stdout


def test_a_failing_post_processing_fails_the_script(sanitized, place):
    write_ctpn_stand_in(place / "net.mindir")
    (place / "my labels" / "gt_img_3.txt").unlink()
    done = call_310(sanitized, place, "net.mindir", "my images", "my labels", "--config_path", "my config.yaml")
    assert done.returncode == 1
    assert "label_path: no gt_img_3.txt" in done.stdout + done.stderr
    assert "== building" not in done.stdout


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_shows_the_usage_with_an_example(place, script):
    before = sorted(place.iterdir())
    done = call(place, script, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Usage: bash scripts/{script}" in done.stdout
    assert f"Example: bash scripts/{script}" in done.stdout
    assert sorted(place.iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["net"], ("Usage", "MODEL_PATH and DATA_PATH are needed")),
        (["net", "my images", "", "0", "more"], ("Usage", "5 arguments")),
        (["none.net", "my images"], ("MODEL_PATH", "'none.net' is not a file")),
        (["my config.yaml", "my images"], ("MODEL_PATH", "does not end in")),
        (["net", "nowhere"], ("DATA_PATH", "'nowhere'")),
        (["net", "my images", "nowhere"], ("ANN_FILE_PATH", "'nowhere'")),
        (["net", "my images", "", "one"], ("DEVICE_ID", "'one'")),
        (["net", "my images", "", "0", "--bach_size", "2"], ("bach_size: unknown key",)),
        (["net", "my images", "", "0", "--keep_ratio", "maybe"], ("keep_ratio: 'maybe'",)),
        (["net", "my images", "", "0", "--batch_size"], ("batch_size: a value is missing",)),
    ],
)
@pytest.mark.parametrize("script", SCRIPTS)
def test_wrong_arguments_are_told_before_anything_is_built(place, script, arguments, words):
    model = {"run_infer_310.sh": "net.mindir", "run_infer_cpu.sh": "net.onnx"}[script]
    (place / model).touch()
    done = call(place, script, *(model if argument == "net" else argument for argument in arguments))
    assert (done.returncode, done.stdout) == (2, "")
    for word in words:
        assert word in done.stderr
    assert not (place / "infer").exists()


def test_without_mindspore_lite_the_script_says_so(place):
    (place / "net.mindir").touch()
    for lite_home, words in (("", "LITE_HOME: is empty"), ("nowhere", "LITE_HOME: 'nowhere' is not a folder")):
        done = call(place, "run_infer_310.sh", "net.mindir", "my images", LITE_HOME=lite_home)
        assert done.returncode == 2
        assert words in done.stdout


def build_sh(place, *arguments, **variables):
    environment = {**os.environ, "PYTHON": sys.executable, **variables}
    return run("bash", ROOT / "ascend310_infer" / "build.sh", *arguments, cwd=place, env=environment)


def test_build_says_what_it_takes(place):
    done = build_sh(place, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Usage: bash ascend310_infer/build.sh" in done.stdout and "Example: " in done.stdout
    done = build_sh(place, "tensorrt", "there")
    assert done.returncode == 2
    assert "'tensorrt' is not mindspore_lite or openvino" in done.stderr
    assert not (place / "there").exists()


def test_build_says_what_is_missing(place):
    need_tools()
    (place / "empty").mkdir()
    done = build_sh(place, "mindspore_lite", "there", LITE_HOME="empty")
    assert done.returncode == 2
    assert f"LITE_HOME '{place}/empty' holds no runtime/include/api/model.h" in done.stderr.replace("\n  ", " ")
    done = build_sh(place, "mindspore_lite", "there", LITE_HOME=str(place), CXX="no-such-compiler")
    assert done.returncode == 2
    assert "a C++ compiler is missing" in done.stderr


def test_shellcheck_finds_nothing():
    beside_python = Path(sys.executable).with_name("shellcheck")
    shellcheck = str(beside_python) if beside_python.exists() else shutil.which("shellcheck")
    if shellcheck is None:
        pytest.skip("shellcheck is not installed")
    files = [ROOT / "ascend310_infer" / "build.sh", *(ROOT / "scripts" / script for script in SCRIPTS)]
    done = run(shellcheck, "-x", *files, cwd=ROOT)
    assert done.returncode == 0, done.stdout
