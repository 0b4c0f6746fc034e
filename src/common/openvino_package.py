"""OpenVINO's package, imported without what reports its use.

Its telemetry forks this process when it is imported, and sends its maker over the network that it was: an image that
is read here is nobody's business, and a fork of a process with threads may hang.
"""

import sys
from importlib import import_module
from typing import Any

_TELEMETRY = "openvino_telemetry"


def import_openvino() -> Any:
    """The module `openvino`; ModuleNotFoundError where it is not installed."""
    if _TELEMETRY in sys.modules:
        return import_module("openvino")
    sys.modules[_TELEMETRY] = None  # type: ignore[assignment] # it takes it for one that is not installed
    try:
        return import_module("openvino")
    finally:
        del sys.modules[_TELEMETRY]
