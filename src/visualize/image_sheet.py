"""Drawn images as files."""

from pathlib import Path

import numpy as np
from PIL import Image

from src.common.atomic_file import replacing

_LONGEST_SIDE = 65_000  # JPEG ends there


def write_image(path: Path, image: np.ndarray) -> None:
    """Write uint8 RGB (H, W, 3) as PNG if `path` ends in .png, else as JPEG.

    The file is the old one or the complete new one. UserError names it when it cannot be written.
    """
    drawn = Image.fromarray(image)
    if max(drawn.size) > _LONGEST_SIDE:
        drawn.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
    with replacing(path, sync=False) as file:  # syncing a file for every image takes its time
        if path.suffix.lower() == ".png":
            drawn.save(file, "PNG")
        else:
            drawn.save(file, "JPEG", quality=90)
