"""Files of PyTorch: written whole, and read without running code from them."""

import io
import pickle
from pathlib import Path
from typing import Any

import torch

from src.common.atomic_file import write_atomically
from src.common.errors import UserError

# What PyTorch's reader raises for bytes that are not as it wrote them.
_DAMAGES = (
    OSError,
    RuntimeError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    EOFError,
    pickle.UnpicklingError,
)


def save_torch(path: Path, content: Any) -> None:
    """Write what `torch.save` makes of `content`. UserError leaves the old file as it was."""
    buffer = io.BytesIO()  # PyTorch has its own words for a full disk
    torch.save(content, buffer)
    write_atomically(path, [buffer.getvalue()])


def load_torch(path: Path) -> Any:
    """The content of a file of `torch.save`, on the CPU.

    Raises:
        UserError: it is damaged, or holds more than tensors and plain values.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except _DAMAGES as error:
        raise UserError(f"{path} cannot be used: {error}") from error
