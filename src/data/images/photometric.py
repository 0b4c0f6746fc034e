"""Changes of an image's pixels that leave its geometry alone: light, color, blur and noise.

Each function takes an RGB uint8 (H, W, 3) image and a random generator and returns a new image.
Tables of 256 values do what can be done a value at a time, so a large image costs little.
"""

import cv2
import numpy as np

_LEVELS = np.arange(256, dtype=np.float64)


def _table(levels: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)


def distort(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Photometric distortion of SSD (Liu et al. 2016), each step for every second image.

    Brightness +-32, contrast and saturation 0.5 to 1.5, hue +-18 degrees, channels in another order; contrast
    comes before or after the color steps.
    """
    levels = _LEVELS
    if rng.random() < 0.5:
        levels = levels + rng.uniform(-32, 32)
    contrast = rng.uniform(0.5, 1.5) if rng.random() < 0.5 else 1.0
    contrast_first = rng.random() < 0.5
    image = cv2.LUT(image, _table(levels * contrast if contrast_first else levels))

    saturation = rng.uniform(0.5, 1.5) if rng.random() < 0.5 else 1.0
    hue = rng.uniform(-18, 18) if rng.random() < 0.5 else 0.0
    if saturation != 1 or hue != 0:
        hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)  # hue counts 2 degrees in 8 bits
        table = np.stack([np.mod(np.rint(_LEVELS + hue / 2), 180), _table(_LEVELS * saturation), _LEVELS], axis=-1)
        image = cv2.cvtColor(cv2.LUT(hsv, table[None].astype(np.uint8)), cv2.COLOR_HSV2RGB)

    if not contrast_first and contrast != 1:
        image = cv2.LUT(image, _table(_LEVELS * contrast))
    if rng.random() < 0.5:
        image = np.ascontiguousarray(image[:, :, rng.permutation(3)])
    return image


def recolor(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """White balance (0.8 to 1.2 a channel), gamma 0.67 to 1.5; every fifth gray, every seventh a negative."""
    gain = rng.uniform(0.8, 1.2, 3)
    gamma = np.exp(rng.uniform(-0.4, 0.4))
    levels = 255 * (_LEVELS / 255)[:, None] ** gamma * gain  # (256, 3)
    if rng.random() < 1 / 7:  # light text on dark ground becomes dark on light
        levels = 255 - levels
    if rng.random() < 0.2:
        image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return cv2.LUT(image, _table(levels)[None])


def blur(image: np.ndarray, rng: np.random.Generator, max_sigma: float) -> np.ndarray:
    """Out of focus (Gaussian of up to `max_sigma` pixels), shaken (up to 4 `max_sigma`) or of few pixels."""
    strength = rng.uniform(0.3, 1.0) * max_sigma
    kind = rng.integers(3)
    if kind == 0:
        return cv2.GaussianBlur(image, (0, 0), strength)
    if kind == 1:
        length, angle = 4 * strength, rng.uniform(0, np.pi)
        reach = int(np.ceil(length / 2))
        offset = length / 2 * np.array([np.cos(angle), np.sin(angle)])
        kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
        start, end = np.rint(reach - offset).astype(int), np.rint(reach + offset).astype(int)
        cv2.line(kernel, tuple(map(int, start)), tuple(map(int, end)), (1.0,))
        return cv2.filter2D(image, -1, kernel / kernel.sum())
    height, width = image.shape[:2]
    small = (max(round(width / (1 + strength)), 1), max(round(height / (1 + strength)), 1))
    small_image = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
    return cv2.resize(small_image, (width, height), interpolation=cv2.INTER_LINEAR)


def add_noise(image: np.ndarray, rng: np.random.Generator, max_std: float) -> np.ndarray:
    """Gaussian noise of a standard deviation up to `max_std` gray levels."""
    height, width = image.shape[:2]
    tile_height, tile_width = (
        min(height, 256),
        min(width, 256),
    )  # repeated: noise is the dearest step otherwise
    noise = rng.standard_normal((tile_height, tile_width, 3), dtype=np.float32) * rng.uniform(0.2, 1.0) * max_std
    repeats = (-(-height // tile_height), -(-width // tile_width), 1)
    noise = np.tile(np.rint(noise).astype(np.int16), repeats)[:height, :width]
    return np.clip(image + noise, 0, 255).astype(np.uint8)
