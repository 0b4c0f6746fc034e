"""OpenVINO's package without what it does to the process that uses it.

Its telemetry forks this process when it is imported, and sends its maker over the network that it was: an image that
is read here is nobody's business, and a fork of a process with threads may hang.

While it looks for matrix units, its CPU plugin gives the calling thread an alternate stack for signal handlers
(sigaltstack) in memory that it frees afterwards. Python's handlers run on that stack, so the next Ctrl-C or SIGTERM
would end in a segmentation fault instead of the handler.
"""

import ctypes
import sys
from importlib import import_module
from typing import Any

_TELEMETRY = "openvino_telemetry"
_SS_DISABLE = 2


class _StackT(ctypes.Structure):
    _fields_ = (("ss_sp", ctypes.c_void_p), ("ss_flags", ctypes.c_int), ("ss_size", ctypes.c_size_t))


def import_openvino() -> Any:
    """The module `openvino`; ModuleNotFoundError where it is not installed."""
    if _TELEMETRY in sys.modules:
        return import_module("openvino")
    sys.modules[_TELEMETRY] = None  # type: ignore[assignment] # it takes it for one that is not installed
    try:
        return import_module("openvino")
    finally:
        del sys.modules[_TELEMETRY]


def use_ordinary_signal_stack() -> None:
    """Let signal handlers of the calling thread run on its ordinary stack; call it after compiling a model."""
    if sys.platform != "linux":
        return
    disabled = _StackT(None, _SS_DISABLE, 0)
    ctypes.CDLL(None, use_errno=True).sigaltstack(ctypes.byref(disabled), None)
