"""The entry points as a person starts them: one line for a mistake, and the way from data to metrics."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("mindspore")
onnxruntime = pytest.importorskip("onnxruntime")

from dumped_outputs import write_outputs

from src.data.detection.preprocess import preprocess
from src.data.images.decode import decode_image
from src.metrics.submission import read_submission
from src.model_utils.device_adapter import available_targets

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = ("train.py", "eval.py", "export.py", "postprocess.py", "src/create_dataset.py")


def run(place, command, *arguments, **variables):
    """Start an entry point in a folder that is not the repository, with paths relative to it."""
    inherited = {name: value for name, value in os.environ.items() if name not in ("GLOG_v", "PYTHONPATH")}
    return subprocess.run(
        [sys.executable, str(ROOT / command), *map(str, arguments)],
        cwd=place,
        capture_output=True,
        text=True,
        env={**inherited, "OMP_NUM_THREADS": "1", **variables},
        check=False,
        timeout=300,
    )


def good(done):
    """What a successful command printed; nothing of it is noise."""
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert "WARNING" not in done.stdout
    return done.stdout


@pytest.mark.parametrize(
    ("command", "arguments", "code", "words"),
    [
        *(
            (command, ["--bach_size", "2"], 2, "bach_size: unknown key; did you mean batch_size")
            for command in COMMANDS
        ),
        ("train.py", ["--config_path", "none.yaml"], 2, "config_path: 'none.yaml' is not a file"),
        ("train.py", ["--batch_size", "many"], 2, "batch_size: 'many' is not a whole number"),
        ("eval.py", ["--checkpoint_path", "none"], 2, "checkpoint_path: 'none' is not an existing path"),
        ("export.py", ["--ckpt_file", "none.ckpt"], 2, "ckpt_file: 'none.ckpt' is not an existing file"),
        ("export.py", ["--file_format", "TFLITE"], 2, "file_format: 'TFLITE' is not one of MINDIR, AIR, ONNX"),
        ("postprocess.py", [], 2, "export_dataset_path: is empty"),
        ("postprocess.py", ["--export_dataset_path", ".", "--result_path", "none"], 2, "result_path: 'none' is not"),
        ("postprocess.py", ["--network", "crnn"], 2, "export_dataset_path: is empty"),
        ("src/create_dataset.py", [], 2, "no data set is configured"),
        ("train.py", ["--device_target", "GPU"], 1, "device_target: this MindSpore has no GPU here, only CPU"),
        (
            "train.py",
            ["--device_target", "CPU"],
            2,
            "pretraining_dataset_file: data/ctpn/.*: no such MindRecord file",
        ),
    ],
)
def test_a_mistake_is_one_line_and_an_exit_code(tmp_path, command, arguments, code, words):
    if "GPU" in arguments and "GPU" in available_targets():
        pytest.skip("this machine has a GPU")
    done = run(tmp_path, command, *arguments)
    assert done.returncode == code
    assert re.fullmatch(f"error: .*{words}.*\n", done.stderr)
    assert list(tmp_path.iterdir()) == []


def test_help_is_complete(tmp_path):
    page = good(run(tmp_path, "train.py", "--help"))
    assert "--save_checkpoint_path" in page
    assert "(Pretraining, Finetune, FineTune)" in page


CONFIG = """
img_width: 128
img_height: 64
backbone_width: 0.0625
train_dataset: [folder]
test_dataset: [folder]
folder_train_path: [rendered scenes/images, rendered scenes/gt]
folder_test_path: [test/images, test/gt]
pretrain_dataset_path: records/train
test_dataset_path: records
pretraining_dataset_file: records/train/ctpn_pretrain.mindrecord0
dataset_path: records/ctpn_test.mindrecord
batch_size: 4
pre_total_epoch: 1
save_checkpoint_path: training
text_proposals_min_scores: 0.0
line_min_score: 0.0
min_num_proposals: 1
device_target: CPU
"""


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    """From rendered scenes to an exported network; each command's output by its name."""
    place = tmp_path_factory.mktemp("a new project")
    (place / "my config.yaml").write_text(CONFIG)
    config = ("--config_path", "my config.yaml")
    said = {}
    for folder, count, seed in (("rendered scenes", 9, 1), ("test", 4, 2)):
        rendered = run(
            place,
            "src/synthesize.py",
            "scenes",
            "--output",
            folder,
            "--count",
            count,
            "--seed",
            seed,
            "--size",
            "200x110",
            "--difficulty",
            "easy",
            "--workers",
            1,
        )
        assert rendered.returncode == 0, rendered.stderr
    said["create_dataset"] = good(run(place, "src/create_dataset.py", *config))
    said["train"] = good(run(place, "train.py", *config))
    said["eval"] = good(run(place, "eval.py", *config, "--checkpoint_path", "training/ckpt_0"))
    # As a ModelArts job, with folders for buckets: the result is brought to train_url.
    said["export"] = good(
        run(
            place,
            "export.py",
            *config,
            "--ckpt_file",
            "training/ckpt_0/ctpn-1_3.ckpt",
            "--file_format=ONNX",
            "--enable_modelarts",
            "True",
            "--output_path",
            "cache",
            "--train_url",
            "bucket",
            JOB_ID=place.parent.name,
        )
    )
    return SimpleNamespace(place=place, said=said, config=config)


@pytest.mark.slow
def test_training_and_evaluation_say_what_they_did(chain):
    place = chain.place
    assert "9 images in records/train/ctpn_pretrain.mindrecord0" in chain.said["create_dataset"]
    train = chain.said["train"]
    assert train.startswith("device CPU, seed 1\nPretraining: 9 images, 1 epochs of 3 steps, 4 images per step")
    assert "saved training/ckpt_0/ctpn-1_3.ckpt" in train
    assert "finished after epoch 1 step 3" in train
    assert re.fullmatch(r"\d+ epoch: 1 step: 3 ,rpn_loss: \d\.\d{5}\n", (place / "training/loss_0.log").read_text())
    metrics = json.loads(re.search(r"^ctpn-1_3: (\{.*\})$", chain.said["eval"], re.MULTILINE)[1])
    assert set(metrics) == {"precision", "recall", "hmean"}
    results = place / "eval_output"
    stored = json.loads((results / "results_ctpn-1_3.json").read_text())["figures"]["deteval"]
    assert metrics == pytest.approx(stored, abs=5e-6)
    assert len(list((results / "pictures_ctpn-1_3").iterdir())) == 4


@pytest.mark.slow
def test_the_printed_metrics_are_those_of_the_archives(chain):
    """scripts/eval_res.sh on what eval.py left."""
    done = subprocess.run(
        ["bash", str(ROOT / "scripts/eval_res.sh"), "eval_output/submit_ctpn-1_3.zip"],
        cwd=chain.place,
        check=True,
        env={**os.environ, "PYTHON": sys.executable},
        capture_output=True,
        text=True,
    )
    official = json.loads(done.stdout[done.stdout.index("{") :])
    stored = json.loads((chain.place / "eval_output/results_ctpn-1_3.json").read_text())["figures"]["deteval"]
    assert official == pytest.approx(stored, abs=1e-9)


@pytest.mark.slow
def test_an_export_on_modelarts_is_brought_back(chain):
    assert "wrote cache/ctpn.onnx" in chain.said["export"]
    assert {path.name for path in (chain.place / "bucket").iterdir()} == {"ctpn.onnx"}
    assert (chain.place / "bucket/ctpn.onnx").read_bytes() == (chain.place / "cache/ctpn.onnx").read_bytes()


@pytest.mark.slow
def test_postprocessing_of_the_exported_network_gives_the_lines_of_the_evaluation(chain):
    place = chain.place
    session = onnxruntime.InferenceSession(str(place / "bucket/ctpn.onnx"), providers=["CPUExecutionProvider"])
    for path in sorted((place / "test/images").iterdir()):
        image = decode_image(path)
        maps = session.run(None, {"image": preprocess(image, (64, 128))[0][None]})
        outputs = dict(zip(("score_map", "delta_map"), maps, strict=True))
        write_outputs(place / "result_Files", path.name, image.shape[:2], outputs)
    said = good(
        run(
            place,
            "postprocess.py",
            *chain.config,
            "--export_dataset_path",
            "test/images",
            "--label_path",
            "test/gt",
            "--eval_output_path",
            "post",
        )
    )
    wanted = read_submission(place / "eval_output/submit_ctpn-1_3.zip")
    found = read_submission(place / "post/submit.zip")
    assert set(found) == set(wanted)
    for name, boxes in wanted.items():
        np.testing.assert_allclose(found[name], boxes, atol=1)
    assert {path.name for path in (place / "post/output").iterdir()} == {f"res_{name}.txt" for name in wanted}
    printed = json.loads(re.search(r"submit.zip: (\{.*\})", said)[1])
    stored = json.loads((place / "eval_output/results_ctpn-1_3.json").read_text())["figures"]["deteval"]
    assert printed == pytest.approx(stored, abs=0.02)


@pytest.mark.slow
def test_images_alone_have_lines_but_no_metrics(chain):
    said = good(
        run(
            chain.place,
            "eval.py",
            "--config_path",
            "my config.yaml",
            "--dataset_path=",
            "--image_path",
            "test/images",
            "--checkpoint_path",
            "training/ckpt_0/ctpn-1_3.ckpt",
            "--eval_output_path",
            "alone",
        )
    )
    assert "ctpn-1_3: no ground truth, so no metrics" in said
    lines = json.loads((chain.place / "alone/results_ctpn-1_3.json").read_text())
    assert lines["figures"] == {}
    stored = json.loads((chain.place / "eval_output/results_ctpn-1_3.json").read_text())
    assert lines["lines"] == stored["lines"]
    assert not (chain.place / "alone/gt.zip").exists()


@pytest.mark.slow
def test_nothing_is_written_elsewhere(chain):
    expected = {
        "my config.yaml",
        "rendered scenes",
        "test",
        "records",
        "training",
        "eval_output",
        "cache",
        "bucket",
        "result_Files",
        "post",
        "alone",
    }
    assert {path.name for path in chain.place.iterdir()} <= expected
