"""From ink to paint: colors that can be seen, gradients, outlines, shadows, raised edges."""

from dataclasses import dataclass

import cv2
import numpy as np

from src.data.synthesis.glyphs import embolden
from src.data.synthesis.textures import random_color

GRAY_WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True)
class Paint:
    """How a text is painted. Colors are float32 (channels,) or plain floats on gray canvases.

    `outline` is a width in pixels (with `hollow`, only the outline is painted, in `color`), `shadow` an offset
    in pixels with a blur sigma; zero width and None are off.
    """

    color: np.ndarray | float
    second: np.ndarray | float | None = None
    opacity: float = 1.0
    outline: float = 0.0
    outline_color: np.ndarray | float = 0.0
    hollow: bool = False
    shadow: tuple[float, float, float] | None = None
    shadow_color: np.ndarray | float = 0.0
    relief: float = 0.0


def blend(canvas: np.ndarray, cover: np.ndarray, color: np.ndarray | float) -> None:
    """Lay `color` over float32 `canvas` by the shares `cover` (H, W), 0 to 1, in place."""
    if canvas.ndim == 3:
        cover = cover[..., None]
    canvas += cover * (color - canvas)


def apply_paint(canvas: np.ndarray, ink: np.ndarray, paint: Paint) -> None:
    """Paint `ink` (uint8 (H, W)) onto float32 `canvas` (H, W) or (H, W, 3), in place."""
    scale = np.float32(paint.opacity / 255)
    if paint.shadow:
        dx, dy, sigma = paint.shadow
        matrix = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
        fallen = cv2.warpAffine(ink, matrix, (ink.shape[1], ink.shape[0]))
        if sigma > 0.3:
            fallen = cv2.GaussianBlur(fallen, (0, 0), sigma)
        blend(canvas, fallen * (scale * np.float32(0.8)), paint.shadow_color)
    if paint.outline > 0:
        grown = embolden(ink, paint.outline)
        if paint.hollow:
            blend(canvas, cv2.subtract(grown, ink) * scale, paint.color)
            return
        blend(canvas, grown * scale, paint.outline_color)
    color = paint.color
    if paint.second is not None:
        ramp = np.linspace(0, 1, ink.shape[0], dtype=np.float32)[:, None]
        if canvas.ndim == 3:
            ramp = ramp[..., None]
        color = color + ramp * (paint.second - color)
    if paint.relief:
        edge = cv2.Sobel(ink, cv2.CV_32F, 1, 1, ksize=3) * np.float32(paint.relief / 255)
        canvas += edge if canvas.ndim == 2 else edge[..., None]
    blend(canvas, ink * scale, color)


def distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """How different two colors (..., 3) look, in gray levels: brightness mostly, hue a little."""
    difference = np.asarray(a, np.float32) - np.asarray(b, np.float32)
    return np.maximum(np.abs(difference @ GRAY_WEIGHTS), 0.45 * np.abs(difference).max(axis=-1))


def visible_color(rng: np.random.Generator, background: np.ndarray, contrast: float) -> np.ndarray:
    """RGB color (3,) at least `contrast` away from `background` (3,); black or white when chance finds none."""
    for _ in range(6):
        style = rng.random()
        if style < 0.25:
            color = np.full(3, rng.random() * 45, np.float32)
        elif style < 0.5:
            color = np.full(3, 255 - rng.random() * 45, np.float32)
        else:
            color = np.clip(random_color(rng), 0, 255)
        if distance(color, background) >= contrast:
            return color
    bright = float(background @ GRAY_WEIGHTS)
    return np.full(3, 10.0 if bright > 127 else 245.0, np.float32)


def random_paint(
    rng: np.random.Generator, background: np.ndarray, contrast: float, em: float, effects: float
) -> Paint:
    """A paint for text of `em` pixels that shows on `background` (3,); `effects` is the chance of each effect."""
    color = visible_color(rng, background, contrast)
    second = outline_color = None
    if rng.random() < effects:
        second = np.clip(color + (rng.random(3, dtype=np.float32) - 0.5) * 110, 0, 255)
        if distance(second, background) < 0.7 * contrast:
            second = None
    outline, hollow, shadow, relief = 0.0, False, None, 0.0
    shadow_color: np.ndarray | float = 0.0
    if rng.random() < effects:
        outline = em * (0.02 + 0.05 * rng.random())
        outline_color = visible_color(rng, color, max(contrast, 60))
    if rng.random() < effects:
        reach = em * (0.02 + 0.07 * rng.random())
        angle = rng.random() * 2 * np.pi
        shadow = (reach * np.cos(angle), reach * np.sin(angle), em * 0.05 * rng.random())
        shadow_color = np.full(3, rng.random() * 60, np.float32)
        if rng.random() < 0.25:
            shadow_color = visible_color(rng, color, 60)
    if rng.random() < 0.4 * effects:
        relief = 60 * (rng.random() - 0.5)
    return Paint(
        color=color,
        second=second,
        opacity=1.0 if rng.random() < 0.75 else 0.82 + 0.18 * rng.random(),
        outline=outline,
        outline_color=0.0 if outline_color is None else outline_color,
        hollow=hollow,
        shadow=shadow,
        shadow_color=shadow_color,
        relief=relief,
    )
