"""Any image file -> the upright 8-bit RGB image a viewer shows, or one named reason why not."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from src.data.images.file_types import HEAD_BYTES, file_type
from src.data.images.gif import GifError, large_frame
from src.data.images.header import ImageHeader, frame_numbers, header_of
from src.data.images.jpeg import (
    MOST_SCANS,
    decode_sound,
    has_too_many_scans,
    with_end_marker,
    with_headers_for_pillow,
)
from src.data.images.options import DEFAULT_MAX_PIXELS
from src.data.images.pillow_guards import open_with_pillow, without_pillow_limit
from src.data.images.png import has_all_rows, has_right_checksums, other_forms, sound_png
from src.data.images.png_rows import PngError
from src.data.images.rgb import orientation, to_rgb, turned_upright
from src.data.images.source import ImageError, content_of, read_bytes

__all__ = ["DecodedImage", "ImageError", "ImageFile", "ImageHeader", "decode_image", "image_size", "read_bytes"]

Source = bytes | Path | str


@dataclass(frozen=True)
class DecodedImage:
    """An image and what is wrong with its file.

    Attributes:
        pixels: contiguous uint8 (H, W, 3) RGB.
        notes: faults of the file, though it was decoded.
    """

    pixels: np.ndarray
    notes: tuple[str, ...] = ()


def read_header(source: Source, *, max_pixels: int = DEFAULT_MAX_PIXELS, name: str = "") -> ImageHeader:
    """Format, shown size and orientation, from the header alone; ImageError as `decode_image`."""
    with ImageFile(source, max_pixels=max_pixels, name=name) as file:
        return file.header


def image_size(source: Source, *, max_pixels: int = DEFAULT_MAX_PIXELS, name: str = "") -> tuple[int, int]:
    """(height, width) in pixels as the image is shown, from the header alone."""
    header = read_header(source, max_pixels=max_pixels, name=name)
    return header.height, header.width


def decode_image(source: Source, *, max_pixels: int = DEFAULT_MAX_PIXELS, name: str = "") -> np.ndarray:
    """Decode an image, the first one of its file, to contiguous uint8 (H, W, 3) RGB, as a viewer shows it.

    EXIF orientation is applied; transparency lies on white, or on black where the image is bright (`on_ground`);
    16-bit samples keep their high byte; gray, palette and CMYK become RGB. The size is checked in the header, so a
    file that claims more than `max_pixels` costs no memory. `name` stands for bytes in messages.

    Raises:
        ImageError: the file gives no image.
    """
    with ImageFile(source, max_pixels=max_pixels, name=name) as file:
        return file.decode().pixels


class ImageFile:
    """An opened image file: its header, and the images in it, each decoded when it is wanted. Use with `with`.

    Raises:
        ImageError: the file gives no image.
    """

    def __init__(self, source: Source, *, max_pixels: int = DEFAULT_MAX_PIXELS, name: str = "") -> None:
        self._max_pixels = max_pixels
        self._data: bytes | BinaryIO
        if isinstance(source, (str, Path)):
            self._name = name or str(source)
            self._data = content_of(source, self._name, max_pixels)
        else:
            self._name = name or "image bytes"
            self._data = bytes(source)
            if not self._data:
                raise ImageError("empty file", self._name)
        self._notes: list[str] = []
        self._large_frame: tuple[int, tuple[int, int]] | None = None
        try:
            self._image = self._open()
            self._check_size(self._image.size)
        except ImageError:
            self._close_data()
            raise

    def __enter__(self) -> "ImageFile":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._image.close()
        self._close_data()

    @property
    def header(self) -> ImageHeader:
        return header_of(self._image)

    @property
    def pages(self) -> int:
        """Images in the file: pages of a TIFF, frames of an animation."""
        return len(self._frames)

    def decode(self, page: int = 1) -> DecodedImage:
        """Decode one of the images in the file, numbered from 1; in this order it costs least.

        Raises:
            ImageError: this image cannot be decoded; others may be.
        """
        if page != 1 or self._image.format not in ("JPEG", "MPO"):
            frame = self._frames[page - 1]
            self._check_frame(frame)
            self._guarded(lambda: self._image.seek(frame))
            self._check_size(self._image.size)
        pixels, notes = self._pixels()
        return DecodedImage(turned_upright(pixels, orientation(self._image)), tuple(notes))

    @cached_property
    def _frames(self) -> list[int]:
        return frame_numbers(self._image)

    def _pixels(self) -> tuple[np.ndarray, list[str]]:
        """As stored, and what was wrong."""
        if self._image.format in ("JPEG", "MPO"):
            return self._jpeg_pixels()
        return self._png_pixels() if self._image.format == "PNG" else self._loaded(), self._notes

    def _png_pixels(self) -> np.ndarray:
        assert isinstance(self._data, bytes)  # only TIFFs are read piece by piece
        page, is_animated = self._image.tell(), self.pages > 1
        try:
            return self._loaded() if is_animated else self._loaded_whole(self._data)
        except ImageError:
            for data in other_forms(self._data, is_animated=is_animated):
                with suppress(ImageError):
                    self._data, self._image = data, self._opened(data)
                    self._guarded(lambda: self._image.seek(page))
                    return self._loaded() if is_animated else self._loaded_whole(data)
            raise

    def _loaded_whole(self, png: bytes) -> np.ndarray:
        pixels = self._loaded()
        height = self._image.height
        ends = [self._image.crop((0, y, self._image.width, y + 1)) for y in range(max(height - 2, 0), height)]
        is_suspect = "interlace" in self._image.info or not all(end.getbbox(alpha_only=False) for end in ends)
        # Rows that are missing are zero.
        if (is_suspect or not has_right_checksums(png)) and not has_all_rows(png):
            raise ImageError("truncated", self._name, "the pixels end early")
        return pixels

    def _jpeg_pixels(self) -> tuple[np.ndarray, list[str]]:
        data = self._data
        assert isinstance(data, bytes)  # only TIFFs are read piece by piece
        if has_too_many_scans(data):
            raise ImageError("unsupported", self._name, f"a JPEG of more than {MOST_SCANS} scans")
        notes: list[str] = []
        if self._image.mode in ("RGB", "L"):
            try:
                return decode_sound(data), notes
            except ValueError as error:
                notes.append(f"the JPEG is damaged ({error})")
        try:
            # All at once: in blocks, what is wrong behind the last row would count or not by the place of the next.
            self._image.decodermaxblock = max(len(data), 1 << 16)  # type: ignore[attr-defined] # an ImageFile's
            return self._loaded(), notes
        except ImageError:
            completed = with_end_marker(data)
            if completed is None:
                raise
            with ImageFile(completed, max_pixels=self._max_pixels, name=self._name) as whole:
                return whole._jpeg_pixels()[0], ["the JPEG has no end marker"]

    def _loaded(self) -> np.ndarray:
        image = self._image
        self._guarded(image.load)
        try:
            return to_rgb(image)
        except (ValueError, OSError, NotImplementedError) as error:
            raise ImageError("unsupported", self._name, f"mode {image.mode}: {error}") from None
        except MemoryError:
            raise ImageError("too large", self._name, "not enough memory") from None

    def _open(self) -> Image.Image:
        kind = file_type(self._data[:HEAD_BYTES]) if isinstance(self._data, bytes) else ""
        if not isinstance(self._data, bytes) or kind not in ("PNG", "JPEG"):
            return self._opened(self._data)
        if kind == "JPEG":
            with suppress(ImageError):
                return self._opened(self._data)
            self._data = with_headers_for_pillow(self._data)
            return self._opened(self._data)
        try:
            data = sound_png(self._data)
        except PngError as error:
            raise ImageError(error.reason, self._name, str(error)) from None
        if data is not self._data:
            self._notes.append("the PNG is damaged outside its pixels")
        self._data = data
        try:
            return self._opened(data)
        except ImageError:
            for self._data in other_forms(data, is_animated=True):  # if it is, its frames are kept
                return self._opened(self._data)
            raise

    def _opened(self, data: bytes | BinaryIO) -> Image.Image:
        if isinstance(data, bytes) and file_type(data[:HEAD_BYTES]) == "GIF":
            try:
                self._large_frame = large_frame(data, self._max_pixels)
            except GifError as error:
                raise ImageError("unsupported", self._name, str(error)) from None
            self._check_frame(0)
        return self._guarded(lambda: open_with_pillow(data, self._name))

    def _check_frame(self, frame: int) -> None:
        if self._large_frame and frame >= self._large_frame[0]:
            self._check_size(self._large_frame[1])

    def _guarded(self, work: Callable) -> Image.Image:
        """What `work` returns; decoders fail on broken data with any exception class."""
        try:
            with without_pillow_limit():
                return work()
        except ImageError:
            raise
        except MemoryError:
            raise ImageError("too large", self._name, "not enough memory") from None
        except Exception as error:
            reason = "unsupported" if str(error).startswith("Unsupported BMP") else "truncated"
            raise ImageError(reason, self._name, str(error)) from None

    def _check_size(self, size: tuple[int, int]) -> None:
        width, height = size
        if width < 1 or height < 1:
            raise ImageError("not an image", self._name, f"{width}x{height} pixels")
        if width * height > self._max_pixels:
            detail = f"{width}x{height}; at most {self._max_pixels} pixels are accepted, --max_image_pixels raises it"
            raise ImageError("too large", self._name, detail)

    def _close_data(self) -> None:
        if not isinstance(self._data, bytes):
            self._data.close()
