"""Where a training computes, and in which precision."""

import contextlib

import torch

from pytorch.winograd import use_winograd
from src.common.options import OptionError
from src.engines.processor import has_bf16_units


def choose_device(name: str) -> torch.device:
    """The device of this name; "auto" is the GPU where there is one, else the CPU.

    Raises:
        UserError: a device that this PyTorch does not have.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise OptionError(f"device: '{name}' cannot be used ({reason}); accepted are auto, cpu, cuda") from None
    return device


def uses_bf16(precision: str, device: torch.device) -> bool:
    """Whether convolutions compute in bfloat16; "auto" does so where there are units for it."""
    if precision != "auto":
        return precision == "bf16"
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and has_bf16_units()


def autocast(device: torch.device, bf16: bool) -> contextlib.AbstractContextManager:
    """Convolutions in bfloat16 inside, or nothing changed."""
    return torch.autocast(device.type, torch.bfloat16, enabled=bf16)


def place(network: torch.nn.Module, device: torch.device, bf16: bool, winograd_channels: int = 64) -> None:
    """Move a network to its device, in the memory layout and with the convolutions that are fastest there.

    Args:
        winograd_channels: from so many input channels on Winograd's method pays on a CPU that computes in float32.
    """
    network.to(device, memory_format=torch.channels_last)
    if device.type == "cpu" and not bf16:
        use_winograd(network, winograd_channels)


def prepare(device: torch.device) -> None:
    """Let a GPU choose its fastest convolutions and use its matrix units for float32 as well (TF32)."""
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = True
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.allow_tf32 = True
