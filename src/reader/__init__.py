"""Reading images. `from src.reader import TextReader`; names are imported on first use."""

from importlib import import_module
from typing import Any

_HOMES = {
    "TextReader": "text_reader",
    "ImageSource": "image_source",
    "ReaderOptions": "options",
    "ReadResult": "result",
    "Line": "result",
    "Word": "result",
    "Unreadable": "result",
}
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
