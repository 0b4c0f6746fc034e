"""Undo what OpenVINO's CPU plugin leaves behind in a process.

While it looks for matrix units, the plugin gives the calling thread an alternate stack for signal handlers
(sigaltstack) in memory that it frees afterwards. Python's handlers run on that stack, so the next Ctrl-C or SIGTERM
would end in a segmentation fault instead of the handler.
"""

import ctypes
import sys

_SS_DISABLE = 2


class _StackT(ctypes.Structure):
    _fields_ = (("ss_sp", ctypes.c_void_p), ("ss_flags", ctypes.c_int), ("ss_size", ctypes.c_size_t))


def use_ordinary_signal_stack() -> None:
    """Let signal handlers of the calling thread run on its ordinary stack; call it after compiling a model."""
    if sys.platform != "linux":
        return
    disabled = _StackT(None, _SS_DISABLE, 0)
    ctypes.CDLL(None, use_errno=True).sigaltstack(ctypes.byref(disabled), None)
