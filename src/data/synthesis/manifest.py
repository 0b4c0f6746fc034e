"""What was rendered, with which arguments and which versions: written last, so it marks a finished set."""

import platform
from pathlib import Path

import cv2
import numpy as np
import PIL

from src.common.options import OptionError

MANIFEST = "manifest.json"


def refuse_finished(manifest: Path) -> None:
    """Raise UserError when `manifest` exists: a finished set is never overwritten or mixed with another."""
    if manifest.exists():
        raise OptionError(f"output: {manifest.parent} already holds a finished set; name a new folder")


def describe_run(arguments: dict, counts: dict[str, int]) -> dict:
    """What a manifest holds: arguments, counts, and the versions that drew the letters."""
    versions = {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "opencv": cv2.__version__,
        "pillow": PIL.__version__,
    }
    return {"arguments": arguments, "counts": counts, "versions": versions}
