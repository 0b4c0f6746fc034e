"""Random changes of a training image and its text boxes.

All changes of geometry together are one window of the image's plane, sampled once into the size of the
network's input: a window larger than the image shrinks the text (expand), a smaller one enlarges it (crop).
"""

import math
from typing import NamedTuple

import cv2
import numpy as np

from src.common.warp import part_to_warp
from src.data.detection.options import AugmentOptions
from src.data.detection.preprocess import fitted_size
from src.data.images.photometric import add_noise, blur, distort, recolor

_TO_EDGES = np.array([0.0, 0.0, 1.0, 1.0])  # an inclusive corner x2 has its outer edge at x2 + 1


class Augmented(NamedTuple):
    """An image of the input's size, its boxes (K, 4) float32, ignored (K,) and dy / dx of each line (K,)."""

    image: np.ndarray
    boxes: np.ndarray
    ignored: np.ndarray
    tilts: np.ndarray


def augment(
    image: np.ndarray,
    boxes: np.ndarray,
    ignored: np.ndarray,
    rng: np.random.Generator,
    options: AugmentOptions,
    *,
    image_size: tuple[int, int],
    keep_ratio: bool = False,
    tilts: np.ndarray | None = None,
) -> Augmented:
    """Change an RGB uint8 image at random and bring it to the size that `preprocess` would give it.

    Boxes (K, 4), inclusive corners, are moved with the image and clipped to it. Text that is cut to less
    than `min_visible` of its height, or to a sliver of less than 8 pixels of a wider box, becomes ignored;
    what lies outside is dropped. `tilts` (K,) is dy / dx of each box's line, level without; a tilted box, as all are
    in a turned image, is a strip that keeps its height across the line and is not clipped vertically: its slices are.
    """
    boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
    ignored = np.asarray(ignored, bool).reshape(-1)
    window = _choose_window((image.shape[0], image.shape[1]), boxes[~ignored], rng, options)
    flip = rng.random() < options.flip_ratio
    angle = math.radians(rng.uniform(-1, 1) * options.rotate_degrees)
    left, top, width, height = window or (0.0, 0.0, float(image.shape[1]), float(image.shape[0]))
    size = fitted_size((max(round(height), 1), max(round(width), 1)), image_size, keep_ratio)
    matrix = _window_to_output((left, top, width, height), size, angle, flip)
    if window or flip or angle:
        image = _warp(image, matrix, size)
    elif size != image.shape[:2]:
        image = cv2.resize(image, (size[1], size[0]), interpolation=cv2.INTER_LINEAR)
    tilts = np.zeros(len(boxes), np.float32) if tilts is None else tilts
    boxes, ignored, tilts = move_boxes(boxes, ignored, tilts, matrix, size=size, min_visible=options.min_visible)

    return Augmented(change_pixels(image, rng, options), boxes, ignored, tilts)


def change_pixels(image: np.ndarray, rng: np.random.Generator, options: AugmentOptions) -> np.ndarray:
    """Random changes of color, sharpness and noise, which leave text where it is; uint8 (H, W, 3) both."""
    if rng.random() < options.photo_ratio:
        image = distort(image, rng)
    if rng.random() < options.colour_ratio:
        image = recolor(image, rng)
    if rng.random() < options.blur_ratio:
        image = blur(image, rng, options.blur_sigma)
    if rng.random() < options.noise_ratio:
        image = add_noise(image, rng, options.noise_std)
    return image


def _choose_window(
    size: tuple[int, int], text: np.ndarray, rng: np.random.Generator, options: AugmentOptions
) -> tuple[float, float, float, float] | None:
    """Window (x, y, width, height) of the image's plane, or None for the image itself."""
    height, width = size
    if rng.random() < options.expand_ratio and rng.random() < 0.5:
        ratio = rng.uniform(1, options.expand_max)
        left, top = rng.uniform(0, 1, 2) * (ratio - 1) * (width, height)
        return -left, -top, width * ratio, height * ratio
    if rng.random() >= options.crop_ratio:
        return None
    zoom = rng.uniform(options.crop_min, 1)
    proportion = options.stretch ** rng.uniform(-0.5, 0.5)
    window_width, window_height = (
        min(width, width * zoom * proportion),
        min(height, height * zoom / proportion),
    )
    if not len(text):
        left, top = rng.uniform(0, 1, 2) * (width - window_width, height - window_height)
        return left, top, window_width, window_height
    x1, y1, x2, y2 = text[rng.integers(len(text))] + _TO_EDGES
    window_height = min(height, max(window_height, 1.2 * (y2 - y1)))  # a line may be cut across, not along
    left = _place(x1, x2, window_width, width, rng)
    top = _place(y1, y2, window_height, height, rng)
    return left, top, window_width, window_height


def _place(start: float, end: float, length: float, limit: float, rng: np.random.Generator) -> float:
    """Where a window of `length` begins so that it holds [start, end], or lies inside a longer one."""
    low, high = sorted((end - length, start))
    low, high = np.clip((low, high), 0, limit - length)
    return float(rng.uniform(low, high))


def _window_to_output(
    window: tuple[float, float, float, float], size: tuple[int, int], angle: float, flip: bool
) -> np.ndarray:
    """(2, 3) matrix from the image's plane to the output's; pixel i covers [i, i + 1]."""
    left, top, width, height = window
    center = np.array([left + width / 2, top + height / 2])
    cosine, sine = math.cos(angle), math.sin(angle)
    scale = np.array([size[1] / width * (-1 if flip else 1), size[0] / height])
    linear = scale[:, None] * np.array([[cosine, -sine], [sine, cosine]])
    shift = np.array([size[1], size[0]]) / 2 - linear @ center
    return np.concatenate([linear, shift[:, None]], axis=1)


def _warp(image: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    at_centers = matrix.copy()  # OpenCV counts from the middle of the first pixel
    at_centers[:, 2] += matrix[:, :2].sum(axis=1) / 2 - 0.5
    corners = np.array([[0, 0], [size[1], 0], size[::-1], [0, size[0]]]) - at_centers[:, 2]
    image, origin = part_to_warp(image, corners @ np.linalg.inv(at_centers[:, :2]).T)
    at_centers[:, 2] += at_centers[:, :2] @ origin
    return cv2.warpAffine(image, at_centers, (size[1], size[0]), flags=cv2.INTER_LINEAR)


def move_boxes(
    boxes: np.ndarray,
    ignored: np.ndarray,
    tilts: np.ndarray,
    matrix: np.ndarray,
    *,
    size: tuple[int, int],
    min_visible: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Boxes, ignored and the lines' dy / dx after `matrix`, clipped to `size` (height, width)."""
    linear = matrix[:, :2]
    edges = boxes + _TO_EDGES
    center = (edges[:, :2] + edges[:, 2:]) / 2 @ linear.T + matrix[:, 2]
    width, height = (edges[:, 2:] - edges[:, :2]).T
    run, rise = (linear @ np.stack([np.ones(len(boxes)), tilts])).astype(
        np.float64
    )  # where a step along a line leads
    half_width = (abs(run) * width + abs(linear[0, 1]) * height) / 2
    # A strip of this height stays a strip; its extent along the new vertical is what slices need.
    half_height = height * abs(np.linalg.det(linear) / run) / 2
    tilts = rise / run

    x1, x2 = (np.clip(center[:, 0] + side * half_width, 0, size[1]) for side in (-1, 1))
    middle = center[:, 1] + tilts * ((x1 + x2) / 2 - center[:, 0])
    y1, y2 = middle - half_height, middle + half_height
    seen_y1, seen_y2 = np.clip(y1, 0, size[0]), np.clip(y2, 0, size[0])
    visible = (x2 > x1) & (seen_y2 > seen_y1)
    cut = (seen_y2 - seen_y1 < min_visible * (y2 - y1)) | (x2 - x1 < np.minimum(8, 2 * half_width) - 1e-6)
    y1, y2 = np.where(tilts == 0, seen_y1, y1), np.where(tilts == 0, seen_y2, y2)
    moved = np.stack([x1, y1, x2 - 1, y2 - 1], axis=1)
    moved[:, 2:] = np.maximum(moved[:, 2:], moved[:, :2])  # less than a pixel is left
    return moved[visible].astype(np.float32), (ignored | cut)[visible], tilts[visible].astype(np.float32)
