"""Which device a run uses, and how MindSpore is set up for it."""

import os
from importlib import metadata

from src.common.errors import UserError

TARGETS = ("Ascend", "GPU", "CPU")  # in order of preference


def set_cpu_kernels() -> None:
    """Keep MindSpore's CPU convolutions fast; must run before MindSpore is imported.

    From 2.8 on, MindSpore carries a oneDNN whose AVX-512 convolutions fall to a reference kernel, a hundred
    times slower, unless the instruction set is capped. Older versions are slowed a little by the cap, and a
    value that the user has set stays.
    """
    try:
        version = metadata.version("mindspore")
    except metadata.PackageNotFoundError:  # importing MindSpore raises the error
        return
    major, minor = (int(part) for part in version.split(".")[:2])
    if (major, minor) >= (2, 8):
        os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX2")


def available_targets() -> list[str]:
    """The device targets that this MindSpore can use on this machine, best first."""
    from mindspore import hal  # noqa: PLC0415 - importing MindSpore takes seconds and must follow set_cpu_kernels

    return [target for target in TARGETS if hal.is_available(target)]


def choose_target(wanted: str, available: list[str]) -> str:
    """The device target to use: `wanted`, or the best available one for `auto`.

    Raises:
        UserError: `wanted` is not available.
    """
    if wanted == "auto":
        return available[0]
    if wanted not in available:
        raise UserError(
            f"device_target: this MindSpore has no {wanted} here, only {', '.join(available)}; "
            f"use --device_target auto, or install the MindSpore built for {wanted} and its driver"
        )
    return wanted


def select_device(wanted: str, device_id: int) -> str:
    """Choose the target, make it MindSpore's device, and return its name."""
    import mindspore  # noqa: PLC0415

    target = choose_target(wanted, available_targets())
    if target == "CPU":
        mindspore.set_device(target)
    else:
        mindspore.set_device(target, device_id)
    return target
