"""What every test process needs before MindSpore is imported."""

import os

from src.model_utils.device_adapter import set_cpu_kernels

set_cpu_kernels()
os.environ.setdefault("GLOG_v", "3")
