"""What every test process needs before and after MindSpore is imported, and what OpenVINO leaves behind."""

import errno
import os
import signal
import sys

import pytest

from src.inference.signal_stack import use_ordinary_signal_stack
from src.model_utils.device_adapter import set_cpu_kernels

set_cpu_kernels()
os.environ.setdefault("GLOG_v", "3")
# MindSpore's generated messages need protobuf's Python implementation. It asks for it itself, too late where a test
# has imported onnx before it.
os.environ.setdefault("PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION", "python")

# A run under nohup or in the background inherits ignored signals, and would hand them on to what it tests.
for _number, _handler in ((signal.SIGHUP, signal.SIG_DFL), (signal.SIGINT, signal.default_int_handler)):
    if signal.getsignal(_number) == signal.SIG_IGN:
        signal.signal(_number, _handler)


@pytest.fixture(scope="session", autouse=True)
def cpu_device():
    """MindSpore accepts a device before its first kernel only, and any test may be the first; they all use the CPU.

    Where no test that was collected imports MindSpore, it is not imported for this.
    """
    if "mindspore" in sys.modules:
        sys.modules["mindspore"].set_device("CPU")


@pytest.fixture(autouse=True)
def ordinary_signal_stack():
    """Some tests use OpenVINO directly, others send this process a signal."""
    use_ordinary_signal_stack()


@pytest.fixture
def no_room_for(monkeypatch):
    """A function after which the disk is full whenever the file of a name is to be put in place."""

    def forbid(name):
        replace = os.replace

        def full(source, target):
            if os.path.basename(target) == name:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            replace(source, target)

        monkeypatch.setattr(os, "replace", full)

    return forbid
