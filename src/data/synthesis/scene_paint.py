"""What is painted into a scene: panels behind text, words through a homography, and things that are no text."""

import cv2
import numpy as np

from src.data.synthesis.glyphs import embolden
from src.data.synthesis.layout import PlacedWord
from src.data.synthesis.paint import Paint, apply_paint, distance
from src.data.synthesis.textures import cloud_field, draw_shapes, patterned_surface, plain_surface, smooth_field

Box = tuple[int, int, int, int]


def draw_clutter(rng: np.random.Generator, canvas: np.ndarray, most_shapes: int) -> None:
    """Shapes, and patterned patches such as railings, bricks and blinds, that a detector must leave alone."""
    height, width = canvas.shape[:2]
    if rng.random() < 0.5:
        draw_shapes(rng, canvas, int(rng.random() * (most_shapes + 1)), largest=0.3)
    for _ in range(int(rng.random() * most_shapes / 3)):
        h, w = (int(side * (0.1 + 0.4 * rng.random())) for side in (height, width))
        y, x = int(rng.random() * (height - h)), int(rng.random() * (width - w))
        patch = patterned_surface(rng, h, w)
        view = canvas[y : y + h, x : x + w]
        view += (0.5 + 0.5 * rng.random()) * (patch - view)


def draw_panel(rng: np.random.Generator, view: np.ndarray, corners: np.ndarray, em: int) -> None:
    """A sign, label or painted area that fills the block's corners, in place."""
    height, width = view.shape[:2]
    cover = np.zeros((height, width), np.uint8)
    cv2.fillConvexPoly(cover, np.round(corners).astype(np.int32), (255,), cv2.LINE_AA)
    strength = np.float32(1.0 if rng.random() < 0.8 else 0.75 + 0.2 * rng.random())
    face = plain_surface(rng, height, width)
    if rng.random() < 0.3:
        face += (smooth_field(rng, height, width, 2) * 20)[..., None]
    elif rng.random() < 0.2:
        face += cloud_field(rng, height, width)[..., None] * 18
    view += (cover.astype(np.float32) * (strength / 255))[..., None] * (face - view)
    if rng.random() < 0.45:
        inset = corners + (corners.mean(0) - corners) * (0.04 if rng.random() < 0.5 else 0.0)
        color = (rng.random(3) * 255).tolist() if rng.random() < 0.4 else [float(rng.random() < 0.5) * 240] * 3
        thick = 1 + int(rng.random() * 0.08 * em)
        cv2.polylines(view, [np.round(inset).astype(np.int32)], True, color, thick, cv2.LINE_AA)


def draw_placed_word(
    canvas: np.ndarray, word: PlacedWord, to_image: np.ndarray, margin: float, paint: Paint
) -> tuple[Box | None, float]:
    """Paint one word through the block's homography; returns its box and how far it stands out (gray levels)."""
    room = 2 + int(paint.outline + 1) + (int(max(map(abs, paint.shadow)) * 2) + 1 if paint.shadow else 0)
    ink = cv2.copyMakeBorder(word.ink, room, room, room, room, cv2.BORDER_CONSTANT)
    x, y = word.x + margin - room, word.y + margin - room
    shift = np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], np.float64)
    h, w = ink.shape
    matrix = to_image @ shift
    outline = cv2.perspectiveTransform(np.array([[[0, 0], [w, 0], [w, h], [0, h]]], np.float64), matrix)[0]
    x1, y1 = np.maximum(np.floor(outline.min(0)).astype(int), 0)
    x2 = min(int(np.ceil(outline[:, 0].max())) + 1, canvas.shape[1])
    y2 = min(int(np.ceil(outline[:, 1].max())) + 1, canvas.shape[0])
    if x2 <= x1 or y2 <= y1:
        return None, 0.0
    back = np.array([[1, 0, -x1], [0, 1, -y1], [0, 0, 1]], np.float64)
    warped = cv2.warpPerspective(ink, back @ matrix, (x2 - x1, y2 - y1), flags=cv2.INTER_LINEAR)
    view = canvas[y1:y2, x1:x2]
    before = view.copy()
    apply_paint(view, warped, paint)
    solid = warped >= max(0.6 * warped.max(), 1)
    seen = float(np.percentile(distance(view[solid], before[solid]), 25)) if solid.any() else 0.0
    visible = embolden(warped, paint.outline) if paint.outline >= 1 else warped
    bx, by, bw, bh = cv2.boundingRect((visible > 90).astype(np.uint8))
    if bw < 2 or bh < 4:
        return None, 0.0
    return (int(x1 + bx), int(y1 + by), int(x1 + bx + bw - 1), int(y1 + by + bh - 1)), seen
