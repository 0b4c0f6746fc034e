"""Text to ink: glyphs set side by side on a baseline, and the changes of shape that keep them one line."""

from dataclasses import dataclass

import cv2
import numpy as np

from src.data.synthesis.fonts import Face, FontBook


@dataclass(frozen=True)
class TextInk:
    """Coverage of a text: `ink` uint8 (H, W), tight; its first row is `top` pixels above the baseline and its
    first column `left` pixels right of the pen's start; `advance` is where the pen ends."""

    ink: np.ndarray
    left: int
    top: int
    advance: float


def set_text(
    book: FontBook, face: Face, text: str, em: int, tracking: float = 0.0, *, rises: list[int] | None = None
) -> TextInk:
    """Draw `text` on one line at `em` pixels per em, with `tracking` em added between characters.

    A space moves the pen. `rises` lifts each character by so many pixels.

    Raises:
        ValueError: nothing visible was drawn.
    """
    pen, placed, previous = 0.0, [], ""
    for position, char in enumerate(text):
        glyph = book.glyph(face, em, char)
        if previous and char != " " and previous != " ":
            pen += book.kerning(face, previous + char) * em
        if char != " ":
            lift = rises[position] if rises else 0
            placed.append((round(pen) + glyph.left, glyph.top + lift, glyph.ink))
        pen += glyph.advance + tracking * em
        previous = char
    if not placed:
        raise ValueError(f"text {text!r} has nothing to draw")
    return _assemble(placed, pen - tracking * em)


def _assemble(placed: list[tuple[int, int, np.ndarray]], advance: float) -> TextInk:
    """One canvas from pieces (left, top above the baseline, ink)."""
    left = min(x for x, _, _ in placed)
    top = max(t for _, t, _ in placed)
    right = max(x + ink.shape[1] for x, _, ink in placed)
    bottom = max(ink.shape[0] - t for _, t, ink in placed)
    canvas = np.zeros((max(top + bottom, 1), max(right - left, 1)), np.uint8)
    for x, t, ink in placed:
        spot = canvas[top - t : top - t + ink.shape[0], x - left : x - left + ink.shape[1]]
        np.maximum(spot, ink, out=spot)
    return TextInk(canvas, left, top, advance)


def set_small_caps(book: FontBook, face: Face, text: str, em: int, tracking: float = 0.0) -> TextInk:
    """Capitals of which the first of each word is taller, as on covers and shop fronts."""
    pen, placed = 0.0, []
    small = round(em * 0.78)
    for word in text.upper().split():
        for part, size in ((word[0], em), (word[1:], small)):
            if part:
                ink = set_text(book, face, part, size, tracking)
                placed.append((round(pen) + ink.left, ink.top, ink.ink))
                pen += ink.advance + tracking * em
        pen += 0.3 * em
    return _assemble(placed, pen - 0.3 * em)


def pad_ink(text: TextInk, amount: int) -> TextInk:
    """The same ink with `amount` empty pixels all round, so that it can grow or blur."""
    ink = cv2.copyMakeBorder(text.ink, amount, amount, amount, amount, cv2.BORDER_CONSTANT)
    return TextInk(ink, text.left - amount, text.top + amount, text.advance)


def embolden(ink: np.ndarray, pixels: float) -> np.ndarray:
    """Thicken strokes by `pixels` on each side (fractions by blending two sizes); the canvas keeps its size."""
    whole = int(pixels)
    grown = ink if whole == 0 else cv2.dilate(ink, _disc(whole))
    fraction = pixels - whole
    if fraction < 0.05:
        return grown
    return cv2.addWeighted(grown, 1 - fraction, cv2.dilate(ink, _disc(whole + 1)), fraction, 0)


def _disc(radius: int) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))


def slant(text: TextInk, shear: float) -> TextInk:
    """Lean the text to the right by `shear` (tangent of the angle) about its baseline."""
    height, width = text.ink.shape
    shift = shear * text.top
    left_room = max(0.0, -min(shift, shear * (text.top - height)))
    right_room = max(0.0, shift, shear * (text.top - height))
    matrix = np.array([[1, -shear, shift + left_room], [0, 1, 0]], np.float32)
    ink = cv2.warpAffine(text.ink, matrix, (int(width + left_room + right_room + 1), height))
    return TextInk(ink, text.left - round(left_room), text.top, text.advance)


def bend(ink: np.ndarray, sag: float) -> np.ndarray:
    """Bend a line of text onto a circular arc, letters turning with it.

    `sag` is the height of the arc's middle above its ends as a share of the text's width (negative: a valley);
    at most 0.3 either way. Returns ink on a larger canvas.
    """
    if sag < 0:
        return bend(ink[::-1], -sag)[::-1]
    height, width = ink.shape
    rise = min(sag, 0.3) * width
    if rise < 1:
        return ink
    half = width / 2
    radius = (half * half + rise * rise) / (2 * rise)
    spread = half / radius if half <= radius else 1.0
    room = int(height * spread / 2) + 1  # letters at the ends lean outwards by this much
    columns = np.arange(width + 2 * room, dtype=np.float32)[None, :] - (half + room)
    rows = radius + height / 2 - np.arange(height + int(rise) + 2, dtype=np.float32)[:, None]
    # polar coordinates about the circle's center; the chord's ends keep the ends of the text
    angle = np.arctan2(columns, rows)
    map_x = angle * np.float32(half / np.arcsin(spread)) + np.float32(half)
    map_y = np.float32(radius + height / 2) - np.sqrt(columns * columns + rows * rows)
    return cv2.remap(ink, map_x, map_y, cv2.INTER_LINEAR)
