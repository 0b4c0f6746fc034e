"""What can be read: files with one image or many pages, and images that a program has in memory."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np
from PIL import Image

from src.common.errors import UserError
from src.data.images.decode import DecodedImage, ImageError, ImageFile
from src.data.images.file_types import HEAD_BYTES, file_type
from src.data.images.options import DEFAULT_DPI, DEFAULT_MAX_PIXELS
from src.data.images.pdf import PdfFile
from src.data.images.python_images import ACCEPTED, NotAnImageError, array_pixels, pillow_pixels
from src.data.images.source import NotBinaryError, most_bytes, open_file, read_all

Source = str | os.PathLike | bytes | bytearray | memoryview | BinaryIO | Image.Image | np.ndarray


@dataclass(frozen=True)
class ImageSource:
    """Something to read and the name it has in results.

    Attributes:
        source: a file, its bytes, an opened binary file, a Pillow image, or uint8 pixels: gray (H, W), with alpha
            (H, W, 2), RGB (H, W, 3) or RGBA (H, W, 4).
    """

    source: Source
    name: str


class PageFile(Protocol):
    """An opened file: its pages, numbered from 1."""

    @property
    def pages(self) -> int: ...

    def decode(self, page: int = 1) -> DecodedImage:
        """The pixels of a page, counted from 1.

        Raises:
            ImageError: the page cannot be decoded.
        """

    def close(self) -> None: ...


class _Decoded:
    """An image in memory, which has one page."""

    pages = 1

    def __init__(self, pixels: np.ndarray):
        self._pixels = pixels

    def decode(self, page: int = 1) -> DecodedImage:
        return DecodedImage(self._pixels)

    def close(self) -> None:
        return


@dataclass(frozen=True)
class OpenOptions:
    """How files are opened.

    Attributes:
        max_pixels: larger images are refused.
        dpi: resolution at which the pages of a PDF are rendered.
    """

    max_pixels: int = DEFAULT_MAX_PIXELS
    dpi: float = DEFAULT_DPI


def as_image_source(source: Source | ImageSource, name: str = "") -> ImageSource:
    """Anything as an `ImageSource`, with a name; whether it is an image shows when it is opened."""
    if isinstance(source, ImageSource):
        return source
    if isinstance(source, (str, os.PathLike)):
        return ImageSource(source, name or os.fsdecode(source))
    return ImageSource(source, name or str(getattr(source, "filename", "") or getattr(source, "name", "") or "image"))


def open_image(image: ImageSource, options: OpenOptions) -> PageFile:
    """Open what is to be read.

    Raises:
        NotAnImageError: a TypeError and a UserError: a kind of thing that is no image.
        ImageError: a file that gives no image.
    """
    source, name = image.source, shown_name(image)
    if isinstance(source, np.ndarray):
        return _Decoded(array_pixels(source, name))
    if isinstance(source, (str, os.PathLike)) and source != "":
        path = Path(os.fsdecode(source))
        with open_file(path) as file:
            head = file.read(HEAD_BYTES) if os.path.isfile(path) else b""
        return _open_file(path, head, name, options)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _open_file(bytes(source), bytes(source[:HEAD_BYTES]), name, options)
    if isinstance(source, Image.Image):
        return _Decoded(pillow_pixels(source, name, max_pixels=options.max_pixels))
    if not isinstance(source, str) and callable(getattr(source, "read", None)):
        data = _bytes_of(source, name, options)
        return _open_file(data, data[:HEAD_BYTES], name, options)
    raise NotAnImageError(f"{name}: {source!r:.40} of type {type(source).__name__} is no image; {ACCEPTED}")


def shown_name(image: ImageSource) -> str:
    """What messages call the image: its path, which the name in a result may be a part of."""
    return os.fsdecode(image.source) if isinstance(image.source, (str, os.PathLike)) else image.name


def _open_file(source: bytes | Path, head: bytes, name: str, options: OpenOptions) -> PageFile:
    if file_type(head) == "PDF":
        return PdfFile(source, max_pixels=options.max_pixels, name=name, dpi=options.dpi)
    return ImageFile(source, max_pixels=options.max_pixels, name=name)


def _bytes_of(file: BinaryIO, name: str, options: OpenOptions) -> bytes:
    try:
        return read_all(file, name, most=most_bytes(options.max_pixels))
    except NotBinaryError:
        raise NotAnImageError(f"{name}: a file that was not opened as a binary one; {ACCEPTED}") from None
    except UserError:
        raise
    except Exception as error:  # any program may hand in a file of its own making
        raise ImageError("unreadable", name, str(error)) from None
