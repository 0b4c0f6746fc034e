"""Word and line crops for the recogniser, drawn on the fly, grey, the same for the same (seed, index)."""

from dataclasses import dataclass
from math import atan, cos, radians, sin

import cv2
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
from src.data.synthesis.fonts import PROBE_EM, Face, FontBook
from src.data.synthesis.glyphs import TextInk, bend, embolden, pad_ink, set_small_caps, set_text, slant
from src.data.synthesis.grey_patches import GreyPatches
from src.data.synthesis.lexicon import CAPITALS, DIGITS, SMALL, TextSampler
from src.data.synthesis.paint import Paint, apply_paint, blend
from src.data.synthesis.textures import cloud_field, smooth_field
from src.errors import UserError

_EM = PROBE_EM  # one type size, so that the glyph cache is hit; the warp makes every other


@dataclass(frozen=True)
class WordStyle:
    """How often each thing happens to a crop (shares), and how strong it may be.

    `tilt` is the usual rotation in degrees, `perspective` the usual displacement of a corner in text heights,
    `least_contrast` the smallest difference of ink and surface in grey levels.
    """

    tilt: float = 2.5
    perspective: float = 0.09
    curved: float = 0.1
    tracked: float = 0.18
    cut: float = 0.1
    neighbours: float = 0.16
    photo: float = 0.3
    border: float = 0.1
    outline: float = 0.1
    hollow: float = 0.02
    shadow: float = 0.16
    gradient: float = 0.2
    blur: float = 0.4
    motion: float = 0.07
    low_resolution: float = 0.25
    noise: float = 0.45
    jpeg: float = 0.4
    light: float = 0.35
    least_contrast: float = 28.0


class WordSource:
    """Crops of rendered text by index. Picklable.

    Args:
        alphabet: characters a label may hold. Text is drawn in any case and with punctuation; a label has small
            letters when the alphabet has no capitals, and leaves out what the alphabet does not have, as the
            labels of the public word sets do.
        max_words: 1 for word crops, more for lines of up to that many words.
        height: (smallest, largest) height of the returned crops in pixels.
        aspect: widest crop as a multiple of its height (wider text is drawn narrower).
    """

    def __init__(self, book: FontBook, sampler: TextSampler, patches: GreyPatches | None = None, *,
                 alphabet: str = DIGITS + SMALL, seed: int = 1, max_words: int = 1,
                 height: tuple[int, int] = (20, 48), style: WordStyle | None = None):  # fmt: skip
        if max_words < 1:
            raise ValueError(f"max_words is {max_words}; a crop has at least one word")
        if not 8 <= height[0] <= height[1]:
            raise ValueError(f"height is {height}; (smallest, largest) of at least 8 pixels are accepted")
        self.book, self.sampler = book, sampler
        self.patches = patches or GreyPatches()
        self.alphabet = frozenset(alphabet)
        self.fold_case = not self.alphabet & set(CAPITALS)
        self.seed, self.max_words, self.height = seed, max_words, height
        self.style = style or WordStyle()

    def sample(self, index: int) -> tuple[np.ndarray, str]:
        """Crop number `index`: (uint8 (H, W) grey, label)."""
        rng = np.random.default_rng([self.seed, index])
        face, text, label = self._choose_text(rng)
        ink, neighbours = self._draw(rng, face, text)
        surface, fore = self._tones(rng)
        image = self._paint_crop(rng, ink, neighbours, surface, fore)
        return self._spoil(rng, image, abs(fore - surface)), label

    def _label(self, text: str) -> str:
        if self.fold_case:
            text = text.lower()
        kept = "".join(char for char in text if char in self.alphabet)
        return " ".join(kept.split()) if " " in self.alphabet else kept

    def _choose_text(self, rng: np.random.Generator) -> tuple[Face, str, str]:
        for _ in range(200):
            text = self.sampler.word(rng) if self.max_words == 1 else self.sampler.line(rng, self.max_words)
            face = self.book.pick(rng, text) if self._label(text) else None
            if face is None:
                continue
            if self.book.is_unicase(face):
                text = text.upper()
            label = self._label(text)
            if label:
                return face, text, label
        raise UserError(f"no font can draw, or the alphabet does not hold, words such as {text!r}")

    def _draw(self, rng: np.random.Generator, face: Face, text: str) -> tuple[np.ndarray, np.ndarray | None]:
        """Ink of the text on a canvas of the crop's size, and ink of what else is in view, or None."""
        style = self.style
        tracking = 0.0
        if rng.random() < style.tracked:
            tracking = float(rng.random() ** 2 * 0.6) if rng.random() < 0.8 else -0.05
        line = _shape(rng, self.book, face, text, tracking)
        ink = line.ink
        if rng.random() < style.curved and ink.shape[1] > 2 * ink.shape[0]:
            most = 0.9 * ink.shape[0] / ink.shape[1]  # a higher arc would leave only small letters in the crop
            ink = np.ascontiguousarray(bend(ink, float(np.clip(rng.normal(0, 0.1), -most, most))))
        height, width = ink.shape
        low, high = np.log(self.height[0]), np.log(self.height[1])
        target = int(np.exp(low + (high - low) * rng.random()))
        margins = self._margins(rng)  # left, top, right, bottom in text heights
        scale = target / (height * max(1 + margins[1] + margins[3], 0.8))
        stretch = float(np.exp(rng.normal(-0.05, 0.15)))
        text_h, text_w = height * scale, width * scale * stretch
        canvas_w = max(int(text_w + text_h * (margins[0] + margins[2])), 8)
        corners = self._corners(rng, text_w, text_h, margins[0] * text_h, margins[1] * text_h)
        source = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
        matrix = cv2.getPerspectiveTransform(source, corners)
        warped = _warp(ink, matrix, canvas_w, target, scale)
        others = None
        if rng.random() < style.neighbours:
            others = self._neighbours(rng, face, line, matrix, (canvas_w, target), scale)
        return warped, others

    def _margins(self, rng: np.random.Generator) -> np.ndarray:
        margins = rng.random(4) ** 2 * 0.4 + 0.02
        if rng.random() < self.style.cut:
            margins[int(rng.random() * 4)] = -0.09 * rng.random()
        return margins

    def _corners(self, rng, text_w: float, text_h: float, left: float, top: float) -> np.ndarray:
        """Where the text's corners go, float32 (4, 2): turned and skewed, but inside the upright rectangle."""
        style = self.style
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

    def _neighbours(self, rng, face: Face, line: TextInk, matrix: np.ndarray, size, scale) -> np.ndarray:
        """Parts of other words above, below or beside, as crops of crowded signs have."""
        text = self.sampler.bare_word(rng)
        text = text if all(self.book.supports(face, char) for char in text) else "AEON"
        other = set_text(self.book, face, text, _EM)
        height, width = line.ink.shape
        oh, ow = other.ink.shape
        side = rng.random()
        gap = _EM * (0.1 + 0.3 * rng.random())
        if side < 0.35:
            x, y = (width - ow) * rng.random(), height + gap
        elif side < 0.65:
            x, y = (width - ow) * rng.random(), -gap - oh
        elif side < 0.85:
            x, y = width + gap + 0.15 * _EM, line.top - other.top
        else:
            x, y = -ow - gap - 0.15 * _EM, line.top - other.top
        shift = np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], np.float64)
        return _warp(other.ink, matrix @ shift, *size, scale)

    def _paint_crop(self, rng, ink: np.ndarray, others: np.ndarray | None, surface: float, fore: float):
        style = self.style
        height, width = ink.shape
        kind = rng.random()
        canvas = np.full((height, width), surface, np.float32)
        if kind < style.photo:
            patch = self.patches.patch(rng, height, width)
            difference = abs(fore - surface)
            strength = min(0.9 * rng.random() + 0.1, 0.75 * difference / (2 * float(patch.std()) + 1))
            canvas += (patch - patch.mean()) * np.float32(strength)
        elif kind < style.photo + 0.3:
            canvas += smooth_field(rng, height, width, 2) * np.float32(0.35 * abs(fore - surface) * rng.random())
        elif kind < style.photo + 0.42:
            canvas += cloud_field(rng, height, width) * np.float32(0.4 * abs(fore - surface) * rng.random())
        if rng.random() < style.border:
            _draw_border(rng, canvas, fore)
        paint = self._paint(rng, fore, surface, height)
        if others is not None:
            apply_paint(canvas, others, paint)
        apply_paint(canvas, _dotted(rng, ink) if rng.random() < 0.012 else ink, paint)
        return canvas

    def _tones(self, rng: np.random.Generator) -> tuple[float, float]:
        """Grey levels of surface and ink, mostly far apart, sometimes hardly."""
        least = self.style.least_contrast
        span = least + (245 - least) * float(rng.beta(1.7, 1.0))
        low = float(rng.random()) * (255 - span)
        return (low + span, low) if rng.random() < 0.52 else (low, low + span)

    def _paint(self, rng, fore: float, surface: float, height: int) -> Paint:
        style = self.style
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
            colour=fore,
            second=second,
            opacity=1.0 if rng.random() < 0.8 else 0.75 + 0.25 * rng.random(),
            outline=outline or 0.0,
            outline_colour=line_tone,
            hollow=hollow,
            shadow=shadow,
            shadow_colour=min(fore, surface) * rng.random() if rng.random() < 0.8 else line_tone,
            relief=rng.normal(0, 0.2 * contrast) if rng.random() < 0.06 else 0.0,
        )

    def _spoil(self, rng: np.random.Generator, image: np.ndarray, contrast: float) -> np.ndarray:
        """Light, lens, sensor and file format. Noise stays below what `contrast` (grey levels) can bear."""
        style = self.style
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
        picture = to_bytes(image)
        if rng.random() < style.jpeg:
            picture = jpeg(picture, 25 + int(65 * rng.random()))
        return picture


def _shape(rng, book: FontBook, face: Face, text: str, tracking: float) -> TextInk:
    """Ink of one line with a stroke that can be seen, sometimes heavier or leaning."""
    manner = rng.random()
    if manner < 0.04 and text.isascii() and text == text.upper() and len(text) > 1:
        line = set_small_caps(book, face, text, _EM, max(tracking, 0.0))
    elif manner < 0.08:
        line = set_text(book, face, text, _EM, tracking, rng.integers(-3, 4, len(text)).tolist())
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
