"""Encoded word images, as databases store them -> gray pixels, fast, or one countable reason why not."""

from collections.abc import Sized
from typing import Protocol

import cv2
import numpy as np

from src.common.errors import UserError
from src.data.images.decode import ImageError, decode_image, image_size
from src.data.images.jpeg import MOST_SCANS, has_too_many_scans
from src.data.images.options import DEFAULT_MAX_PIXELS
from src.data.recognition.preprocess import to_gray

_JPEG, _PNG = b"\xff\xd8", b"\x89PNG\r\n\x1a\n"  # the first bytes


class WordSamples(Protocol):
    """Word images and their texts by index: stored ones, which have a length, or rendered ones without end.

    Stored ones may also have `labels()` and `image_sizes()`, which look at all of them without decoding an image.
    """

    def sample(self, index: int) -> tuple[np.ndarray, str]:
        """Image, gray (H, W) or RGB (H, W, 3), and text. Raises SampleError or ImageError for an unusable one."""
        ...


class StoredWords(WordSamples, Sized, Protocol):
    """Those that have a length."""


Weighted = tuple[WordSamples, float]  # a source and its share of the samples


class SampleError(UserError):
    """One unusable sample. `reason` is a short, countable word; the message names the sample."""

    def __init__(self, message: str, reason: str):
        super().__init__(message)
        self.reason = reason

    def __reduce__(
        self,
    ) -> tuple[type["SampleError"], tuple[str, str]]:  # so that worker processes can hand it back whole
        return (SampleError, (str(self), self.reason))


def decode_gray(data: bytes, name: str) -> np.ndarray:
    """Encoded image -> uint8 gray (H, W), fast for what LMDBs hold.

    The grays are those of the reader, `to_gray(decode_image(data))`. OpenCV's own gray decoding gives others, by up
    to 69 levels for the PNG files of ICDAR 2015, which changes what a network recognizes in them.

    Raises:
        SampleError: not an image, truncated or too large; `name` stands for it in the message.
    """
    if not data:
        raise SampleError(f"{name}: empty image", "empty image")
    size = header_size(data)
    if size is None:
        raise SampleError(f"{name}: not an image", "not an image")
    if size[0] * size[1] > DEFAULT_MAX_PIXELS:
        raise SampleError(f"{name}: {size[1]}x{size[0]} pixels", "too large")
    if data.startswith(_JPEG):
        if data.count(b"\xff\xda") > MOST_SCANS and has_too_many_scans(data):
            raise SampleError(f"{name}: a JPEG of more than {MOST_SCANS} scans", "unsupported")
        if data.rfind(b"\xff\xd9", -64) < 0:
            return _in_full(data, name)  # OpenCV would fill with gray what is missing
    elif not data.startswith(_PNG):
        return _in_full(data, name)  # OpenCV's decoder of JPEG 2000 crashes on damaged files
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    # OpenCV refuses files that the builders of LMDBs accept, such as a PNG without its end.
    return _in_full(data, name) if image is None else to_gray(image)


def _in_full(data: bytes, name: str) -> np.ndarray:
    """As the reader decodes it."""
    try:
        return to_gray(decode_image(data))
    except ImageError as error:
        raise SampleError(f"{name}: {error.detail or error.reason}", error.reason) from None


def header_size(data: bytes | memoryview) -> tuple[int, int] | None:
    """(height, width) that an encoded image claims, None for what is not an image."""
    if data[:8] == _PNG and len(data) >= 24:
        return int.from_bytes(data[20:24], "big"), int.from_bytes(data[16:20], "big")
    if data[:2] == _JPEG:
        return _jpeg_size(data)
    try:
        return image_size(bytes(data))
    except ImageError:
        return None


def _jpeg_size(data: bytes | memoryview) -> tuple[int, int] | None:
    """Walk the marker segments of a JPEG to the frame header (SOF0..SOF15 without the table markers)."""
    position = 2
    while position + 9 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height = int.from_bytes(data[position + 5 : position + 7], "big")
            return height, int.from_bytes(data[position + 7 : position + 9], "big")
        if marker == 0xFF:  # fill byte
            position += 1
        else:
            position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return None
