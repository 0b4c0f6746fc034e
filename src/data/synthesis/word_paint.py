"""Color of a word crop: a gray surface and letters that can be seen on it."""

import numpy as np

from src.data.synthesis.gray_patches import GrayPatches
from src.data.synthesis.paint import Paint, apply_paint, blend
from src.data.synthesis.textures import cloud_field, smooth_field
from src.data.synthesis.word_style import WordStyle


def paint_crop(
    rng: np.random.Generator, ink: np.ndarray, others: np.ndarray | None, patches: GrayPatches, style: WordStyle
) -> tuple[np.ndarray, float]:
    """Paint ink uint8 (H, W), and what else is in view, on a gray surface.

    Returns the crop, float32 (H, W), and the contrast of its text in gray levels.
    """
    surface, fore = _tones(rng, style.least_contrast)
    height, width = ink.shape
    kind = rng.random()
    canvas = np.full((height, width), surface, np.float32)
    if kind < style.photo:
        patch = patches.patch(rng, height, width)
        difference = abs(fore - surface)
        strength = min(0.9 * rng.random() + 0.1, 0.75 * difference / (2 * float(patch.std()) + 1))
        canvas += (patch - patch.mean()) * np.float32(strength)
    elif kind < style.photo + 0.3:
        canvas += smooth_field(rng, height, width, 2) * np.float32(0.35 * abs(fore - surface) * rng.random())
    elif kind < style.photo + 0.42:
        canvas += cloud_field(rng, height, width) * np.float32(0.4 * abs(fore - surface) * rng.random())
    if rng.random() < style.border:
        _draw_border(rng, canvas, fore)
    paint = _paint(rng, style, fore, surface, height)
    if others is not None:
        apply_paint(canvas, others, paint)
    apply_paint(canvas, _dotted(rng, ink) if rng.random() < 0.012 else ink, paint)
    return canvas, abs(fore - surface)


def _tones(rng: np.random.Generator, least: float) -> tuple[float, float]:
    """Gray levels of surface and ink, mostly far apart, sometimes hardly."""
    span = least + (245 - least) * float(rng.beta(1.7, 1.0))
    low = float(rng.random()) * (255 - span)
    return (low + span, low) if rng.random() < 0.52 else (low, low + span)


def _paint(rng: np.random.Generator, style: WordStyle, fore: float, surface: float, height: int) -> Paint:
    """Effects for letters of tone `fore`."""
    second = outline = shadow = None
    contrast = abs(fore - surface)
    if rng.random() < style.gradient:
        second = float(np.clip(fore + rng.normal(0, 0.3) * contrast, 0, 255))
        if abs(second - surface) < 0.5 * contrast:
            second = None
    effect = rng.random()
    if effect < style.outline:
        outline = max(0.6, height * (0.015 + 0.04 * rng.random()))
    elif effect < style.outline + style.shadow:
        reach, angle = height * (0.02 + 0.06 * rng.random()), rng.random() * 2 * np.pi
        shadow = (reach * np.cos(angle), reach * np.sin(angle), height * 0.04 * rng.random())
    line_tone = 255 * rng.random() if rng.random() < 0.5 else (0.0 if fore > 127 else 255.0)
    hollow = rng.random() < style.hollow
    if hollow:
        outline, second = max(1.0, 0.04 * height), None
    return Paint(
        color=fore,
        second=second,
        opacity=1.0 if rng.random() < 0.8 else 0.75 + 0.25 * rng.random(),
        outline=outline or 0.0,
        outline_color=line_tone,
        hollow=hollow,
        shadow=shadow,
        shadow_color=min(fore, surface) * rng.random() if rng.random() < 0.8 else line_tone,
        relief=rng.normal(0, 0.2 * contrast) if rng.random() < 0.06 else 0.0,
    )


def _dotted(rng: np.random.Generator, ink: np.ndarray) -> np.ndarray:
    """Ink broken into dots, as by lamps and dot printers."""
    period = max(3, round(ink.shape[0] / (8 + 6 * rng.random())))
    height, width = ink.shape
    gap = max(1, period // 3)
    keep = ((np.arange(height) % period >= gap)[:, None] & (np.arange(width) % period >= gap)).astype(np.uint8)
    return ink * keep


def _draw_border(rng: np.random.Generator, canvas: np.ndarray, fore: float) -> None:
    """A rule, frame edge or change of surface at one side of the crop, in place."""
    height, width = canvas.shape
    tone = fore if rng.random() < 0.5 else 255 * rng.random()
    thick = 1 + int(rng.random() * height * 0.1)
    side = int(rng.random() * 4)
    wide = rng.random() < 0.3
    depth = int((0.03 + 0.1 * rng.random()) * height)
    cover = np.zeros((height, width), np.float32)
    if side < 2:
        rows = slice(0, depth) if wide else slice(depth, depth + thick)
        cover[rows] = 1
        cover = cover if side == 0 else cover[::-1]
    else:
        columns = slice(0, depth) if wide else slice(depth, depth + thick)
        cover[:, columns] = 1
        cover = cover if side == 2 else cover[:, ::-1]
    blend(canvas, cover, tone)
