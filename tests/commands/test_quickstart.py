"""scripts/quickstart.sh in a copy of the scripts, with a stand-in for Python that notes how it was called."""

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ("requirements.txt", "requirements-read.txt")
FILES = ("weights/ctpn.ckpt", "weights/crnn_lines.ckpt", "docs/images/sample.jpg", *REQUIREMENTS)
# It answers the questions about its version, makes virtual environments of itself, and fails where it is told to.
STAND_IN = """#!{python}
import json, os, shutil, sys
from pathlib import Path

arguments = sys.argv[1:]
if arguments[0] == "-c":
    if "version_info" in arguments[1]:
        print(os.environ.get("VERSION", "3.11"))
    sys.exit("ensurepip" in arguments[1] and bool(os.environ.get("NO_VENV")))
with open(os.environ["CALLS"], "a") as calls:
    calls.write(json.dumps(arguments) + "\\n")
if arguments[:2] == ["-m", "venv"]:
    place = Path(arguments[2]) / "bin"
    place.mkdir(parents=True)
    shutil.copy(__file__, place / "python")
    (place / "activate").write_text(f'VIRTUAL_ENV="{{place.parent.resolve()}}" PATH="{{place.resolve()}}:$PATH"')
if "synthesize.py" in arguments[0]:
    folder = Path(arguments[arguments.index("--output") + 1])
    folder.mkdir(parents=True)
    (folder / "manifest.json").touch()
sys.exit(3 if os.environ.get("FAIL") and os.environ["FAIL"] in " ".join(arguments) else 0)
"""


@pytest.fixture
def copy(tmp_path):
    """A repository of scripts and empty weights, and tools among which `python3` is the stand-in."""
    repository = tmp_path / "my repository"
    shutil.copytree(ROOT / "scripts", repository / "scripts")
    for name in FILES:
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).touch()
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("bash", "dirname", "mkdir", "sed", "cat", "cksum", "cut", "touch"):
        (tools / name).symlink_to(shutil.which(name))
    (tools / "python3").write_text(STAND_IN.format(python=sys.executable))
    (tools / "python3").chmod(stat.S_IRWXU)
    (tmp_path / "here").mkdir()
    return repository


def call(copy, *arguments, **more):
    """The finished process, and the calls of Python without those that ask for its version."""
    place = copy.parent
    variables = {"PATH": str(place / "tools"), "CALLS": str(place / "calls"), "HOME": str(place), **more}
    done = subprocess.run(
        [str(place / "tools" / "bash"), str(copy / "scripts" / "quickstart.sh"), *arguments],
        cwd=place / "here",
        env=variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    noted = place / "calls"
    return done, [json.loads(line) for line in noted.read_text().splitlines()] if noted.exists() else []


def test_a_fresh_machine(copy):
    """An environment, the packages, the sample, and what to do next."""
    done, calls = call(copy)
    assert done.returncode == 0, done.stderr
    assert [arguments[:2] for arguments in calls[:2]] == [["-m", "venv"], ["-m", "pip"]]
    assert calls[1][-2:] == ["-r", "requirements-read.txt"]  # without MindSpore
    output = copy / "output" / "quickstart"
    sample = str(copy / "docs" / "images" / "sample.jpg")
    assert calls[2:] == [
        [str(copy / "predict.py"), sample, "--output_dir", str(output), "--draw", "true"],
    ]
    for words in (
        "what to do next",
        "source .venv/bin/activate",
        "drawn.jpg",
        "json",
        "predict.py photo.jpg",
        "--train",
    ):
        assert words in done.stdout
    _, calls = call(copy)
    assert [arguments[0] for arguments in calls[3:]] == [str(copy / "predict.py")]  # nothing is installed twice


def test_images_and_options_of_the_user(copy):
    place = copy.parent / "here"
    (place / "a b.jpg").touch()
    (place / "c.jpg").touch()
    active = copy.parent / "active"
    (active / "bin").mkdir(parents=True)
    shutil.copy(copy.parent / "tools" / "python3", active / "bin" / "python")
    more = {"VIRTUAL_ENV": str(active), "PATH": f"{active / 'bin'}:{copy.parent / 'tools'}"}
    done, calls = call(copy, "a b.jpg", "c.jpg", "--draw=false", "--output_dir", "out put", "--threads", "1", **more)
    assert done.returncode == 0, done.stderr
    assert calls[0][:3] == ["-m", "pip", "install"]  # into the active environment
    assert calls[1:] == [
        [str(copy / "predict.py"), "a b.jpg", "c.jpg", "--draw=false", "--output_dir", "out put", "--threads", "1"],
    ]
    assert "activate" not in done.stdout
    assert not (copy / ".venv").exists()


@pytest.mark.parametrize(
    ("missing", "arguments", "word"),
    [
        (["ctpn"], [], "weights of ctpn in"),
        (["ctpn", "crnn_lines"], [], "weights of ctpn and crnn in"),
        (["crnn_lines"], ["--ctpn_weights", "x"], "weights of crnn in"),
        (["ctpn", "crnn_lines"], ["--recognize", "false"], "weights of ctpn in"),
        (["ctpn", "crnn_lines"], ["--ctpn_weights=x", "--recognize=false"], None),
        (["ctpn"], ["--detect", "false"], None),
        (["ctpn", "crnn_lines"], ["--ctpn_weights", "x", "--crnn_weights", "y"], None),
    ],
)
def test_missing_weights_are_told_before_anything_is_installed(copy, missing, arguments, word):
    for name in missing:
        (copy / "weights" / f"{name}.ckpt").unlink()
    done, calls = call(copy, *arguments)
    if word is None:
        assert done.returncode == 0, done.stderr
        return
    assert (done.returncode, calls) == (2, [])
    assert word in done.stderr and "--train" in done.stderr


@pytest.mark.parametrize(
    ("version", "arguments", "accepted"),
    [
        ("3.9", [], "Python 3.10 or newer is needed"),
        ("3.13", ["--train"], "Python 3.10 to 3.12 is needed, MindSpore has no package for others"),
        ("4.0", [], "Python 3.10 or newer is needed"),
    ],
)
def test_the_wrong_python_is_told(copy, version, arguments, accepted):
    done, calls = call(copy, *arguments, VERSION=version)
    assert (done.returncode, calls) == (2, [])
    for word in (accepted, f"python3 is {version}", "PYTHON="):
        assert word in done.stderr


@pytest.mark.parametrize(("version", "arguments"), [("3.10", []), ("3.13", []), ("3.14", []), ("3.12", ["--train"])])
def test_pythons_that_are_accepted(copy, version, arguments):
    """Reading needs no MindSpore, so no Python is too new for it; also one that has a name of its own only."""
    (copy.parent / "tools" / "python3").rename(copy.parent / "tools" / "python3.10")
    done, calls = call(copy, *arguments, VERSION=version)
    assert done.returncode == 0, done.stderr
    assert calls[1][-1] == ("requirements.txt" if arguments else "requirements-read.txt")
    done, _ = call(copy, *arguments, PYTHON="/nowhere/python", VERSION=version)
    assert done.returncode == 0  # the environment that was made is used


def test_no_python_at_all(copy):
    (copy.parent / "tools" / "python3").unlink()
    done, _ = call(copy)
    assert (done.returncode, "does not run" in done.stderr) == (2, True)


def test_a_python_without_venv_is_told(copy):
    done, calls = call(copy, NO_VENV="1")
    assert (done.returncode, calls) == (2, [])
    assert "apt install python3-venv" in done.stderr


def test_a_failed_installation_says_what_to_do(copy):
    done, calls = call(copy, FAIL="pip install")
    assert done.returncode == 3
    assert "PIP_NO_INDEX" in done.stderr and "packages could not be installed" in done.stderr
    assert calls[-1][:2] == ["-m", "pip"]
    _, calls = call(copy)  # the next time it is tried again
    assert [arguments[:2] for arguments in calls[-2:-1]] == [["-m", "pip"]]


def test_a_failed_reading_points_to_the_check(copy):
    done, _ = call(copy, FAIL="predict.py")
    assert done.returncode == 3 and "predict.py --check" in done.stderr
    assert "what to do next" not in done.stdout


def options_of(arguments):
    keys = arguments[1::2] if arguments[0] != "src/synthesize.py" else arguments[2::2]
    values = arguments[2::2] if arguments[0] != "src/synthesize.py" else arguments[3::2]
    assert len(set(keys)) == len(keys) and all(key.startswith("--") for key in keys)
    return dict(zip(keys, values, strict=True))


def train(copy, *arguments, **more):
    done, calls = call(copy, "--train", *arguments, **more)
    return done, [arguments for arguments in calls if arguments[0] != "-m"]


def test_training_from_data_to_export(copy):
    shutil.rmtree(copy / "weights")  # none are needed
    done, calls = train(copy, "--batch_size", "2")
    assert done.returncode == 0, done.stderr
    assert [arguments[0] for arguments in calls] == [
        *["src/synthesize.py"] * 3,
        *["src/create_dataset.py"] * 2,
        "train.py",
        "eval.py",
        "export.py",
    ]
    options = [options_of(arguments) for arguments in calls]
    assert [(each["--count"], each["--seed"], each["--size"]) for each in options[:3]] == [
        ("1200", "1", "384x256"),
        ("100", "2000001", "384x256"),
        ("150", "1000001", "384x256"),
    ]
    for each in options[3:]:
        assert (each["--config_path"], each["--batch_size"]) == ("configs/ctpn_quickstart.yaml", "2")
    records, validation, training, evaluation, export = options[3:]
    assert records["--pretrain_dataset_path"] + "/ctpn_pretrain.mindrecord0" == training["--pretraining_dataset_file"]
    assert records["--test_dataset_path"] + "/ctpn_test.mindrecord" == evaluation["--dataset_path"]
    assert validation["--test_dataset_path"] + "/ctpn_test.mindrecord" == training["--eval_dataset_path"]
    assert validation["--folder_test_path"] == "[data/quick/val/images, data/quick/val/gt]"
    assert evaluation["--dataset_path"] != training["--eval_dataset_path"]
    checkpoint = training["--save_checkpoint_path"] + "/ckpt_0/best_acc.ckpt"
    assert evaluation["--checkpoint_path"] == export["--ckpt_file"] == checkpoint
    assert training["--resume"] == "True" and export["--file_format"] == "ONNX"
    assert "what to do next" in done.stdout and checkpoint in done.stdout


def test_the_tiny_training_keeps_apart_and_options_win(copy):
    done, calls = train(copy, "--tiny", "--pre_total_epoch", "5")
    assert done.returncode == 0, done.stderr
    options = [options_of(arguments) for arguments in calls]
    assert [each["--count"] for each in options[:3]] == ["48", "8", "8"]
    assert options[5]["--pre_total_epoch"] == "5" and options[5]["--img_width"] == "192"
    assert options[5]["--save_checkpoint_path"] == "output/quick_tiny"
    assert all(each["--output"].startswith("data/quick_tiny/") for each in options[:3])


def test_a_stopped_training_goes_on_where_it_was(copy):
    done, calls = train(copy, "--tiny", FAIL="train.py")
    assert done.returncode == 3 and "the same command goes on" in done.stderr
    assert calls[-1][0] == "train.py" and "what to do next" not in done.stdout
    done, calls = train(copy, "--tiny")
    assert [arguments[0] for arguments in calls[6:]] == ["train.py", "eval.py", "export.py"]
    assert done.stdout.count("done before") == 5
    _, calls = train(copy, "--tiny")
    assert [arguments[0] for arguments in calls[9:]] == ["eval.py", "export.py"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--tiny"], "--tiny belongs to --train"),
        (["--train", "photo.jpg"], "--train takes no images"),
        (["nowhere.jpg"], "'nowhere.jpg' does not exist"),
    ],
)
def test_wrong_arguments(copy, arguments, words):
    done, calls = call(copy, *arguments)
    assert (done.returncode, calls) == (2, []) and words in done.stderr


def test_help(copy):
    done, calls = call(copy, "--help")
    assert (done.returncode, calls, done.stderr) == (0, [], "")
    assert "Usage: bash scripts/quickstart.sh" in done.stdout and "set -euo" not in done.stdout


def test_the_configuration_of_the_training_is_the_one_that_is_called(copy):
    """The folders of the full run are those of the configuration, so that the commands in it go on with the run."""
    config = (ROOT / "configs" / "ctpn_quickstart.yaml").read_text(encoding="utf-8")
    _, calls = train(copy)
    training, evaluation = options_of(calls[5]), options_of(calls[6])
    for key, value in (*training.items(), *evaluation.items()):
        if key not in ("--config_path", "--resume"):
            assert f"{key[2:]}: {value}\n" in config


def test_the_sample_is_the_one_that_the_program_draws(tmp_path):
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "draw_sample.py"), str(tmp_path / "sample.jpg")],
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ),
    )
    assert done.returncode == 0, done.stderr
    import numpy as np
    from PIL import Image

    drawn, kept = (
        np.asarray(Image.open(path), np.float32)
        for path in (tmp_path / "sample.jpg", ROOT / "docs/images/sample.jpg")
    )
    assert drawn.shape == kept.shape == (640, 960, 3)
    assert np.abs(drawn - kept).mean() < 3  # another version of a library may round another way
