"""What happens to a word crop on its way through light, lens, sensor and file format."""

import numpy as np

from src.data.synthesis.degradations import (
    cast_shadow,
    defocus,
    highlight,
    jpeg,
    low_resolution,
    motion_blur,
    sensor_noise,
    to_bytes,
    uneven_light,
)
from src.data.synthesis.word_style import WordStyle


def spoil_crop(rng: np.random.Generator, image: np.ndarray, contrast: float, style: WordStyle) -> np.ndarray:
    """Light, lens, sensor and file format. Noise stays below what `contrast` (gray levels) can bear."""
    height = image.shape[0]
    light = rng.random()
    if light < 0.5 * style.light:
        image = uneven_light(rng, image, 0.45 * rng.random())
    elif light < 0.8 * style.light:
        image = cast_shadow(rng, image, 0.15 + 0.4 * rng.random())
    elif light < style.light:
        image = highlight(rng, image, min(120, contrast) * rng.random())
    soft = rng.random()
    if soft < style.blur:
        image = defocus(image, height * (0.006 + 0.034 * rng.random() ** 2))
    elif soft < style.blur + style.motion:
        image = motion_blur(image, 2 + 0.07 * height * rng.random(), rng.random() * np.pi)
    elif soft < style.blur + style.motion + style.low_resolution:
        image = low_resolution(image, max(1.1, height / (10 + 14 * rng.random())), rng.random() < 0.6)
    if rng.random() < style.noise:
        sigma = min(1 + 15 * rng.random() ** 2.5, 0.14 * contrast)
        image = sensor_noise(rng, image, sigma, 1 + 1.5 * rng.random())
    pixels = to_bytes(image)
    if rng.random() < style.jpeg:
        pixels = jpeg(pixels, 25 + int(65 * rng.random()))
    return pixels
