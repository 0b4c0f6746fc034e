"""The training scripts of the CRNN reference: their arguments, and one real run of the shortest kind."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_words import drawn, write_lmdb

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ["train_full_1p.sh", "train_full_8p.sh", "train_performance_1p.sh", "train_performance_8p.sh"]

# Notes its arguments; as the launcher of several processes it also writes the log of the first one.
STAND_IN = """#!{python}
import json, os, pathlib, sys

if sys.argv[1] == "-c":
    sys.exit(print(4242))
with open(os.environ["CALLS"], "a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
if "--log_dir" in sys.argv:
    folder = pathlib.Path(sys.argv[sys.argv.index("--log_dir") + 1])
    (folder / "worker_0.log").write_text("[INFO] noise\\nfrom the first process\\n")
print("working", flush=True)
sys.exit(int(os.environ.get("EXIT_CODE", "0")))
"""


@pytest.fixture
def place(tmp_path):
    """A folder to call scripts from, with the stand-in and a data folder under names with a space."""
    (tmp_path / "my python").write_text(STAND_IN.format(python=sys.executable))
    (tmp_path / "my python").chmod(stat.S_IRWXU)
    (tmp_path / "here" / "my data").mkdir(parents=True)
    return tmp_path / "here"


def call(place, script, *arguments, **more):
    """Run a script; returns the finished process and the arguments of each call of Python."""
    noted = place.parent / "calls"
    environment = {**os.environ, "PYTHON": str(place.parent / "my python"), "CALLS": str(noted), **more}
    done = subprocess.run(
        ["bash", str(ROOT / "scripts" / script), *arguments],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done, [json.loads(line) for line in noted.read_text().splitlines()] if noted.exists() else []


def options_of(arguments):
    """Options as a dict; each key once. The part before train.py, if any, is the launcher's."""
    options, position = {}, arguments.index(str(ROOT / "train.py")) + 1
    while position < len(arguments):
        key, equals, value = arguments[position].partition("=")
        if not equals:
            position += 1
            value = arguments[position]
        assert key not in options
        options[key] = value
        position += 1
    return options


@pytest.mark.parametrize("script", SCRIPTS)
def test_defaults_are_those_of_the_table_of_the_reference(place, script):
    done, (arguments,) = call(place, script, "--data_path=my data")
    assert done.returncode == 0, done.stderr
    options = options_of(arguments)
    name = script.removesuffix(".sh")
    expected = {
        "--config_path": str(ROOT / "configs" / "crnn.yaml"),
        "--device_target": options["--device_target"],
        "--lmdb_root": "my data",
        "--save_checkpoint_path": name,
    }
    if "full" in script:
        expected |= {"--total_epoch": "100", "--run_eval": "True"}
    else:
        expected |= {"--total_epoch": "1", "--save_checkpoint": "False", "--save_best_ckpt": "False"}
    if "8p" in script:
        expected["--run_distribute"] = "True"
        launcher = arguments[: arguments.index(str(ROOT / "train.py"))]
        assert launcher[:2] == ["-m", "mindspore.parallel.cluster.run"]
        assert launcher[2:6] == ["--worker_num", "8", "--local_worker_num", "8"]
        assert done.stdout == (place / name / "log").read_text() == "from the first process\n"
    if options["--device_target"] == "auto":  # a machine without Ascend
        assert options == expected


@pytest.mark.parametrize("script", SCRIPTS[:2])
@pytest.mark.parametrize("device", ["Ascend", "GPU", "CPU"])
def test_both_forms_of_arguments(place, script, device):
    given = [
        "--data_path",
        "my data",
        "--epochs=3",
        "--device_target",
        device,
        "--seed=7",
        "--resume",
        "--train_lmdb",
        "[a, b c]",
        "--save_checkpoint_path=there",
    ]
    _, (arguments,) = call(place, script, *given)
    options = options_of(arguments)
    assert options["--total_epoch"] == "3"
    assert options["--device_target"] == device
    assert (options["--seed"], options["--resume"], options["--train_lmdb"]) == ("7", "True", "[a, b c]")
    assert options["--save_checkpoint_path"] == "there"
    large = device != "CPU"
    assert options.get("--batch_size") == ("2560" if large else None)
    assert options.get("--mixed_precision") == ("True" if large else None)
    _, calls = call(
        place,
        script,
        "--data_path=my data",
        "--batch_size",
        "32",
        "--device_target=" + device,
        "--mixed_precision=False",
    )
    assert options_of(calls[1])["--batch_size"] == "32"
    assert options_of(calls[1])["--mixed_precision"] == "False"


def test_fewer_processes_and_a_failing_one(place):
    _, (arguments,) = call(place, SCRIPTS[3], "--data_path=my data", "--device_num=2", MASTER_PORT="8119")
    assert arguments[2:8] == ["--worker_num", "2", "--local_worker_num", "2", "--master_port", "8119"]
    done, _ = call(place, SCRIPTS[3], "--data_path=my data", EXIT_CODE="1")
    assert done.returncode == 2
    assert "train_performance_8p/ranks" in done.stderr
    done, calls = call(place, SCRIPTS[1], "--data_path=my data", "--device_num", "1", EXIT_CODE="7")
    assert done.returncode == 7
    assert calls[2][0] == str(ROOT / "train.py")
    assert "--run_distribute" not in options_of(calls[2])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--data_path is missing"),
        (["--data_path=nowhere"], "'nowhere' is not a folder"),
        (["my data"], "'my data': expected --key=value"),
        (["--data_path"], "--data_path: a value is missing"),
        (["--data_path=my data", "--epochs", "many"], "--epochs: 'many' is not a number"),
        (["--data_path=my data", "--epochs=0"], "--epochs: '0'"),
        (["--data_path=my data", "--batch_size=-1"], "--batch_size: '-1'"),
    ],
)
def test_wrong_arguments(place, arguments, message):
    for script in SCRIPTS:
        done, calls = call(place, script, *arguments)
        assert done.returncode == 2
        assert message in done.stderr
        assert not calls


def test_one_device_has_no_number_of_devices(place):
    done, calls = call(place, SCRIPTS[0], "--data_path=my data", "--device_num=2")
    assert done.returncode == 2
    assert "one device" in done.stderr
    assert not calls


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_is_the_head_of_the_script(place, script):
    done, calls = call(place, script, "--help")
    assert done.returncode == 0
    assert f"Usage: bash scripts/{script}" in done.stdout
    assert not calls


def test_the_shortest_real_run_ends_with_the_table(tmp_path):
    """Upper and lower case of the folder's name as the reference's prose has it, not as its scripts do."""
    write_lmdb(tmp_path / "data" / "mj_lmdb", [(drawn("abc"), "abc")] * 8)
    done = subprocess.run(
        [
            "bash",
            str(ROOT / "scripts" / SCRIPTS[2]),
            "--data_path=data",
            "--epochs=1",
            "--batch_size=2",
            "--device_target=CPU",
            "--network_width=0.03",
            "--image_width=[32]",
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    table = done.stdout.splitlines()[-3:]
    cells = [cell.strip() for cell in table[2].split("|")[1:-1]]
    assert (cells[0], cells[2:5]) == ("-", ["1", "1", "O0"])
    assert float(cells[1]) > 0
    assert table == (tmp_path / "train_performance_1p" / "result.md").read_text().splitlines()
    assert not list(tmp_path.rglob("*.ckpt"))
