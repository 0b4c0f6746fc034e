"""Fonts: which faces there are, which characters each can draw, and cached glyph bitmaps.

Three sources: Pillow's built-in scalable font, OpenCV's Hershey stroke fonts (both come with pip), and
every .ttf/.otf/.ttc file under the folders that the user names.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont, features

from src.common.errors import UserError
from src.common.options import OptionError
from src.data.synthesis.folder_files import find_files

FONT_SUFFIXES = (".ttf", ".otf", ".ttc")
_CACHE_BYTES = 48_000_000
PROBE_EM = 40  # the type size of word crops: its glyphs serve for measuring, too
_HERSHEY_UNIT = 30.0  # em size in pixels of a Hershey font at scale 1
_HERSHEY_STYLES = (
    (cv2.FONT_HERSHEY_SIMPLEX, 0.06),
    (cv2.FONT_HERSHEY_SIMPLEX, 0.11),
    (cv2.FONT_HERSHEY_DUPLEX, 0.06),
    (cv2.FONT_HERSHEY_COMPLEX, 0.05),
    (cv2.FONT_HERSHEY_COMPLEX, 0.08),
    (cv2.FONT_HERSHEY_TRIPLEX, 0.05),
    (cv2.FONT_HERSHEY_TRIPLEX, 0.07),
    (cv2.FONT_HERSHEY_TRIPLEX | cv2.FONT_ITALIC, 0.06),
)


@dataclass(frozen=True)
class Face:
    """One font face; `number` is that of the face in a collection. `path` is None for a built-in one; `hershey` is
    (OpenCV font, stroke width / em) or None."""

    number: int
    name: str
    path: str | None = None
    hershey: tuple[int, float] | None = None


@dataclass(frozen=True)
class Glyph:
    """Coverage of one character: `ink` uint8 (H, W) whose first row is `top` pixels above the baseline and
    whose first column is `left` pixels right of the pen; `advance` moves the pen."""

    ink: np.ndarray
    left: int
    top: int
    advance: float


def find_fonts(folders: Iterable[str | Path]) -> list[Path]:
    """Font files under the folders, in a stable order.

    Raises:
        UserError: a folder without any such file.
    """
    return find_files(folders, FONT_SUFFIXES, "fonts")


class FontBook:
    """All faces, their abilities and a bounded cache of glyphs. Picklable: caches stay behind.

    Args:
        folders: folders of font files; the built-in fonts are always there too.
        builtin_share: share of random picks that go to the built-in fonts when folders are given.

    Raises:
        UserError: Pillow without FreeType, a folder without fonts, or no readable font in them.
    """

    def __init__(self, folders: Iterable[str | Path] = (), builtin_share: float = 0.12):
        if not features.check("freetype2"):
            raise UserError("this Pillow was built without FreeType and cannot draw text; install a Pillow wheel")
        self.builtin = [Face(0, "built-in")] + [
            Face(number, f"hershey-{style[0]}-{style[1]}", hershey=style)
            for number, style in enumerate(_HERSHEY_STYLES, start=1)
        ]
        first = len(self.builtin)
        files = find_fonts(folders)
        self.from_files = [Face(number, p.stem, path=str(p)) for number, p in enumerate(files, start=first)]
        self.builtin_share = builtin_share if self.from_files else 1.0
        self._clear()
        self.from_files = [face for face in self.from_files if self._is_latin(face)]
        if self.builtin_share < 1.0 and not self.from_files:
            raise OptionError(f"fonts: none of the files under {', '.join(map(str, folders))} can draw Latin letters")

    def _clear(self) -> None:
        self._glyphs: dict[tuple[int, int, str], Glyph] = {}
        self._bytes = 0
        self._fonts: dict[tuple[int, int], ImageFont.FreeTypeFont | ImageFont.ImageFont] = {}
        self._kerning: dict[int, dict[str, float]] = {}
        self._able: dict[tuple[int, str], bool] = {}
        self._unicase: dict[int, bool] = {}
        self._stroke: dict[int, float] = {}

    def __getstate__(self) -> dict:
        return {k: v for k, v in self.__dict__.items() if not k.startswith("_")}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        self._clear()

    def pick(self, rng: np.random.Generator, text: str) -> Face | None:
        """A random face that can draw every character of `text`, or None when some luck finds none."""
        for _ in range(12):
            if rng.random() >= self.builtin_share:
                face = self.from_files[int(rng.random() * len(self.from_files))]
            elif rng.random() < 0.35:
                face = self.builtin[0]
            else:
                face = self.builtin[1 + int(rng.random() * (len(self.builtin) - 1))]
            if self.can_draw(face, text):
                return face
        return None

    def can_draw(self, face: Face, text: str) -> bool:
        """Whether the face has a glyph for every character of `text`."""
        return all(self.supports(face, char) for char in text)

    def supports(self, face: Face, char: str) -> bool:
        """Whether the face has a glyph of its own for `char` (not the "missing glyph" box, not blank)."""
        key = (face.number, char)
        if key not in self._able:
            self._able[key] = self._probe(face, char)
        return self._able[key]

    def _probe(self, face: Face, char: str) -> bool:
        if char == " ":
            return True
        if face.hershey:
            return "!" <= char <= "~"
        try:
            ink = self.glyph(face, PROBE_EM, char).ink
            missing = self.glyph(face, PROBE_EM, "\uffff").ink
        except OSError:  # a damaged font file
            return False
        return ink.max(initial=0) > 64 and not np.array_equal(ink, missing)

    def _is_latin(self, face: Face) -> bool:
        """Whether the face draws Latin letters, and not one placeholder for all of them."""
        if not self.can_draw(face, "AB"):
            return False
        return not np.array_equal(self.glyph(face, PROBE_EM, "A").ink, self.glyph(face, PROBE_EM, "B").ink)

    def is_unicase(self, face: Face) -> bool:
        """Whether small letters are drawn as capitals, so that only capitals are a truthful label."""
        if face.number not in self._unicase:
            self._unicase[face.number] = all(self._same_shape(face, pair) for pair in ("aA", "eE", "gG", "rR"))
        return self._unicase[face.number]

    def _same_shape(self, face: Face, pair: str) -> bool:
        if not all(self.supports(face, char) for char in pair):
            return True
        small, capital = (
            cv2.resize(self.glyph(face, PROBE_EM, char).ink, (20, 20), interpolation=cv2.INTER_AREA).ravel()
            for char in pair
        )
        return float(np.corrcoef(small, capital)[0, 1]) > 0.6

    def stroke(self, face: Face) -> float:
        """Width of a capital's thickest stroke, in em: about 0.03 for a hairline face, 0.2 for a black one."""
        if face.number not in self._stroke:
            ink = cv2.copyMakeBorder(self.glyph(face, PROBE_EM, "E").ink, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
            depth = cv2.distanceTransform((ink > 100).astype(np.uint8), cv2.DIST_L2, 3)
            self._stroke[face.number] = 2 * float(depth.max()) / PROBE_EM
        return self._stroke[face.number]

    def glyph(self, face: Face, em: int, char: str) -> Glyph:
        """The cached glyph of `char` at `em` pixels per em."""
        key = (face.number, em, char)
        found = self._glyphs.get(key)
        if found is None:
            found = _draw_hershey(face.hershey, em, char) if face.hershey else self._draw(face, em, char)
            self._bytes += found.ink.size + 200
            if self._bytes > _CACHE_BYTES:
                self._glyphs.clear()
                self._bytes = found.ink.size + 200
            self._glyphs[key] = found
        return found

    def kerning(self, face: Face, pair: str) -> float:
        """Correction of the distance between two characters, in em."""
        if face.hershey:
            return 0.0
        known = self._kerning.setdefault(face.number, {})
        if pair not in known:
            apart = sum(self.glyph(face, PROBE_EM, char).advance for char in pair)
            known[pair] = (self._font(face, PROBE_EM).getlength(pair) - apart) / PROBE_EM
        return known[pair]

    def _font(self, face: Face, em: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
        key = (face.number, em)
        if key not in self._fonts:
            if len(self._fonts) > 200:
                self._fonts.clear()
            if face.path is None:
                self._fonts[key] = ImageFont.load_default(em)
            else:
                self._fonts[key] = ImageFont.truetype(face.path, em, layout_engine=ImageFont.Layout.BASIC)
        return self._fonts[key]

    def _draw(self, face: Face, em: int, char: str) -> Glyph:
        font = self._font(face, em)
        x1, y1, x2, y2 = (int(v) for v in font.getbbox(char, anchor="ls"))
        if x2 <= x1 or y2 <= y1 or (x2 - x1) > 6 * em or (y2 - y1) > 6 * em:
            return Glyph(np.zeros((1, 1), np.uint8), 0, 0, font.getlength(char))
        canvas = Image.new("L", (x2 - x1 + 2, y2 - y1 + 2))
        ImageDraw.Draw(canvas).text((1 - x1, 1 - y1), char, font=font, fill=255, anchor="ls")
        return Glyph(np.array(canvas), x1 - 1, 1 - y1, font.getlength(char))


def _draw_hershey(style: tuple[int, float], em: int, char: str) -> Glyph:
    font, weight = style
    scale = em / _HERSHEY_UNIT
    thickness = max(1, round(weight * em))
    (width, _), _ = cv2.getTextSize(char, font, scale, thickness)
    pad = thickness + em // 4 + 1
    canvas = np.zeros((2 * em + pad, width + 2 * pad), np.uint8)
    baseline = em + em // 4
    cv2.putText(canvas, char, (pad, baseline), font, scale, (255,), thickness, cv2.LINE_AA)
    box = cv2.boundingRect(canvas)
    if box[2] == 0:
        return Glyph(np.zeros((1, 1), np.uint8), 0, 0, float(width))
    x, y, w, h = box
    return Glyph(canvas[y : y + h, x : x + w].copy(), x - pad, baseline - y, float(width))
