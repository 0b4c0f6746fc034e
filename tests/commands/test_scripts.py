"""The shell entry points, with a stand-in for Python that notes how it was called."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "scripts"
TRAIN = [f"run_standalone_train_{device}.sh" for device in ("cpu", "gpu", "ascend")]
EVAL = [f"run_eval_{device}.sh" for device in ("cpu", "gpu", "ascend")]
DEVICES = {"cpu": "CPU", "gpu": "GPU", "ascend": "Ascend"}
NASTY = "a b; $(touch pwned) `touch pwned` 'q' \"d\" *"

STAND_IN = """#!{python}
import json, os, signal, sys, time

def stop(number, frame):
    print("asked to stop by", signal.Signals(number).name, flush=True)
    time.sleep(0.3)
    print("saved", flush=True)
    sys.exit(128 + number)

signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGINT, stop)
with open(os.environ["CALLS"], "a") as calls:
    call = {{"arguments": sys.argv[1:], "device_id": os.environ.get("DEVICE_ID")}}
    calls.write(json.dumps(call) + "\\n")
print("working", flush=True)
print("complaining", file=sys.stderr, flush=True)
if os.environ.get("WAIT"):
    time.sleep(60)
sys.exit(int(os.environ.get("EXIT_CODE", "0")))
"""


@pytest.fixture
def place(tmp_path):
    """A folder to call scripts from, with the stand-in under a name with a space."""
    (tmp_path / "my python").write_text(STAND_IN.format(python=sys.executable))
    (tmp_path / "my python").chmod(stat.S_IRWXU)
    (tmp_path / "here").mkdir()
    return tmp_path / "here"


def environment(place, **more):
    return {**os.environ, "PYTHON": str(place.parent / "my python"), "CALLS": str(place.parent / "calls"), **more}


def call(place, script, *arguments, cwd=None, **more):
    """Run a script; returns the finished process and the calls of Python."""
    done = subprocess.run(
        ["bash", str(SCRIPTS / script), *arguments],
        cwd=cwd or place,
        env=environment(place, **more),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    noted = place.parent / "calls"
    calls = [json.loads(line) for line in noted.read_text().splitlines()] if noted.exists() else []
    assert not list(place.parent.rglob("pwned"))
    return done, calls


def log_of(path, text):
    """The content of a log, once it holds `text`: a script that became Python cannot wait for its log."""
    for _ in range(100):
        content = path.read_text() if path.exists() else ""
        if text in content:
            return content
        time.sleep(0.05)
    raise AssertionError(f"{text!r} is not in {path}: {content!r}")


def options_of(arguments):
    """`--key value` pairs as a dict; each key once."""
    keys = [key for key in arguments if key.startswith("--")]
    assert len(keys) == len(set(keys))
    return dict(zip(arguments[::2], arguments[1::2], strict=True))


@pytest.mark.parametrize("script", TRAIN)
def test_training_takes_the_arguments_of_the_seed_in_order(place, script):
    (place / "backbone.ckpt").touch()
    (place / "my config.yaml").touch()
    done, calls = call(place, script, "Pretraining", "backbone.ckpt", "3", "my config.yaml", "--seed", "5")
    assert done.returncode == 0, done.stderr
    assert calls[0]["arguments"][0] == str(ROOT / "train.py")
    assert options_of(calls[0]["arguments"][1:]) == {
        "--device_target": DEVICES[script.rpartition("_")[2].removesuffix(".sh")],
        "--task_type": "Pretraining",
        "--pre_trained": "backbone.ckpt",
        "--config_path": "my config.yaml",
        "--save_checkpoint_path": "train",
        "--seed": "5",
    }
    assert calls[0]["device_id"] == "3"
    assert "complaining" in log_of(place / "train" / "log", "complaining")
    assert "working" in done.stdout


def test_what_is_left_out_comes_from_the_configuration(place):
    _, calls = call(place, TRAIN[0], "Finetune", "--save_checkpoint_path=elsewhere", DEVICE_ID="6")
    assert calls[0]["arguments"][1:] == [
        "--device_target",
        "CPU",
        "--task_type",
        "Finetune",
        "--save_checkpoint_path=elsewhere",
    ]
    assert calls[0]["device_id"] == "6"
    _, calls = call(place, TRAIN[0], "Pretraining", "")
    assert options_of(calls[1]["arguments"][1:])["--pre_trained"] == ""


@pytest.mark.parametrize("script", EVAL)
def test_evaluation_takes_the_arguments_of_the_seed_in_order(place, script):
    for name in ("images", "checkpoints"):
        (place / name).mkdir()
    for name in ("test.mindrecord", "c.yaml"):
        (place / name).touch()
    done, calls = call(place, script, "images", "test.mindrecord", "checkpoints", "c.yaml", "--seed", "2")
    assert done.returncode == 0, done.stderr
    assert calls[0]["arguments"][0] == str(ROOT / "eval.py")
    assert options_of(calls[0]["arguments"][1:]) == {
        "--device_target": DEVICES[script.rpartition("_")[2].removesuffix(".sh")],
        "--image_path": "images",
        "--dataset_path": "test.mindrecord",
        "--checkpoint_path": "checkpoints",
        "--config_path": "c.yaml",
        "--eval_output_path": "eval",
        "--seed": "2",
    }
    assert (place / "eval" / "log").read_text() == done.stdout == "working\ncomplaining\n"


def test_evaluation_without_arguments_and_with_empty_ones(place):
    done, calls = call(place, EVAL[0])
    assert done.returncode == 0
    assert options_of(calls[0]["arguments"][1:]) == {"--device_target": "CPU", "--eval_output_path": "eval"}
    (place / "c.ckpt").touch()
    _, calls = call(place, EVAL[0], "", "", "c.ckpt", "--eval_output_path", "there")
    assert options_of(calls[1]["arguments"][1:]) == {
        "--device_target": "CPU",
        "--checkpoint_path": "c.ckpt",
        "--eval_output_path": "there",
    }


@pytest.mark.parametrize("script", [TRAIN[0], EVAL[0]])
def test_odd_names_are_only_names(place, script):
    odd = place / NASTY
    odd.mkdir()
    for name in (NASTY, "-dash.ckpt", "c.yaml"):
        (odd / name).touch()
    first = ["Finetune", NASTY] if script in TRAIN else [".", NASTY]
    done, calls = call(place, script, *first, "--file_name", NASTY, cwd=odd)
    assert done.returncode == 0, done.stderr
    options = options_of(calls[0]["arguments"][1:])
    assert options["--pre_trained" if script in TRAIN else "--dataset_path"] == NASTY
    assert options["--file_name"] == NASTY
    if script in TRAIN:
        done, calls = call(place, script, "Finetune", "-dash.ckpt", cwd=odd)
        assert options_of(calls[1]["arguments"][1:])["--pre_trained"] == "-dash.ckpt"


@pytest.mark.parametrize("script", [TRAIN[0], EVAL[0], "eval_res.sh"])
def test_a_failing_python_fails_the_script_with_its_code(place, script):
    (place / "submit.zip").touch()
    (place / "gt.zip").touch()
    done, calls = call(place, script, *(["Pretraining"] if script in TRAIN else []), EXIT_CODE="3")
    assert len(calls) == 1
    assert done.returncode == 3


@pytest.mark.parametrize(
    ("script", "arguments", "words"),
    [
        (TRAIN[0], [], ("Usage", "TASK_TYPE is missing")),
        (TRAIN[0], ["--seed", "1"], ("Usage", "TASK_TYPE is missing")),
        (TRAIN[0], ["Pretraining", "", "0", "", "more"], ("Usage", "5 arguments")),
        (TRAIN[0], ["Pretrain"], ("TASK_TYPE", "'Pretrain'", "Finetune")),
        (TRAIN[0], ["Pretraining", "no.ckpt"], ("PRETRAINED_PATH", "'no.ckpt'")),
        (TRAIN[0], ["Pretraining", "", "one"], ("DEVICE_ID", "'one'")),
        (TRAIN[0], ["Pretraining", "", "0", "no.yaml"], ("CONFIG_PATH", "'no.yaml'")),
        (EVAL[0], ["a", "b", "c", "d", "e"], ("Usage", "5 arguments")),
        (EVAL[0], ["nowhere"], ("IMAGE_PATH", "'nowhere'")),
        (EVAL[0], ["", "", "no.ckpt"], ("CHECKPOINT_PATH", "'no.ckpt'")),
        ("eval_res.sh", [], ("submit*.zip",)),
        ("eval_res.sh", ["no.zip"], ("'no.zip'",)),
        ("eval_res.sh", ["--gt"], ("--gt",)),
        ("eval_res.sh", ["--what"], ("'--what'", "unknown option")),
    ],
)
def test_wrong_arguments_are_told_before_anything_runs(place, script, arguments, words):
    done, calls = call(place, script, *arguments)
    assert (done.returncode, calls, done.stdout) == (2, [], "")
    for word in words:
        assert word in done.stderr
    assert list(place.iterdir()) == []


def start_waiting(place, **more):
    process = subprocess.Popen(
        ["bash", str(SCRIPTS / TRAIN[0]), "Pretraining"],
        cwd=place,
        env=environment(place, WAIT="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **more,
    )
    log_of(place / "train" / "log", "complaining")
    return process


def test_a_signal_to_the_script_alone_reaches_the_training(place):
    process = start_waiting(place)
    process.send_signal(signal.SIGTERM)
    shown, _ = process.communicate(timeout=30)
    assert process.returncode == 143
    assert "asked to stop by SIGTERM\nsaved" in shown


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_everybody_does_not_silence_the_training(place, number):
    """As Ctrl-C and job managers send it: the log, too, hears it."""
    process = start_waiting(place, start_new_session=True)
    os.killpg(process.pid, number)
    shown, _ = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert shown.count("asked to stop") == 1
    assert "saved" in shown
    assert "saved" in log_of(place / "train" / "log", "saved")


def test_the_log_of_a_training_is_continued(place):
    for seed in ("1", "2"):
        call(place, TRAIN[0], "Pretraining", "--resume", "--seed", seed)
        log_of(place / "train" / "log", "working\ncomplaining\n" * int(seed))
    done, _ = call(place, TRAIN[0], "Pretraining", EXIT_CODE="1")  # refused: another training is there
    assert done.returncode == 1
    assert log_of(place / "train" / "log", "working\ncomplaining\n" * 3)
    for _ in range(2):  # an evaluation writes all its results anew
        call(place, EVAL[0])
        assert (place / "eval" / "log").read_text() == "working\ncomplaining\n"


@pytest.mark.parametrize("script", [TRAIN[0], EVAL[0]])
@pytest.mark.parametrize("kind", ["a file for the folder", "a folder for the log"])
def test_a_log_that_cannot_be_written_stops_the_script_at_once(place, script, kind):
    folder = place / ("train" if script in TRAIN else "eval")
    if kind == "a file for the folder":
        folder.touch()
    else:
        (folder / "log").mkdir(parents=True)
    done, calls = call(place, script, *(["Pretraining"] if script in TRAIN else []))
    assert done.returncode != 0
    assert calls == []
    assert folder.name in done.stderr


def test_python_is_found(place, tmp_path):
    """PYTHON, else the active environment's, else python3."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("bash", "dirname", "mkdir", "tee", "sed"):
        (tools / name).symlink_to(shutil.which(name))
    variables = {**environment(place, PATH=str(tools), VIRTUAL_ENV="x"), "PYTHON": ""}

    def run():
        return subprocess.run(
            [str(tools / "bash"), str(SCRIPTS / EVAL[0])],
            cwd=place,
            env=variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    done = run()
    assert (done.returncode, "no Python found" in done.stderr) == (2, True)
    (tools / "python3").symlink_to(place.parent / "my python")
    assert run().stdout == "working\ncomplaining\n"


# ---- eval_res.sh


def write_zip(path, texts):
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in texts.items():
            archive.writestr(name, text)


@pytest.fixture
def scored(tmp_path):
    """A folder with a submission, as eval.py leaves it: one of two words found."""
    folder = tmp_path / "my eval"
    folder.mkdir()
    write_zip(folder / "gt.zip", {"gt_img_1.txt": '0,0,99,19,"a"\n0,40,99,59,"b"\n'})
    write_zip(folder / "submit_ctpn-1_5.zip", {"res_img_1.txt": "0,0,99,19\n"})
    return folder


def eval_res(folder, *arguments, script=SCRIPTS / "eval_res.sh"):
    return subprocess.run(
        ["bash", str(script), *arguments],
        cwd=folder,
        env={**os.environ, "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def metrics_in(text):
    return json.loads(text[text.index("{") : text.index("}") + 1])


def test_our_implementation_scores(scored):
    # A folder of that name where the user stands must not be taken for ours.
    (scored / "src").mkdir()
    (scored / "src" / "__init__.py").touch()
    for arguments in ((), ("submit_ctpn-1_5.zip",), ("submit_ctpn-1_5.zip", "--gt", "gt.zip")):
        done = eval_res(scored, *arguments)
        assert done.returncode == 0, done.stderr
        metrics = metrics_in(done.stdout)
        assert metrics["precision"] == 1
        assert metrics["recall"] == 0.5
        assert metrics["hmean"] == pytest.approx(2 / 3, abs=1e-6)
    assert eval_res(scored.parent, "my eval/submit_ctpn-1_5.zip").returncode == 0


def test_every_submission_of_the_eval_folder_is_scored(scored):
    scored.rename(scored.with_name("eval"))
    shutil.copy(scored.with_name("eval") / "submit_ctpn-1_5.zip", scored.with_name("eval") / "submit_other one.zip")
    done = eval_res(scored.parent)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Calculated!") == 2
    assert "eval/submit_other one.zip" in done.stdout


def test_a_damaged_submission_fails(scored):
    (scored / "submit_ctpn-1_5.zip").write_text("no zip")
    done = eval_res(scored)
    assert done.returncode == 1
    assert "submit_ctpn-1_5.zip" in done.stderr
    (scored / "gt.zip").unlink()
    done = eval_res(scored)
    assert (done.returncode, "no ground truth" in done.stderr) == (2, True)


def test_the_official_script_is_used_where_it_is(scored, tmp_path):
    scripts = tmp_path / "copy of it" / "scripts"
    shutil.copytree(SCRIPTS, scripts)
    (scripts / "script.py").write_text("import sys, helper\nprint('official', *sys.argv[1:], sep='|')\n")
    (scripts / "helper.py").touch()
    shutil.move(scored / "gt.zip", scripts / "gt.zip")
    done = eval_res(scored, script=scripts / "eval_res.sh")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"official|-g={scripts}/gt.zip|-s=submit_ctpn-1_5.zip|-o=."
    (scripts / "script.py").write_text("raise SystemExit(4)")
    assert eval_res(scored, script=scripts / "eval_res.sh").returncode == 4


def trained(folder):
    (folder / "ckpt_0").mkdir(parents=True)
    (folder / "ckpt_0" / "ctpn-1_3.ckpt").write_text("weights")
    (folder / "log").write_text("the first run\n")
    return folder


def aside(place, name="train"):
    return [path for path in place.iterdir() if path.name.startswith(f"{name}-20")]


def test_a_second_training_moves_the_first_aside_and_finds_its_checkpoint(place):
    """Pretraining, then Finetune from its checkpoint, as the seed does it."""
    trained(place / "train")
    done, calls = call(place, TRAIN[0], "Finetune", "train/ckpt_0/ctpn-1_3.ckpt")
    (old,) = aside(place)
    assert (old / "log").read_text() == "the first run\n"
    options = options_of(calls[0]["arguments"][1:])
    assert options["--pre_trained"] == f"{old.name}/ckpt_0/ctpn-1_3.ckpt"
    assert (place / options["--pre_trained"]).read_text() == "weights"
    assert options["--save_checkpoint_path"] == "train" and not (place / "train" / "ckpt_0").exists()
    assert f"the training that was in train is now in {old.name}" in done.stdout
    assert "the first run" not in log_of(place / "train" / "log", "working")


def test_a_checkpoint_that_the_configuration_names_follows(place):
    trained(place / "train")
    (place / "my.yaml").write_text('task_type: Finetune\npre_trained: "train/ckpt_0/ctpn-1_3.ckpt"  # ours\n')
    _, calls = call(place, TRAIN[0], "Finetune", "", "", "my.yaml")
    (old,) = aside(place)
    assert options_of(calls[0]["arguments"][1:])["--pre_trained"] == ""  # given as empty, so it is empty
    trained(place / "train")
    _, calls = call(place, TRAIN[0], "Finetune", "--config_path", "my.yaml")
    newest = next(path for path in aside(place) if path != old)
    assert options_of(calls[1]["arguments"][1:])["--pre_trained"] == f"{newest.name}/ckpt_0/ctpn-1_3.ckpt"


@pytest.mark.parametrize(
    "arguments", [["--resume"], ["--resume=True"], ["--resume", "true"], ["--config_path", "my.yaml"]]
)
def test_a_training_that_is_continued_stays(place, arguments):
    trained(place / "train")
    (place / "my.yaml").write_text("resume: True\n")
    call(place, TRAIN[0], "Pretraining", *arguments)
    assert not aside(place) and "the first run" in log_of(place / "train" / "log", "working")


@pytest.mark.parametrize(
    "arguments", [["--resume", "False"], ["--config_path", "my.yaml", "--resume=False"], ["--seed", "1"]]
)
def test_a_training_that_is_not_continued_goes(place, arguments):
    trained(place / "train")
    (place / "my.yaml").write_text("resume: True\n")
    call(place, TRAIN[0], "Pretraining", *arguments)
    assert len(aside(place)) == 1


def test_the_log_goes_where_the_run_goes_and_a_named_folder_is_not_moved(place):
    trained(place / "mine")
    call(place, TRAIN[0], "Pretraining", "--save_checkpoint_path", "mine")
    assert "the first run" in log_of(place / "mine" / "log", "working")
    assert not (place / "train").exists() and not aside(place, "mine")
    done, _ = call(place, EVAL[0], "--eval_output_path=figures")
    assert done.returncode == 0 and (place / "figures" / "log").is_file() and not (place / "eval").exists()


@pytest.mark.parametrize("shell", ["sh", "dash"])
def test_scripts_started_with_sh_go_on_in_bash(place, shell):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    # The two others have tests of their own; they would install and lint here.
    scripts = [script for script in SCRIPTS.glob("*.sh") if script.name not in ("quickstart.sh", "run_tests.sh")]
    for script in sorted(scripts):
        done = subprocess.run(
            [shell, script, "--help"],
            cwd=place,
            env=environment(place),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0 and "Usage: bash scripts/" in done.stdout, (script.name, done.stderr)
    done = subprocess.run(
        [shell, SCRIPTS / TRAIN[0], "Pretraining"],
        cwd=place,
        env=environment(place, POSIXLY_CORRECT="1"),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0 and "working" in done.stdout


def test_submissions_are_found_from_inside_scripts(place):
    """`bash eval_res.sh` in scripts/, as the seed says, for what lies in the root of the repository."""
    copy = place / "copy"
    shutil.copytree(SCRIPTS, copy / "scripts")
    with zipfile.ZipFile(copy / "scripts" / "gt.zip", "w"), zipfile.ZipFile(copy / "submit.zip", "w"):
        pass
    done = subprocess.run(
        ["bash", "eval_res.sh"],
        cwd=copy / "scripts",
        env=environment(place),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and str(copy / "submit.zip") in done.stdout
