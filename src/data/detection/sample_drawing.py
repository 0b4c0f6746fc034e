"""A few stored images with their boxes drawn, to see that labels sit on text."""

import re
from pathlib import Path

import cv2
import numpy as np

from src.common.atomic_file import write_atomically
from src.data.detection.record import parse_annotation

_TEXT_COLOR, _IGNORED_COLOR = (0, 220, 0), (0, 0, 255)  # BGR


class SampleFolder:
    """Draws `count` images spread over `total` ones; text green, ignored regions red.

    `write` puts them in the place of those of an earlier run with the same `prefix`; with count 0 nothing is touched.
    """

    def __init__(self, folder: Path, prefix: str, count: int, total: int) -> None:
        self._folder = folder
        self._prefix = prefix
        self._count = count
        self._total = total
        self._drawn: dict[str, bytes] = {}

    def offer(self, position: int, name: str, image: bytes, annotation: np.ndarray) -> None:
        """Draw the record at `position` of `total` if a drawing is due; a bad record passes its turn on.

        `image` is encoded, `annotation` as in the MindRecord.
        """
        if len(self._drawn) * self._total >= self._count * (position + 1):
            return
        drawn = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR)
        thickness = max(1, round(max(drawn.shape[:2]) / 600))
        for (x1, y1, x2, y2), ignored in zip(*parse_annotation(annotation), strict=True):
            color = _IGNORED_COLOR if ignored else _TEXT_COLOR
            cv2.rectangle(drawn, (int(x1), int(y1)), (int(x2), int(y2)), color, thickness)
        plain_name = re.sub(r"[^A-Za-z0-9._-]", "_", name.rpartition(".")[0] or name)[:100]
        file_name = f"{self._prefix}_{position:06d}_{plain_name}.jpg"
        self._drawn[file_name] = cv2.imencode(".jpg", drawn)[1].tobytes()

    def write(self) -> None:
        """Write what was drawn. Raises UserError for a disk that cannot be written."""
        if not self._count:
            return
        for name, data in self._drawn.items():
            write_atomically(self._folder / name, [data], sync=False)
        for old in self._folder.glob(f"{self._prefix}_*.jpg"):
            if old.name not in self._drawn:
                old.unlink()
