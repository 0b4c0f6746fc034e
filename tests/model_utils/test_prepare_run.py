"""Devices, ranks and how an entry point ends."""

import io
import sys

import pytest

from src.common.errors import UserError
from src.common.options import OptionError
from src.model_utils import device_adapter, local_adapter
from src.model_utils.command import run_command
from src.model_utils.config import load_config
from src.model_utils.prepare_run import Run, describe


def test_auto_takes_the_best_and_a_missing_device_is_one_line():
    assert device_adapter.choose_target("auto", ["GPU", "CPU"]) == "GPU"
    assert device_adapter.choose_target("CPU", ["GPU", "CPU"]) == "CPU"
    with pytest.raises(UserError, match="device_target: this MindSpore has no Ascend here, only CPU") as caught:
        device_adapter.choose_target("Ascend", ["CPU"])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("version", "already", "after"),
    [
        ("2.7.2", None, None),
        ("2.8.0", None, "AVX2"),
        ("2.10.0", None, "AVX2"),
        ("2.10.0", "SSE41", "SSE41"),
    ],
)
def test_the_kernel_cap_is_set_from_2_8_on_unless_the_user_set_it(monkeypatch, version, already, after):
    monkeypatch.setattr(device_adapter.metadata, "version", lambda name: version)
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", already or "")  # noted, so that it is put back, also where it is not set
    if already is None:
        monkeypatch.delenv("ONEDNN_MAX_CPU_ISA")
    device_adapter.set_cpu_kernels()
    assert device_adapter.os.environ.get("ONEDNN_MAX_CPU_ISA") == after


def test_ranks_of_each_launcher():
    assert local_adapter.get_rank_id({}) == 0
    assert local_adapter.get_device_num({"MS_WORKER_NUM": "4"}) == 4
    assert local_adapter.get_rank_id({"OMPI_COMM_WORLD_RANK": "3"}) == 3
    assert local_adapter.get_device_id({"DEVICE_ID": "7", "OMPI_COMM_WORLD_LOCAL_RANK": "1"}) == 7
    assert local_adapter.get_device_id({}, default=2) == 2
    with pytest.raises(UserError, match="RANK_ID.*'x'"):
        local_adapter.get_rank_id({"RANK_ID": "x"})


def test_the_line_that_says_what_was_chosen():
    automatic, named = load_config([]), load_config(["--device_target", "GPU", "--seed", "4"])
    assert describe(Run(0, 1, "CPU"), automatic) == "device CPU (chosen automatically), seed 1"
    assert describe(Run(2, 8, "GPU"), named) == "device GPU, rank 2 of 8, seed 4"


def test_lines_appear_as_they_are_written(monkeypatch):
    """Also where standard output is a file, and whatever letters it can hold."""
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))

    def main():
        print("图片")
        assert written.getvalue() == rb"\u56fe\u7247" + b"\n"

    with pytest.raises(SystemExit) as stopped:
        run_command(main)
    assert stopped.value.code == 0


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OptionError("seed: bad\nvalue"), 2),
        (UserError("no such file"), 1),
        (PermissionError("read only"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_known_errors_are_one_line_and_a_code(capsys, error, code):
    def main():
        raise error

    with pytest.raises(SystemExit) as stopped:
        run_command(main)
    assert stopped.value.code == code
    assert capsys.readouterr().err.count("\n") == 1


def test_results_of_main_become_the_exit_code_and_defects_keep_their_traceback():
    for value, code in ((None, 0), (3, 3)):
        with pytest.raises(SystemExit) as stopped:
            run_command(lambda value=value: value)
        assert stopped.value.code == code
    with pytest.raises(ZeroDivisionError):
        run_command(lambda: 1 / 0)


def test_a_missing_package_is_named(capsys):
    def main():
        import no_such_package_of_this_world  # noqa: F401

    with pytest.raises(SystemExit) as stopped:
        run_command(main)
    assert stopped.value.code == 1
    assert capsys.readouterr().err == (
        "error: the Python package 'no_such_package_of_this_world' is missing: "
        "python -m pip install -r requirements.txt\n"
    )
