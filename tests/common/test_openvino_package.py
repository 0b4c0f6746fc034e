"""OpenVINO does not report its use."""

import subprocess
import sys

import pytest
from program_environment import program_environment

pytest.importorskip("openvino")


def test_the_telemetry_of_openvino_is_not_imported(tmp_path):
    """It would fork this process and use the network."""
    (tmp_path / "openvino_telemetry.py").write_text("raise SystemExit('telemetry')")
    code = (
        "import multiprocessing, sys; from src.engines.openvino_engine import openvino; openvino.Core()\n"
        "print('openvino_telemetry' in sys.modules, multiprocessing.active_children())"
    )
    environment = program_environment()
    environment["PYTHONPATH"] += f":{tmp_path}"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "False []\n"), done.stderr
