"""From ink to paint: colours that can be seen, gradients, outlines, shadows, raised edges."""

from dataclasses import dataclass

import cv2
import numpy as np

from src.data.synthesis.glyphs import embolden
from src.data.synthesis.textures import random_colour

GREY_WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True)
class Paint:
    """How a text is painted. Colours are float32 (channels,) or plain floats on grey canvases.

    `outline` is a width in pixels (with `hollow`, only the outline is painted, in `colour`), `shadow` an offset
    in pixels with a blur sigma; zero width and None are off.
    """

    colour: np.ndarray | float
    second: np.ndarray | float | None = None
    opacity: float = 1.0
    outline: float = 0.0
    outline_colour: np.ndarray | float = 0.0
    hollow: bool = False
    shadow: tuple[float, float, float] | None = None
    shadow_colour: np.ndarray | float = 0.0
    relief: float = 0.0


def blend(canvas: np.ndarray, cover: np.ndarray, colour: np.ndarray | float) -> None:
    """Lay `colour` over float32 `canvas` where `cover` (h, w, 0 to 1) says, in place."""
    if canvas.ndim == 3:
        cover = cover[..., None]
    canvas += cover * (colour - canvas)


def apply_paint(canvas: np.ndarray, ink: np.ndarray, paint: Paint) -> None:
    """Paint `ink` (uint8 (h, w)) onto float32 `canvas` (h, w) or (h, w, 3), in place."""
    scale = np.float32(paint.opacity / 255)
    if paint.shadow:
        dx, dy, sigma = paint.shadow
        matrix = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
        fallen = cv2.warpAffine(ink, matrix, (ink.shape[1], ink.shape[0]))
        if sigma > 0.3:
            fallen = cv2.GaussianBlur(fallen, (0, 0), sigma)
        blend(canvas, fallen * (scale * np.float32(0.8)), paint.shadow_colour)
    if paint.outline > 0:
        grown = embolden(ink, paint.outline)
        if paint.hollow:
            blend(canvas, cv2.subtract(grown, ink) * scale, paint.colour)
            return
        blend(canvas, grown * scale, paint.outline_colour)
    colour = paint.colour
    if paint.second is not None:
        ramp = np.linspace(0, 1, ink.shape[0], dtype=np.float32)[:, None]
        if canvas.ndim == 3:
            ramp = ramp[..., None]
        colour = colour + ramp * (paint.second - colour)
    if paint.relief:
        edge = cv2.Sobel(ink, cv2.CV_32F, 1, 1, ksize=3) * np.float32(paint.relief / 255)
        canvas += edge if canvas.ndim == 2 else edge[..., None]
    blend(canvas, ink * scale, colour)


def distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """How different two colours (..., 3) look, in grey levels: brightness mostly, hue a little."""
    difference = np.asarray(a, np.float32) - np.asarray(b, np.float32)
    return np.maximum(np.abs(difference @ GREY_WEIGHTS), 0.45 * np.abs(difference).max(axis=-1))


def visible_colour(rng: np.random.Generator, background: np.ndarray, contrast: float) -> np.ndarray:
    """RGB colour (3,) at least `contrast` away from `background` (3,); black or white when chance finds none."""
    for _ in range(6):
        style = rng.random()
        if style < 0.25:
            colour = np.full(3, rng.random() * 45, np.float32)
        elif style < 0.5:
            colour = np.full(3, 255 - rng.random() * 45, np.float32)
        else:
            colour = np.clip(random_colour(rng), 0, 255)
        if distance(colour, background) >= contrast:
            return colour
    bright = float(background @ GREY_WEIGHTS)
    return np.full(3, 10.0 if bright > 127 else 245.0, np.float32)


def random_paint(rng: np.random.Generator, background: np.ndarray, contrast: float, em: float,
                 effects: float) -> Paint:  # fmt: skip
    """A paint for text of `em` pixels that shows on `background` (3,); `effects` is the chance of each effect."""
    colour = visible_colour(rng, background, contrast)
    second = outline_colour = None
    if rng.random() < effects:
        second = np.clip(colour + (rng.random(3, dtype=np.float32) - 0.5) * 110, 0, 255)
        if distance(second, background) < 0.7 * contrast:
            second = None
    outline, hollow, shadow, shadow_colour, relief = 0.0, False, None, 0.0, 0.0
    if rng.random() < effects:
        outline = em * (0.02 + 0.05 * rng.random())
        outline_colour = visible_colour(rng, colour, max(contrast, 60))
    if rng.random() < effects:
        reach = em * (0.02 + 0.07 * rng.random())
        angle = rng.random() * 2 * np.pi
        shadow = (reach * np.cos(angle), reach * np.sin(angle), em * 0.05 * rng.random())
        shadow_colour = np.full(3, rng.random() * 60, np.float32)
        if rng.random() < 0.25:
            shadow_colour = visible_colour(rng, colour, 60)
    if rng.random() < 0.4 * effects:
        relief = 60 * (rng.random() - 0.5)
    return Paint(
        colour=colour,
        second=second,
        opacity=1.0 if rng.random() < 0.75 else 0.82 + 0.18 * rng.random(),
        outline=outline,
        outline_colour=0.0 if outline_colour is None else outline_colour,
        hollow=hollow,
        shadow=shadow,
        shadow_colour=shadow_colour,
        relief=relief,
    )
