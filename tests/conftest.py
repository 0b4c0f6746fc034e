"""What every test process needs before MindSpore is imported, and what OpenVINO leaves behind."""

import os

import pytest

from src.inference.signal_stack import use_ordinary_signal_stack
from src.model_utils.device_adapter import set_cpu_kernels

set_cpu_kernels()
os.environ.setdefault("GLOG_v", "3")


@pytest.fixture(autouse=True)
def ordinary_signal_stack():
    """Some tests use OpenVINO directly, others send this process a signal."""
    use_ordinary_signal_stack()
