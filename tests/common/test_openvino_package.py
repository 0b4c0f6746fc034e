"""OpenVINO does not report its use, and a process that has used it survives a signal."""

import subprocess
import sys

import pytest
from program_environment import program_environment

pytest.importorskip("openvino")

PROGRAM = """
import gc, os, signal
import numpy as np, onnx, openvino
from onnx import TensorProto, helper
from src.engines.openvino_engine import OpenVinoEngine

node = helper.make_node("Relu", ["x"], ["y"])
values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, 8, 8]) for name in "xy"]
graph = helper.make_graph([node], "g", values[:1], values[1:])
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), "m.onnx")
engine = OpenVinoEngine("m.onnx")
engine.run(np.ones((1, 3, 8, 8), np.float32))
signal.signal(signal.SIGTERM, lambda *_: print("handled"))
os.kill(os.getpid(), signal.SIGTERM)
"""


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


@pytest.mark.skipif(sys.platform != "linux", reason="sigaltstack is Linux's here")
def test_a_signal_after_openvino_reaches_its_handler(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        env=program_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "handled\n"), done.stderr[-400:]
