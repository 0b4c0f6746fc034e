"""What text is drawn on: photographs from folders, and surfaces made up where there are none."""

import logging
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from src.data.images.decode import ImageError, image_size, read_bytes
from src.data.images.file_types import HEAD_BYTES, file_type
from src.data.images.jpeg import MOST_SCANS, has_too_many_scans
from src.data.synthesis.folder_files import find_files
from src.data.synthesis.textures import draw_shapes, patterned_surface, plain_surface

logger = logging.getLogger(__name__)
PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
_WITH_OPENCV = ("JPEG", "PNG", "BMP", "WEBP")  # its decoder of JPEG 2000 crashes on damaged files
_IN_PLACE = (576, 960)  # pixels of a surface in the place of a photograph that cannot be read


def find_photos(folders: Iterable[str | Path]) -> list[Path]:
    """Image files under the folders, in a stable order.

    Raises:
        UserError: a folder without any such file.
    """
    return find_files(folders, PHOTO_SUFFIXES, "backgrounds")


def read_photo(path: Path, flags: int) -> np.ndarray | None:
    """Pixels as OpenCV gives them for these flags; None, and a warning, for a file that gives no image."""
    try:
        data = read_bytes(path)
        image_size(data, name=str(path))
        if file_type(data[:HEAD_BYTES]) not in _WITH_OPENCV:
            raise ImageError("other format", str(path), f"backgrounds are {', '.join(_WITH_OPENCV)}")
        if data.startswith(b"\xff\xd8") and has_too_many_scans(data):
            raise ImageError("unsupported", str(path), f"a JPEG of more than {MOST_SCANS} scans")
        photo = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
        if photo is None:
            raise ImageError("truncated", str(path))
        return photo
    except ImageError as error:  # one unreadable file among many must not end a long training
        logger.warning(f"backgrounds: left out {error}")
        return None


class Backgrounds:
    """Source of surfaces to write on. Picklable: decoded images stay behind.

    Args:
        folders: folders of photographs; none means made-up surfaces only.
        photo_share: share of images that begin as a photograph when there are some.
        keep: decoded photographs kept in memory.
    """

    def __init__(self, folders: Iterable[str | Path] = (), photo_share: float = 0.85, keep: int = 24):
        self.files = find_photos(folders)
        self.photo_share = photo_share if self.files else 0.0
        self.keep = keep
        self._cache: OrderedDict[int, np.ndarray] = OrderedDict()

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_cache": OrderedDict()}

    def image(self, rng: np.random.Generator, height: int, width: int) -> np.ndarray:
        """A background, float32 RGB (height, width, 3), 0 to 255."""
        if rng.random() < self.photo_share:
            return self._photo_crop(rng, height, width)
        style = rng.random()
        if style < 0.3:
            return plain_surface(rng, height, width)
        canvas = patterned_surface(rng, height, width)
        if style < 0.7:
            draw_shapes(rng, canvas, 4 + int(rng.random() * 10), largest=0.9)
        return canvas

    def _photo_crop(self, rng: np.random.Generator, height: int, width: int) -> np.ndarray:
        photo = self._load(int(rng.random() * len(self.files)))
        room = min(photo.shape[0] / height, photo.shape[1] / width)
        scale = room * (1 - 0.5 * rng.random() ** 2)  # the part of the photograph that becomes the image
        h, w = max(int(height * scale), 1), max(int(width * scale), 1)
        y = int(rng.random() * (photo.shape[0] - h + 1))
        x = int(rng.random() * (photo.shape[1] - w + 1))
        crop = photo[y : y + h, x : x + w]
        if rng.random() < 0.5:
            crop = crop[:, ::-1]
        method = cv2.INTER_AREA if scale > 1 else cv2.INTER_LINEAR
        return cv2.resize(np.ascontiguousarray(crop), (width, height), interpolation=method).astype(np.float32)

    def _load(self, index: int) -> np.ndarray:
        if index in self._cache:
            self._cache.move_to_end(index)
            return self._cache[index]
        photo = read_photo(self.files[index], cv2.IMREAD_COLOR)
        if photo is None:  # another one in its place
            photo = patterned_surface(np.random.default_rng(index), *_IN_PLACE).astype(np.uint8)
        self._cache[index] = cv2.cvtColor(photo, cv2.COLOR_BGR2RGB)
        if len(self._cache) > self.keep:
            self._cache.popitem(last=False)
        return self._cache[index]
