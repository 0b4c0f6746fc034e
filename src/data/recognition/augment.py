"""Random changes to a word image, in the order a camera makes them: view, optics, light, sensor.

Works on gray images: the network sees no color, so a change of color is a change of the tone curve.
"""

import cv2
import numpy as np

from src.data.recognition.options import WordAugment

# Taller images are shrunk first: the network sees 32 rows, and every later step costs by the pixel.
_WORKING_HEIGHT = 64


def augment_word(gray: np.ndarray, options: WordAugment, rng: np.random.Generator) -> np.ndarray:
    """Changed copy of a gray uint8 (H, W) image; its size may differ. Takes all its chance from `rng`."""
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
        farthest = options.perspective_max * height
        corners += signed[7:15].reshape(4, 2).astype(np.float32) * np.float32(farthest)
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
