"""Ink of a word crop: letters set, bent, turned and seen from the side, on a canvas of the crop's size."""

from math import atan, ceil, cos, radians, sin

import cv2
import numpy as np

from src.data.synthesis.fonts import PROBE_EM, Face, FontBook
from src.data.synthesis.glyphs import TextInk, bend, embolden, pad_ink, set_small_caps, set_text, slant
from src.data.synthesis.word_style import WordStyle

_EM = PROBE_EM  # one type size, so that the glyph cache is hit; the warp makes every other


def draw_crop(
    rng: np.random.Generator,
    book: FontBook,
    face: Face,
    text: str,
    *,
    other: str | None,
    height: tuple[int, int],
    style: WordStyle,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Ink of `text` on a canvas of a crop's size, uint8 (H, W) with H from `height`, and ink of a part of the
    word `other` beside, above or below it, or None."""
    tracking = 0.0
    if rng.random() < style.tracked:
        tracking = float(rng.random() ** 2 * 0.6) if rng.random() < 0.8 else -0.05
    line = _shape(rng, book, face, text, tracking)
    ink = line.ink
    if rng.random() < style.curved and ink.shape[1] > 2 * ink.shape[0]:
        most = 0.9 * ink.shape[0] / ink.shape[1]  # a higher arc would leave only small letters in the crop
        ink = np.ascontiguousarray(bend(ink, float(np.clip(rng.normal(0, 0.1), -most, most))))
    rows, columns = ink.shape
    low, high = np.log(height[0]), np.log(height[1])
    target = int(np.exp(low + (high - low) * rng.random()))
    margins = _margins(rng, style.cut)  # left, top, right, bottom in text heights
    scale = target / (rows * max(1 + margins[1] + margins[3], 0.8))
    stretch = float(np.exp(rng.normal(-0.12, 0.17)))
    text_h, text_w = rows * scale, columns * scale * stretch
    canvas_w = max(ceil(text_w + text_h * (margins[0] + margins[2])), 8)
    corners = _corners(rng, style, text_w=text_w, text_h=text_h, left=margins[0] * text_h, top=margins[1] * text_h)
    source = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32)
    matrix = cv2.getPerspectiveTransform(source, corners)
    warped = _warp(ink, matrix, canvas_w, target, scale)
    if other is None:
        return warped, None
    beside = np.eye(3)
    neighbor = set_text(book, face, other if book.can_draw(face, other) else "AEON", _EM)
    beside[:2, 2] = _place_beside(rng, line, neighbor)
    return warped, _warp(neighbor.ink, matrix @ beside, canvas_w, target, scale)


def _margins(rng: np.random.Generator, cut: float) -> np.ndarray:
    """Room left, above, right and below, in text heights; a share `cut` loses a sliver at one side."""
    margins = rng.random(4) ** 2 * 0.38 + 0.04
    if rng.random() < cut:
        margins[int(rng.random() * 4)] = -0.09 * rng.random()
    return margins


def _corners(
    rng: np.random.Generator, style: WordStyle, *, text_w: float, text_h: float, left: float, top: float
) -> np.ndarray:
    """Where the text's corners go, float32 (4, 2): turned and skewed, but inside the upright rectangle."""
    angle = radians(rng.normal(0, style.tilt if rng.random() < 0.9 else 4 * style.tilt))
    most = atan(0.55 * text_h / text_w) if text_w > text_h else radians(20)
    angle = min(max(angle, -most), most)
    skew = rng.normal(0, style.perspective * rng.random() * text_h, 8).tolist()
    c, s = cos(angle), sin(angle)
    half_w, half_h = text_w / 2, text_h / 2
    xs, ys = [], []
    for k, (x, y) in enumerate(((-half_w, -half_h), (half_w, -half_h), (half_w, half_h), (-half_w, half_h))):
        xs.append(c * x - s * y + skew[2 * k])
        ys.append(s * x + c * y + skew[2 * k + 1])
    shrink_x = min(1.0, text_w / (max(xs) - min(xs)))
    shrink_y = min(1.0, text_h / (max(ys) - min(ys)))
    mid_x, mid_y = sum(xs) / 4, sum(ys) / 4
    return np.array(
        [
            (left + half_w + (x - mid_x) * shrink_x, top + half_h + (y - mid_y) * shrink_y)
            for x, y in zip(xs, ys, strict=True)
        ],
        np.float32,
    )


def _place_beside(rng: np.random.Generator, line: TextInk, other: TextInk) -> tuple[float, float]:
    """Top left corner of `other` in the frame of `line`: below, above, right or left of it."""
    height, width = line.ink.shape
    oh, ow = other.ink.shape
    side = rng.random()
    gap = _EM * (0.1 + 0.3 * rng.random())
    if side < 0.35:
        return (width - ow) * rng.random(), height + gap
    if side < 0.65:
        return (width - ow) * rng.random(), -gap - oh
    if side < 0.85:
        return width + gap + 0.15 * _EM, line.top - other.top
    return -ow - gap - 0.15 * _EM, line.top - other.top


def _shape(rng: np.random.Generator, book: FontBook, face: Face, text: str, tracking: float) -> TextInk:
    """Ink of one line with a stroke that can be seen, sometimes heavier or leaning."""
    manner = rng.random()
    if manner < 0.04 and text.isascii() and text == text.upper() and len(text) > 1:
        line = set_small_caps(book, face, text, _EM, max(tracking, 0.0))
    elif manner < 0.08:
        line = set_text(book, face, text, _EM, tracking, rises=rng.integers(-3, 4, len(text)).tolist())
    else:
        line = set_text(book, face, text, _EM, tracking)
    stroke = book.stroke(face)
    wanted = max(stroke, 0.045)
    if rng.random() < 0.25:
        wanted = max(wanted, 0.05 + 0.1 * rng.random())
    extra = (wanted - stroke) * _EM / 2
    if extra > 0.1:
        line = pad_ink(line, int(extra) + 1)
        line = TextInk(embolden(line.ink, extra), line.left, line.top, line.advance)
    if rng.random() < 0.1:
        line = slant(line, float(rng.normal(0.12, 0.15)))
    return line


def _warp(ink: np.ndarray, matrix: np.ndarray, width: int, height: int, scale: float) -> np.ndarray:
    if scale < 0.75:  # shrinking by more than the interpolation reaches would drop thin strokes
        ink = cv2.GaussianBlur(ink, (0, 0), 0.4 / scale)
    return cv2.warpPerspective(ink, matrix, (width, height), flags=cv2.INTER_LINEAR)
