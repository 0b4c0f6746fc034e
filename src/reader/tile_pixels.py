"""From an image to the network's input for a pass or a tile of it. Sizes are (height, width)."""

import cv2
import numpy as np

from src.common.boxes import size_of
from src.common.warp import part_to_warp
from src.data.detection.preprocess import preprocess
from src.reader.passes import DetectionPass
from src.reader.tiles import Tile

SHRINKING = 0.5  # scale above which no pixels are averaged


def cut(image: np.ndarray, current: DetectionPass, tile: Tile) -> np.ndarray:
    """A tile without scaling the rest of the image; the same pixels as `resized` has there."""
    steps = np.array([image.shape[1] / current.size[1], image.shape[0] / current.size[0]])
    start = (np.array([tile.x, tile.y]) + 0.5) * steps - 0.5
    height = min(tile.size[0], current.size[0] - tile.y)
    width = min(tile.size[1], current.size[1] - tile.x)
    image, origin = part_to_warp(image, np.array([start, start + steps * (width, height)]))
    start -= origin
    matrix = np.array([[steps[0], 0, start[0]], [0, steps[1], start[1]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(image, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)


def normalized(pixels: np.ndarray, size: tuple[int, int] | None = None) -> np.ndarray:
    """Pixels in the upper left of an input of `size`, (1, 3, *size)."""
    own = preprocess(pixels, size_of(pixels))[0]
    if size is None or own.shape[1:] == size:
        return own[None]
    filled = np.zeros((1, 3, *size), np.float32)
    filled[0, :, : own.shape[1], : own.shape[2]] = own
    return filled
