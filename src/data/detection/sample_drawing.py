"""A few stored images with their boxes drawn, to see that labels sit on text."""

import re
from pathlib import Path

import cv2
import numpy as np

from src.data.detection.record import parse_annotation

_TEXT_COLOR, _IGNORED_COLOR = (0, 220, 0), (0, 0, 255)  # BGR


class SampleFolder:
    """Draws `count` images spread over `total` ones; text green, ignored regions red.

    Images of an earlier run with the same `prefix` are removed first; with count 0 nothing is touched.
    """

    def __init__(self, folder: Path, prefix: str, count: int, total: int) -> None:
        self._folder = folder
        self._prefix = prefix
        self._count = count
        self._total = total
        self._drawn = 0
        if count:
            folder.mkdir(parents=True, exist_ok=True)
            for old in folder.glob(f"{prefix}_*.jpg"):
                old.unlink()

    def offer(self, position: int, name: str, image: bytes, annotation: np.ndarray) -> None:
        """Draw the record at `position` of `total` if a drawing is due; a bad record passes its turn on.

        `image` is encoded, `annotation` as in the MindRecord.
        """
        if self._drawn * self._total >= self._count * (position + 1):
            return
        self._drawn += 1
        drawn = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR)
        thickness = max(1, round(max(drawn.shape[:2]) / 600))
        for (x1, y1, x2, y2), ignored in zip(*parse_annotation(annotation), strict=True):
            color = _IGNORED_COLOR if ignored else _TEXT_COLOR
            cv2.rectangle(drawn, (int(x1), int(y1)), (int(x2), int(y2)), color, thickness)
        plain_name = re.sub(r"[^A-Za-z0-9._-]", "_", name.rpartition(".")[0] or name)[:100]
        file_name = f"{self._prefix}_{position:06d}_{plain_name}.jpg"
        (self._folder / file_name).write_bytes(cv2.imencode(".jpg", drawn)[1].tobytes())
