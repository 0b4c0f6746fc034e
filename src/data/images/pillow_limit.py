"""Pillow's own limit of pixels, put aside while this project checks its own."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image

_lock = threading.Lock()
_inside = 0
_before: int | None = None


@contextmanager
def without_pillow_limit() -> Iterator[None]:
    """Pillow refuses no image for its size, and warns of none; any number of threads may be inside at once.

    The limit is one for the whole process, so it is put back when the last of them leaves.
    """
    global _inside, _before  # noqa: PLW0603 - Pillow's limit is global, and so is who has put it aside
    with _lock:
        if not _inside:
            _before = Image.MAX_IMAGE_PIXELS
            Image.MAX_IMAGE_PIXELS = None
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                Image.MAX_IMAGE_PIXELS = _before
