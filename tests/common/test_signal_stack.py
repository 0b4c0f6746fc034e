"""A process that has used OpenVINO survives a signal."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

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


@pytest.mark.skipif(sys.platform != "linux", reason="sigaltstack is Linux's here")
def test_a_signal_after_openvino_reaches_its_handler(tmp_path):
    pytest.importorskip("openvino")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "handled\n"), done.stderr[-400:]
