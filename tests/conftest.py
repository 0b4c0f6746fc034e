"""What every test process needs before and after MindSpore is imported, and what OpenVINO leaves behind."""

import errno
import functools
import os
import signal
import sys
from types import SimpleNamespace

import pytest
from golden_weights import golden_weight, published_crnn_shapes

from src.common.openvino_package import use_ordinary_signal_stack
from src.model_utils.console_log import log_to_console
from src.model_utils.device_adapter import set_cpu_kernels

set_cpu_kernels()
log_to_console()  # as every command does, so that tests see its lines
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
        untrace_compilation()


def untrace_compilation():
    """Leave MindSpore's compiler out of the measurement of coverage, which would make it half as slow again.

    It reads the source of our cells and runs nothing of them in Python.
    """
    from mindspore.common import api

    for executor in (api._CellGraphExecutor, api._JitExecutor):
        executor.compile = untraced(executor.compile)


def untraced(function):
    @functools.wraps(function)
    def call(*args, **kwargs):
        tracer = sys.gettrace()
        sys.settrace(None)
        try:
            return function(*args, **kwargs)
        finally:
            sys.settrace(tracer)

    return call


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


# In the MindRecord in this order, which is neither that of a folder nor of the alphabet.
SIZES = {
    "img_3.jpg": (70, 100),
    "img_10.png": (120, 90),
    "img_1.JPEG": (64, 96),
    "b/img_2.bmp": (33, 200),
    "a.b/img_7.v2.png": (90, 160),
}


@pytest.fixture(scope="session")
def test_set(tmp_path_factory):
    """`record` (MindRecord), `images` and `labels` (folders) of the same `entries`."""
    pytest.importorskip("mindspore")
    import tiny_detection

    place = tmp_path_factory.mktemp("test set")
    entries = tiny_detection.make_entries(SIZES)
    return SimpleNamespace(
        entries=entries,
        record=tiny_detection.write_set(place / "record", entries),
        images=tiny_detection.write_images(place / "images", entries),
        labels=tiny_detection.write_labels(place / "labels", entries),
    )


@pytest.fixture(scope="module")
def graph_mode():
    """MindSpore in graph mode on CPU."""
    ms = pytest.importorskip("mindspore")
    before = ms.get_context("mode")
    ms.set_context(mode=ms.GRAPH_MODE)
    ms.set_device("CPU")
    yield
    ms.set_context(mode=before)


@pytest.fixture(scope="session")
def golden_weights():
    """Kind of naming -> golden weights of the published CRNN under its names."""
    return {
        kind: {name: golden_weight(name, shape) for name, shape in published_crnn_shapes(kind).items()}
        for kind in ("classic", "crnn_for_pytorch")
    }
