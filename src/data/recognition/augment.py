"""Random changes to a word image, in the order a camera makes them: view, optics, light, sensor.

Works on gray images: the network sees no color, so a change of color is a change of the tone curve.
"""

from dataclasses import dataclass, fields
from functools import cached_property

import cv2
import numpy as np

# Taller images are shrunk first: the network sees 32 rows, and every later step costs by the pixel.
_WORKING_HEIGHT = 64


@dataclass(frozen=True)
class WordAugment:
    """Probability and strength of each change; a probability of 0 turns it off (all are off by default).

    crop_prob, crop_max: each side moves in or out by up to this share of the height.
    perspective_prob, perspective_max: each corner moves by up to this share of the height.
    rotate_prob, rotate_max: degrees, about the center.
    blur_prob, blur_max: Gaussian sigma in pixels of an image 32 high.
    tone_prob, contrast_max, brightness_max, gamma_max: contrast factor in 1 +- contrast_max, brightness shift
        as a share of white, gamma in 1/(1+gamma_max) .. 1+gamma_max.
    invert_prob: dark text becomes light text.
    noise_prob, noise_max: standard deviation in gray levels.
    """

    crop_prob: float = 0.0
    crop_max: float = 0.15
    perspective_prob: float = 0.0
    perspective_max: float = 0.12
    rotate_prob: float = 0.0
    rotate_max: float = 5.0
    blur_prob: float = 0.0
    blur_max: float = 1.2
    tone_prob: float = 0.0
    contrast_max: float = 0.5
    brightness_max: float = 0.2
    gamma_max: float = 0.5
    invert_prob: float = 0.0
    noise_prob: float = 0.0
    noise_max: float = 12.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name.endswith("_prob") and not 0.0 <= value <= 1.0:
                raise ValueError(f"{field.name} is {value!r}; accepted are 0 to 1")
            if not np.isfinite(value) or value < 0:
                raise ValueError(f"{field.name} is {value!r}; accepted are finite numbers from 0")
        for name in ("crop_max", "perspective_max"):
            if getattr(self, name) > 0.4:
                raise ValueError(f"{name} is {getattr(self, name)!r}; above 0.4 opposite sides could cross")

    @cached_property
    def active(self) -> bool:
        """Whether any change can happen."""
        return any(getattr(self, field.name) > 0 for field in fields(self) if field.name.endswith("_prob"))


def augment_word(gray: np.ndarray, options: WordAugment, rng: np.random.Generator) -> np.ndarray:
    """Changed copy of a gray uint8 (h, w) image; its size may differ. Takes all its chance from `rng`."""
    if not options.active:
        return gray
    height, width = gray.shape
    if height > _WORKING_HEIGHT:
        width = max(1, round(width * _WORKING_HEIGHT / height))
        gray = cv2.resize(gray, (width, _WORKING_HEIGHT), interpolation=cv2.INTER_AREA)
    # Drawn always and in one call, so that turning one option off leaves the others' chances alone.
    draw = rng.random(24)
    gray = _change_view(gray, options, draw[:16])
    if draw[16] < options.blur_prob:
        sigma = draw[17] * options.blur_max * gray.shape[0] / 32
        if sigma > 0.1:
            gray = cv2.GaussianBlur(gray, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    gray = _change_tone(gray, options, draw[18:23])
    if draw[23] < options.noise_prob:
        strength = np.float32(rng.random() * options.noise_max)
        noisy = rng.standard_normal(gray.shape, dtype=np.float32) * strength + gray
        gray = np.clip(noisy, 0, 255).astype(np.uint8)
    return gray


def _change_view(gray: np.ndarray, options: WordAugment, draw: np.ndarray) -> np.ndarray:
    """Crop jitter, perspective and rotation as a single warp; outside, the border pixels continue."""
    height, width = gray.shape
    crop = draw[0] < options.crop_prob
    perspective = draw[1] < options.perspective_prob
    rotate = draw[2] < options.rotate_prob
    if not (crop or perspective or rotate) or min(height, width) < 2:
        return gray
    signed = 2 * draw - 1
    left, top, right, bottom = 0.0, 0.0, float(width), float(height)
    if crop:
        # A share of the shorter side across, so that a one-letter word keeps its letter.
        limit = options.crop_max * np.array([min(height, width), height, min(height, width), height])
        move = signed[3:7] * limit
        left, top, right, bottom = left + move[0], top + move[1], right - move[2], bottom - move[3]
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)
    if perspective:
        limit = options.perspective_max * height
        corners += signed[7:15].reshape(4, 2).astype(np.float32) * np.float32(limit)
    if rotate:
        angle = np.deg2rad(signed[15] * options.rotate_max)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], np.float32)
        center = corners.mean(axis=0)
        corners = (corners - center) @ turn.T + center
    new_width, new_height = max(2, round(right - left)), max(2, round(bottom - top))
    target = np.array([[0, 0], [new_width, 0], [new_width, new_height], [0, new_height]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, target)
    return cv2.warpPerspective(
        gray, matrix, (new_width, new_height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def _change_tone(gray: np.ndarray, options: WordAugment, draw: np.ndarray) -> np.ndarray:
    """Contrast, brightness, gamma and inversion as one table of 256 levels. `draw` holds 5 numbers."""
    tone, invert = draw[0] < options.tone_prob, draw[1] < options.invert_prob
    if not (tone or invert):
        return gray
    levels = np.arange(256, dtype=np.float32) / 255
    if tone:
        gamma = (1 + options.gamma_max) ** (2 * draw[2] - 1)
        contrast = 1 + (2 * draw[3] - 1) * min(options.contrast_max, 0.95)
        shift = (2 * draw[4] - 1) * options.brightness_max
        levels = (levels**gamma - 0.5) * contrast + 0.5 + shift
    if invert:
        levels = 1 - levels
    return cv2.LUT(gray, np.clip(levels * 255 + 0.5, 0, 255).astype(np.uint8))
