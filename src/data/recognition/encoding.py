"""A labeled word -> the bytes that an LMDB stores, or the reason why it is left out."""

import cv2
import numpy as np

from src.data.images.decode import ImageError, decode_image, read_bytes, read_header
from src.data.images.header import ImageHeader
from src.data.recognition.annotations import Reject, Word
from src.data.recognition.crops import crop_word, shown_corners


def encode_words(words: list[Word | Reject]) -> list[tuple[bytes, str] | Reject]:
    """(encoded image, text) or Reject for each word; a photograph of several words is decoded once.

    Every image is decoded completely. A plain 8-bit one keeps its bytes; one that a simple reader would see
    differently (turned by EXIF, transparent, palette, CMYK, 16 bits) and every cut is stored as PNG.
    """
    photograph: tuple[str, ImageHeader, np.ndarray] | None = None
    encoded: list[tuple[bytes, str] | Reject] = []
    for word in words:
        if isinstance(word, Reject):
            encoded.append(word)
            continue
        try:
            if word.corners is None:
                encoded.append((_whole_image(word), word.text))
                continue
            if photograph is None or photograph[0] != str(word.image):
                data = read_bytes(word.image)
                name = str(word.image)
                photograph = (name, read_header(data, name=name), decode_image(data, name=name))
            crop = _crop(word, *photograph[1:])
            encoded.append((_png(crop), word.text) if crop is not None else Reject(word.name, "box without area"))
        except ImageError as error:
            encoded.append(Reject(word.name, error.reason, f"{word.name!r} at '{word.image}'"))
    return encoded


def _whole_image(word: Word) -> bytes:
    data = read_bytes(word.image)
    header = read_header(data, name=str(word.image))
    pixels = decode_image(data, name=str(word.image))
    plain = header.mode in ("L", "RGB") and header.orientation == 1 and not header.has_alpha
    return data if plain and header.format in ("JPEG", "PNG", "BMP") else _png(pixels)


def _crop(word: Word, header: ImageHeader, pixels: np.ndarray) -> np.ndarray | None:
    corners = word.corners
    assert corners is not None  # of a whole image nothing is cut
    if word.stored_frame and header.orientation != 1:
        corners = shown_corners(corners, header.orientation, header.height, header.width)
    return crop_word(pixels, corners)


def _png(pixels: np.ndarray) -> bytes:
    fine, data = cv2.imencode(".png", np.ascontiguousarray(pixels[:, :, ::-1]))  # OpenCV writes from BGR
    if not fine:
        raise ImageError("unsupported", "word", "cannot be written as PNG")
    return data.tobytes()
