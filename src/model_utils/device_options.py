"""The device of a run, apart from the other options of a run: reading images needs no more of them."""

from typing import Literal

from src.common.options import Options, option


class DeviceOptions(Options):
    """Where MindSpore computes."""

    device_target: Literal["auto", "CPU", "GPU", "Ascend"] = option("auto", "auto takes Ascend, else GPU, else CPU")
    device_id: int = option(0, "the device to use, unless a launcher sets DEVICE_ID", low=0)
