"""Gray surfaces for word crops: windows of photographs, or of made-up textures where there are none."""

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from src.data.synthesis.backgrounds import find_photos, read_photo
from src.data.synthesis.textures import cloud_field, patterned_surface

_MADE_UP = 24
_MADE_UP_SIZE = (256, 512)
_LONGEST_SIDE = 480


class GrayPatches:
    """Windows of a fixed bank of gray images, which are read when first wanted and then kept small.

    Args:
        folders: folders of photographs; none means made-up textures only.
        most: at most this many photographs, spread evenly over the files.
    """

    def __init__(self, folders: Iterable[str | Path] = (), most: int = 300):
        files = find_photos(folders)
        step = max(1, -(-len(files) // most))
        self.files = files[::step]
        self._bank: dict[int, np.ndarray] = {}

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_bank": {}}

    def patch(self, rng: np.random.Generator, height: int, width: int) -> np.ndarray:
        """A window, float32 (height, width), 0 to 255."""
        made_up = not self.files or rng.random() < 0.2
        index = -1 - int(rng.random() * _MADE_UP) if made_up else int(rng.random() * len(self.files))
        image = self._bank.get(index)
        if image is None:
            image = self._bank[index] = _made_up(-index) if index < 0 else _read_gray(self.files[index])
        room = min(image.shape[0] / height, image.shape[1] / width)
        scale = min(room, 0.35 + 2.2 * rng.random() ** 2)
        h, w = max(int(height * scale), 1), max(int(width * scale), 1)
        y = int(rng.random() * (image.shape[0] - h + 1))
        x = int(rng.random() * (image.shape[1] - w + 1))
        crop = image[y : y + h, x : x + w]
        return cv2.resize(crop, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.float32)


def _made_up(number: int) -> np.ndarray:
    rng = np.random.default_rng([77, number])
    if number % 3 == 0:
        return np.clip(128 + 90 * cloud_field(rng, *_MADE_UP_SIZE), 0, 255).astype(np.uint8)
    return cv2.cvtColor(patterned_surface(rng, *_MADE_UP_SIZE).astype(np.uint8), cv2.COLOR_RGB2GRAY)


def _read_gray(path: Path) -> np.ndarray:
    image = read_photo(path, cv2.IMREAD_REDUCED_GRAYSCALE_2)
    if image is None:
        return np.full((64, 64), 128, np.uint8)
    scale = _LONGEST_SIDE / max(image.shape)
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else image
