"""Surfaces without a photograph: plain, shaded, clouded, striped, bricked, or made of random shapes."""

from functools import lru_cache

import cv2
import numpy as np

_BANK_SHAPE = (512, 2048)


@lru_cache(maxsize=1)
def _noise_bank() -> np.ndarray:
    """Normal noise made once: cutting a random window from it costs a hundredth of drawing new numbers."""
    return np.random.default_rng(20200229).standard_normal(_BANK_SHAPE, dtype=np.float32)


def noise_field(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Window (height, width) float32 of standard normal noise."""
    if height > _BANK_SHAPE[0] // 2 or width > _BANK_SHAPE[1] // 2:
        return rng.standard_normal((height, width), dtype=np.float32)
    y = int(rng.random() * (_BANK_SHAPE[0] - height))
    x = int(rng.random() * (_BANK_SHAPE[1] - width))
    return _noise_bank()[y : y + height, x : x + width]


def smooth_field(rng: np.random.Generator, height: int, width: int, cells: int = 3) -> np.ndarray:
    """Slowly varying field (height, width) float32, about -1 to 1: light that falls unevenly."""
    columns = max(2, min(round(cells * width / max(height, 1)), 4 * cells))
    grid = rng.random((max(cells, 2), columns), dtype=np.float32) * 2 - 1
    return cv2.resize(grid, (width, height), interpolation=cv2.INTER_LINEAR)


def cloud_field(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Cloudy field (height, width) float32, about -1 to 1, detail at several sizes."""
    total = np.zeros((height, width), np.float32)
    strength = 0.6
    for step in (64, 24, 8, 3):
        grid = noise_field(rng, height // step + 2, width // step + 2)
        total += strength * cv2.resize(grid, (width, height), interpolation=cv2.INTER_LINEAR)
        strength *= 0.55
    return np.clip(total, -1.5, 1.5, out=total)


def random_color(rng: np.random.Generator) -> np.ndarray:
    """RGB color (3,) float32: grays, muted and vivid ones as often as on painted surfaces."""
    style = rng.random()
    if style < 0.3:
        return np.full(3, rng.random() * 255, np.float32) + (rng.random(3, dtype=np.float32) - 0.5) * 24
    color = rng.random(3, dtype=np.float32) * 255
    if style < 0.65:
        return color * 0.55 + (rng.random() * 0.45 * 255)
    return color


def plain_surface(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """One painted color with a little shading and grain: float32 (height, width, 3), 0 to 255."""
    shade = smooth_field(rng, height, width, 2) * (rng.random() * 30)
    if rng.random() < 0.5:
        shade = shade + cloud_field(rng, height, width) * (rng.random() * 14)
    return np.clip(random_color(rng) + shade[..., None], 0, 255)


def patterned_surface(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Bricks, stripes, tiles or random shapes: float32 (height, width, 3), 0 to 255."""
    canvas = plain_surface(rng, height, width)
    style = rng.random()
    second = random_color(rng)
    if style < 0.4:
        _draw_grid(rng, canvas, second)
    elif style < 0.55:
        period = 4 + rng.random() * 50
        angle = rng.random() * np.pi
        along = np.arange(width, dtype=np.float32) * np.cos(angle) + np.arange(height, dtype=np.float32)[
            :, None
        ] * np.sin(angle)
        stripes = np.clip(np.sin(along * (2 * np.pi / period)) * 3, -0.5, 0.5) + 0.5
        canvas += (stripes * (0.15 + 0.5 * rng.random()))[..., None] * (second - canvas)
    else:
        draw_shapes(rng, canvas, 3 + int(rng.random() * 14))
    canvas += cloud_field(rng, height, width)[..., None] * (rng.random() * 12)
    return np.clip(canvas, 0, 255, out=canvas)


def _draw_grid(rng: np.random.Generator, canvas: np.ndarray, color: np.ndarray) -> None:
    height, width = canvas.shape[:2]
    row = 10 + int(rng.random() * 60)
    column = int(row * (1 + 2 * rng.random()))
    gap = 1 + int(rng.random() * 3)
    brick = rng.random() < 0.6
    for i, y in enumerate(range(0, height, row)):
        cv2.line(canvas, (0, y), (width, y), color.tolist(), gap)
        for x in range((column // 2 if brick and i % 2 else 0), width, column):
            if rng.random() < 0.5:
                tint = float(rng.random() - 0.5) * 30
                canvas[y + 1 : y + row, x + 1 : x + column] += tint
            cv2.line(canvas, (x, y), (x, y + row), color.tolist(), gap)


def draw_shapes(rng: np.random.Generator, canvas: np.ndarray, count: int, largest: float = 0.5) -> None:
    """Draw random rectangles, ellipses, polygons and lines in place: things in a scene that are not text."""
    height, width = canvas.shape[:2]
    for _ in range(count):
        color = random_color(rng).tolist()
        size = largest * min(height, width) * (0.05 + rng.random() ** 2)
        x, y = rng.random() * width, rng.random() * height
        style = rng.random()
        thickness = -1 if rng.random() < 0.6 else 1 + int(rng.random() * size / 10)
        if style < 0.35:
            corner = (int(x + size * (0.3 + rng.random() * 2)), int(y + size * (0.3 + rng.random())))
            cv2.rectangle(canvas, (int(x), int(y)), corner, color, thickness)
        elif style < 0.6:
            axes = (int(size * (0.2 + 0.6 * rng.random())) + 1, int(size * (0.2 + 0.6 * rng.random())) + 1)
            cv2.ellipse(canvas, (int(x), int(y)), axes, rng.random() * 180, 0, 360, color, thickness, cv2.LINE_AA)
        elif style < 0.8:
            points = np.array([x, y]) + (rng.random((3 + int(rng.random() * 4), 2)) - 0.5) * 2 * size
            cv2.fillPoly(canvas, [points.astype(np.int32)], color, cv2.LINE_AA)
        else:
            end = (int(x + (rng.random() - 0.5) * 4 * size), int(y + (rng.random() - 0.5) * 4 * size))
            cv2.line(canvas, (int(x), int(y)), end, color, 1 + int(rng.random() * 6), cv2.LINE_AA)
