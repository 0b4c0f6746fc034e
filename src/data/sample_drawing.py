"""A few stored pictures with their boxes drawn, to see that labels sit on text."""

import re
from pathlib import Path

import cv2
import numpy as np

from src.data.detection_record import parse_annotation

_TEXT_COLOUR, _IGNORED_COLOUR = (0, 220, 0), (0, 0, 255)  # BGR


class SampleFolder:
    """Draws `count` pictures spread over `total` offered ones; text green, ignored regions red.

    Pictures of an earlier run with the same `prefix` are removed first; with count 0 nothing is touched.
    """

    def __init__(self, folder: Path, prefix: str, count: int, total: int) -> None:
        self._folder = folder
        self._prefix = prefix
        self._wanted = set(np.linspace(0, total - 1, min(count, total)).astype(int)) if total else set()
        self._offered = 0
        if count:
            folder.mkdir(parents=True, exist_ok=True)
            for old in folder.glob(f"{prefix}_*.jpg"):
                old.unlink()

    def offer(self, name: str, image: bytes, annotation: np.ndarray) -> None:
        """Draw this record if its turn has come. `image` is encoded, `annotation` as in the MindRecord."""
        position = self._offered
        self._offered += 1
        if position not in self._wanted:
            return
        picture = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR)
        thickness = max(1, round(max(picture.shape[:2]) / 600))
        for (x1, y1, x2, y2), ignored in zip(*parse_annotation(annotation), strict=True):
            colour = _IGNORED_COLOUR if ignored else _TEXT_COLOUR
            cv2.rectangle(picture, (int(x1), int(y1)), (int(x2), int(y2)), colour, thickness)
        file_name = f"{self._prefix}_{position:06d}_{re.sub(r'[^A-Za-z0-9._-]', '_', name)[:100]}.jpg"
        (self._folder / file_name).write_bytes(cv2.imencode(".jpg", picture)[1].tobytes())
