"""The scripts that train in several processes, with a stand-in for the launcher and the processes."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rank_tables import EIGHT, TWO_HOSTS, changed, table

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "scripts"
ASCEND, GPU, CPU = (f"run_distribute_train_{device}.sh" for device in ("ascend", "gpu", "cpu"))
STAND_IN = Path(__file__).with_name("launcher_stand_in.py")
NASTY = "a b; $(touch pwned) `touch pwned` 'q' \"d\" *"
CORES = sorted(os.sched_getaffinity(0))


@pytest.fixture
def place(tmp_path):
    """A folder to call scripts from; the stand-in lies beside it, under a name with a space."""
    stand_in = tmp_path / "my python"
    stand_in.write_text(f"#!{sys.executable}\n{STAND_IN.read_text()}")
    stand_in.chmod(stat.S_IRWXU)
    (tmp_path / "here").mkdir()
    yield tmp_path / "here"
    assert not list(tmp_path.rglob("pwned"))
    # What writes the log closes its output, which is what a caller waits for, a moment before it ends itself.
    end = time.monotonic() + 5
    while running(tmp_path) and time.monotonic() < end:
        time.sleep(0.02)
    assert running(tmp_path) == []


def running(folder):
    """Processes of a test that still run: all know the file for their notes."""
    wanted = f"CALLS={folder / 'calls'}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (process / "environ").read_bytes().split(b"\0"):
                found.append((process.name, (process / "cmdline").read_text().replace("\0", " ")))
        except OSError:
            continue
    return found


def environment(place, **more):
    variables = {
        "PYTHON": str(place.parent / "my python"),
        "REAL_PYTHON": sys.executable,
        "CALLS": str(place.parent / "calls"),
    }
    left_out = ("CUDA_VISIBLE_DEVICES", "MASTER_PORT", "HCCL_CONNECT_TIMEOUT", "ASCEND_RT_VISIBLE_DEVICES")
    inherited = {name: value for name, value in os.environ.items() if name not in left_out}
    return {**inherited, **variables, **more}


def notes(place):
    noted = place.parent / "calls"
    return [json.loads(line) for line in noted.read_text().splitlines()] if noted.exists() else []


def call(place, script, *arguments, **more):
    """Run a script; returns the finished process, and the calls of the launcher and of the ranks, by rank."""
    done = subprocess.run(
        ["bash", str(SCRIPTS / script), *map(str, arguments)],
        cwd=place,
        env=environment(place, **more),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    calls = notes(place)
    ranks = sorted((item for item in calls if item["kind"] == "rank"), key=lambda item: int(item["MS_NODE_ID"]))
    return done, [item for item in calls if item["kind"] != "rank"], ranks


def options_of(arguments):
    """`--key value` pairs as a dict; each key once."""
    keys = arguments[::2]
    assert len(keys) == len(set(keys))
    assert all(key.startswith("--") for key in keys)
    return dict(zip(keys, arguments[1::2], strict=True))


def split(started):
    """Options of the launcher, and of the training."""
    arguments = started["arguments"]
    assert arguments[:2] == ["-m", "mindspore.parallel.cluster.run"]
    position = arguments.index(str(ROOT / "train.py"))
    return options_of(arguments[2:position]), options_of(arguments[position + 1 :])


def write(place, content, name="my table.json"):
    (place / name).write_text(json.dumps(content))
    return name


# ---- Ascend


def test_the_cards_of_a_rank_table(place):
    """The arguments of the seed in order; devices beyond the first ones are shown to the processes."""
    name = write(place, table(("10.155.170.71", (4, 5, 7))))
    (place / "my backbone.ckpt").touch()
    (place / "my config.yaml").touch()
    done, (started,), ranks = call(
        place, ASCEND, name, "Pretraining", "my backbone.ckpt", "my config.yaml", "--seed", "5"
    )
    assert done.returncode == 0, done.stderr
    launcher, training = split(started)
    assert int(launcher.pop("--master_port")) > 0
    assert launcher == {
        "--worker_num": "3",
        "--local_worker_num": "3",
        "--rank_table_file": str(place / name),
        "--bind_core": "True",
        "--join": "True",
        "--tail_worker_log": "3",
        "--log_dir": "train_parallel0/ranks",
    }
    assert training == {
        "--device_target": "Ascend",
        "--task_type": "Pretraining",
        "--pre_trained": "my backbone.ckpt",
        "--config_path": "my config.yaml",
        "--save_checkpoint_path": "train_parallel0",
        "--run_distribute": "True",
        "--seed": "5",
    }
    assert [(rank["MS_NODE_ID"], rank["ASCEND_RT_VISIBLE_DEVICES"]) for rank in ranks] == [
        (number, "4,5,7") for number in "012"
    ]
    assert started["HCCL_CONNECT_TIMEOUT"] == "600"
    assert {rank["RANK_JOB"] for rank in ranks} == {started["RANK_JOB"]}


def test_every_rank_has_a_log_and_the_first_is_shown(place):
    for _ in range(2):  # a second run does not add to the first one's logs
        done, _, _ = call(place, ASCEND, write(place, EIGHT), "Finetune", "--pre_trained=x.ckpt")
        assert done.stdout == "rank 0 works\n"
    assert (place / "train_parallel0" / "log").read_text() == "rank 0 works\n"
    for rank in range(8):
        expected = f"[WARNING] noise of a thread\nrank {rank} works\n"
        assert (place / "train_parallel0" / "ranks" / f"worker_{rank}.log").read_text() == expected
        if rank:
            assert (place / f"train_parallel{rank}" / "log").read_text() == expected
    assert sorted(path.name for path in place.iterdir()) == [
        "my table.json",
        *(f"train_parallel{rank}" for rank in range(8)),
    ]


def test_without_a_table_the_number_of_cards_is_given(place):
    done, (started,), ranks = call(place, ASCEND, "", "Pretraining", "--device_num", "2", HCCL_CONNECT_TIMEOUT="900")
    assert done.returncode == 0, done.stderr
    launcher, training = split(started)
    assert (launcher["--worker_num"], "--rank_table_file" in launcher) == ("2", False)
    assert "--device_num" not in training
    assert [rank["ASCEND_RT_VISIBLE_DEVICES"] for rank in ranks] == [None, None]
    assert started["HCCL_CONNECT_TIMEOUT"] == "900"


def test_this_host_starts_its_part_of_a_table_of_two(place):
    """127.0.0.1 is this host's address; the other one is nobody's, so there it has to be said."""
    name = write(place, table(("127.0.0.1", (0, 1)), ("192.0.2.77", (4, 5))))
    done, (started,), ranks = call(place, ASCEND, name, "Pretraining", "--device_num=4")
    assert done.returncode == 0, done.stderr
    launcher, _ = split(started)
    shared = {"--worker_num": "4", "--local_worker_num": "2", "--master_addr": "127.0.0.1", "--master_port": "8118"}
    assert launcher.items() >= {**shared, "--node_rank": "0"}.items()
    assert [(rank["MS_NODE_ID"], rank["ASCEND_RT_VISIBLE_DEVICES"]) for rank in ranks] == [("0", "0,1"), ("1", "0,1")]
    (place.parent / "calls").unlink()

    done, (started,), ranks = call(
        place, ASCEND, name, "Pretraining", "--server_ip", "192.0.2.77", MASTER_PORT="9000"
    )
    launcher, training = split(started)
    assert launcher.items() >= {**shared, "--node_rank": "1", "--master_port": "9000"}.items()
    assert "--server_ip" not in training
    assert [(rank["MS_NODE_ID"], rank["ASCEND_RT_VISIBLE_DEVICES"]) for rank in ranks] == [("2", "4,5"), ("3", "4,5")]
    assert done.stdout == "rank 2 works\n"
    # On a shared disk the logs of the first host stay.
    assert (place / "train_parallel0" / "log").read_text() == "rank 0 works\n"
    assert "rank 1 works" in (place / "train_parallel1" / "log").read_text()
    assert "rank 3 works" in (place / "train_parallel3" / "log").read_text()
    assert {path.name for path in (place / "train_parallel0" / "ranks").glob("msrun*")} == {
        "msrun.log",
        "msrun_1.log",
    }


@pytest.mark.parametrize(
    ("content", "more", "message"),
    [
        (changed(EIGHT, ("server_list", 0, "device", 1, "rank_id"), "0"), (), "rank_id 0 is there twice"),
        (TWO_HOSTS, (), "none of the servers 10.155.170.71, 10.155.170.72 is this host"),
        (TWO_HOSTS, ("--server_ip", "10.0.0.1"), "server '10.0.0.1' is not in the rank table"),
        (EIGHT, ("--device_num", "4"), "--device_num: 4, but"),
    ],
)
def test_a_table_that_does_not_fit_starts_nothing(place, content, more, message):
    done, started, ranks = call(place, ASCEND, write(place, content), "Pretraining", *more)
    assert (done.returncode, done.stdout, started, ranks) == (2, "", [], [])
    assert message in done.stderr
    assert [path.name for path in place.iterdir()] == ["my table.json"]


def test_one_card_needs_no_launcher(place):
    done, (alone,), _ = call(place, ASCEND, write(place, table(("10.155.170.71", (6,)))), "Pretraining")
    assert done.returncode == 0, done.stderr
    assert (alone["kind"], alone["ASCEND_RT_VISIBLE_DEVICES"]) == ("alone", "6")
    (place.parent / "calls").unlink()
    _, (alone,), _ = call(place, CPU, "1", "Pretraining")
    assert alone["kind"] == "alone"


# ---- GPU


def test_the_number_of_gpus(place):
    tools = place.parent / "tools"
    tools.mkdir()
    smi = tools / "nvidia-smi"
    smi.write_text('#!/bin/sh\n[ "$1" = --list-gpus ] && printf "GPU 0: A\\nGPU 1: B\\nGPU 2: C\\n"\n')
    smi.chmod(stat.S_IRWXU)
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    counts = []
    for arguments, more in (
        ((), {"PATH": path}),
        ((), {"PATH": path, "CUDA_VISIBLE_DEVICES": "0,3"}),
        (("--device_num=4",), {"PATH": path}),
    ):
        done, started, _ = call(place, GPU, "Finetune", "", *arguments, **more)
        assert done.returncode == 0, done.stderr
        launcher, training = split(started[-1])
        counts.append(launcher["--worker_num"])
        assert training == {
            "--device_target": "GPU",
            "--task_type": "Finetune",
            "--pre_trained": "",
            "--run_distribute": "True",
            "--save_checkpoint_path": "train_parallel0",
        }
    assert counts == ["3", "2", "4"]
    if shutil.which("nvidia-smi") is None:
        _, started, _ = call(place, GPU, "Finetune")
        assert split(started[-1])[0]["--worker_num"] == "8", "as the seed has it"


# ---- CPU, cores


def test_processes_on_the_cpu_share_the_cores(place):
    done, (started,), ranks = call(place, CPU, "2", "Pretraining", "", "--log_interval=1")
    assert done.returncode == 0, done.stderr
    launcher, training = split_equal(started)
    assert training[:6] == ["--device_target", "CPU", "--task_type", "Pretraining", "--pre_trained", ""]
    assert training[-3:] == ["--log_interval=1", "--save_checkpoint_path", "train_parallel0"]
    assert len(ranks) == 2
    half = len(CORES) // 2
    if half:
        shares = [[str(core) for core in CORES[:half]], [str(core) for core in CORES[half : 2 * half]]]
        assert json.loads(launcher["--bind_core"]) == {"device0": shares[0], "device1": shares[1]}


def split_equal(started):
    """Options of the launcher as a dict, arguments of the training as they are."""
    arguments = started["arguments"]
    position = arguments.index(str(ROOT / "train.py"))
    return options_of(arguments[2:position]), arguments[position + 1 :]


@pytest.mark.parametrize(
    ("choice", "value"),
    [
        (("--bind_core", "False"), None),
        (("--bind_core=false",), None),
        (("--bind_core", '{"device0": ["0-1"]}'), '{"device0": ["0-1"]}'),
    ],
)
def test_cores_can_be_chosen(place, choice, value):
    _, (started,), _ = call(place, CPU, "2", "Pretraining", *choice)
    launcher, training = split(started)
    assert launcher.get("--bind_core") == value
    assert "--bind_core" not in training


def test_more_processes_than_cores_are_not_bound(place):
    _, (started,), ranks = call(place, CPU, str(len(CORES) + 1), "Pretraining")
    assert "--bind_core" not in split(started)[0]
    assert len(ranks) == len(CORES) + 1


def test_the_other_network_has_no_task_type(place):
    done, (started,), _ = call(place, CPU, "2", "--network", "crnn", "--save_checkpoint_path", "elsewhere")
    assert done.returncode == 0, done.stderr
    assert split(started)[1] == {
        "--device_target": "CPU",
        "--run_distribute": "True",
        "--network": "crnn",
        "--save_checkpoint_path": "elsewhere",
    }


# ---- how it ends


@pytest.mark.parametrize(
    ("cause", "code", "message"),
    [
        ({"FAILING": "1"}, 3, "rank 1: error: no more memory"),
        ({"KILLED": "1"}, 137, "a process failed; see train_parallel0/ranks/worker_*.log"),
    ],
)
def test_one_failing_rank_ends_all_with_its_code(place, cause, code, message):
    started = time.monotonic()
    done, _, ranks = call(place, CPU, "3", "Pretraining", CHILD="1", **cause)
    assert done.returncode == code
    assert message in done.stderr
    assert len(ranks) == 3
    assert time.monotonic() - started < 30, "the others would have waited for a minute"


def test_an_error_that_all_ranks_have_is_shown_once(place):
    """That of the first rank, which is shown as it comes, was repeated at the end."""
    done, _, _ = call(place, CPU, "3", "Pretraining", FAILING="all")
    assert done.returncode == 3
    assert (done.stdout + done.stderr).count("error: no more memory") == 1


def start(place, *, ranks=2, **more):
    """A script whose ranks wait, once all of them do."""
    process = subprocess.Popen(
        ["bash", str(SCRIPTS / CPU), str(ranks), "Pretraining"],
        cwd=place,
        env=environment(place, WAIT="1", **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    logs = [place / "train_parallel0" / "ranks" / f"worker_{rank}.log" for rank in range(ranks)]
    wait_until(lambda: all(log.exists() and "works" in log.read_text() for log in logs), place)
    return process


def wait_until(condition, place):
    for _ in range(400):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"it did not come to that; {notes(place)}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("everybody", [False, True])
def test_a_request_to_stop_lets_the_first_rank_save(place, number, everybody):
    """To the script alone, as `kill` does, or to its process group, as Ctrl-C and job managers do."""
    process = start(place, CHILD="1")
    if everybody:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    shown, _ = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert "stopping after this step" in shown
    assert "asked to stop by SIGTERM\nsaved\n" in shown
    assert "saved" in (place / "train_parallel0" / "log").read_text()
    assert "asked" not in (place / "train_parallel1" / "log").read_text()


def test_only_another_ctrl_c_a_moment_later_does_not_wait(place):
    process = start(place, DEAF="1", CHILD="1")
    log = place / "train_parallel0" / "ranks" / "worker_0.log"
    process.send_signal(signal.SIGTERM)
    wait_until(lambda: "asked to stop" in log.read_text(), place)
    for repeated in (signal.SIGINT, signal.SIGTERM):  # the same request again, as job managers send it
        process.send_signal(repeated)
        time.sleep(0.3)
        assert process.poll() is None
    time.sleep(2)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    shown, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "saved" not in shown


def test_a_rank_that_does_not_stop_is_ended_after_a_while(place):
    process = start(place, DEAF="1", STOP_SECONDS="1")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 143


def test_a_request_before_the_ranks_are_there(place):
    process = subprocess.Popen(
        ["bash", str(SCRIPTS / CPU), "2", "Pretraining"],
        cwd=place,
        env=environment(place, SLOW_START="1"),
    )
    wait_until(lambda: notes(place), place)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 143
    assert [item["kind"] for item in notes(place)] == ["launcher"]


def test_nothing_is_left_of_a_launcher_that_dies(place):
    process = start(place, CHILD="1")
    (launcher,) = [int(pid) for pid, command in running(place.parent) if "mindspore.parallel.cluster.run" in command]
    os.kill(launcher, signal.SIGKILL)
    process.communicate(timeout=30)
    assert process.returncode != 0


# ---- names, usage


def test_odd_names_are_only_names(place):
    odd = place / NASTY
    odd.mkdir()
    (odd / "-dash.ckpt").touch()
    (odd / NASTY).write_text(json.dumps(table(("10.155.170.71", (0, 1)))))
    known = {name: environment(place)[name] for name in ("PYTHON", "CALLS")}
    done, _, _ = call(odd, ASCEND, NASTY, "Finetune", "-dash.ckpt", NASTY, "--file_name", NASTY, **known)
    assert done.returncode == 0, done.stderr
    launcher, training = split(next(item for item in notes(place) if item["kind"] == "launcher"))
    assert launcher["--rank_table_file"] == str(odd / NASTY)
    assert (training["--pre_trained"], training["--config_path"]) == ("-dash.ckpt", NASTY)
    assert training["--file_name"] == NASTY


@pytest.mark.parametrize("script", [ASCEND, GPU, CPU])
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_shows_the_usage_with_an_example(place, script, flag):
    done, started, _ = call(place, script, flag)
    assert (done.returncode, started, done.stderr) == (0, [], "")
    assert f"Usage: bash scripts/{script}" in done.stdout
    assert f"Example: bash scripts/{script}" in done.stdout
    assert "set -euo" not in done.stdout
    assert list(place.iterdir()) == []


@pytest.mark.parametrize(
    ("script", "arguments", "words"),
    [
        (ASCEND, [], ("Usage", "RANK_TABLE_FILE is missing")),
        (ASCEND, ["--seed", "1"], ("Usage", "RANK_TABLE_FILE is missing")),
        (ASCEND, ["t.json"], ("Usage", "TASK_TYPE is missing")),
        (ASCEND, ["none.json", "Pretraining"], ("RANK_TABLE_FILE: 'none.json' is not a file",)),
        (ASCEND, ["", "Pretraining"], ("--device_num: '' is not a number of devices",)),
        (ASCEND, ["", "Pretrain", "--device_num", "2"], ("TASK_TYPE", "'Pretrain'")),
        (ASCEND, ["", "Pretraining", "", "", "more"], ("Usage", "4 arguments")),
        (GPU, [], ("Usage", "TASK_TYPE is missing")),
        (GPU, ["Pretraining", "no.ckpt"], ("PRETRAINED_PATH", "'no.ckpt'")),
        (GPU, ["Pretraining", "", "no.yaml"], ("CONFIG_PATH", "'no.yaml'")),
        (GPU, ["Pretraining", "--device_num", "many"], ("--device_num: 'many'",)),
        (GPU, ["Pretraining", "--device_num"], ("--device_num: a value is missing",)),
        (CPU, [], ("Usage", "PROCESSES is missing")),
        (CPU, ["Pretraining"], ("PROCESSES: 'Pretraining' is not a number",)),
        (CPU, ["0", "Pretraining"], ("PROCESSES: '0'",)),
        (CPU, ["2", "Pretrain"], ("TASK_TYPE", "'Pretrain'")),
    ],
)
def test_wrong_arguments_are_told_before_anything_runs(place, script, arguments, words):
    done, started, _ = call(place, script, *arguments)
    assert (done.returncode, started, done.stdout) == (2, [], "")
    for word in words:
        assert word in done.stderr
    assert list(place.iterdir()) == []


def test_a_port_that_is_none(place):
    done, started, _ = call(place, CPU, "2", "Pretraining", MASTER_PORT="x")
    assert (done.returncode, started) == (2, [])
    assert "MASTER_PORT: 'x'" in done.stderr


# ---- the scripts of the recognizer


def test_eight_devices_by_a_rank_table(place):
    (place / "data").mkdir()
    name = write(place, EIGHT)
    done, (started,), ranks = call(
        place, "train_performance_8p.sh", "--data_path=data", f"--rank_table_file={name}", "--bind_core", "False"
    )
    assert done.returncode == 0, done.stderr
    launcher, _ = split_equal(started)
    assert (launcher["--rank_table_file"], launcher["--worker_num"]) == (str(place / name), "8")
    assert "--bind_core" not in launcher
    assert "Ascend" in started["arguments"]
    assert len(ranks) == 8
    assert done.stdout == "rank 0 works\n"
    for more, message in (
        (["--device_num=4", f"--rank_table_file={name}"], "--device_num: 4, but"),
        (["--rank_table_file=none.json"], "--rank_table_file: 'none.json' is not a file"),
    ):
        done, _, _ = call(place, "train_full_8p.sh", "--data_path=data", *more)
        assert done.returncode == 2
        assert message in done.stderr
    assert len(notes(place)) == 9
    done, _, _ = call(place, "train_full_1p.sh", "--data_path=data", "--bind_core=False")
    assert (done.returncode, "one device" in done.stderr) == (2, True)
