"""Scenes for the detector: images with blocks of text, a box for every word and every line drawn."""

from dataclasses import dataclass

import cv2
import numpy as np

from src.data.synthesis.backgrounds import Backgrounds
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
from src.data.synthesis.fonts import FontBook
from src.data.synthesis.layout import Block, make_block
from src.data.synthesis.lexicon import TextSampler
from src.data.synthesis.paint import random_paint
from src.data.synthesis.scene_paint import Box, draw_clutter, draw_panel, draw_placed_word
from src.data.synthesis.scene_style import STYLES, SceneStyle


@dataclass(frozen=True)
class Scene:
    """An image uint8 RGB (H, W, 3) and its text: inclusive pixel boxes (x1, y1, x2, y2) with their texts."""

    image: np.ndarray
    words: list[tuple[Box, str]]
    lines: list[tuple[Box, str]]


class SceneSource:
    """Scenes by index: the same (seed, index) gives the same scene in any process. Picklable.

    Args:
        size: (width, height) of the images in pixels.
        difficulty: a name in `STYLES`, or a SceneStyle.
        angle: largest rotation in degrees in place of the style's.
    """

    def __init__(
        self,
        book: FontBook,
        sampler: TextSampler,
        backgrounds: Backgrounds,
        *,
        size: tuple[int, int] = (960, 576),
        difficulty: str | SceneStyle = "medium",
        seed: int = 1,
        angle: float | None = None,
    ):
        self.book, self.sampler, self.backgrounds = book, sampler, backgrounds
        self.width, self.height = size
        self.style = STYLES[difficulty] if isinstance(difficulty, str) else difficulty
        self.seed = seed
        self.angle = self.style.angle if angle is None else angle

    def sample(self, index: int) -> Scene:
        """Draw scene number `index`."""
        rng = np.random.default_rng([self.seed, index])
        style = self.style
        canvas = self.backgrounds.image(rng, self.height, self.width)
        draw_clutter(rng, canvas, style.shapes)
        if rng.random() < 0.5 * style.spoil:
            canvas = defocus(canvas, float(rng.random() * 2))
        taken: list[np.ndarray] = []
        words: list[tuple[Box, str]] = []
        lines: list[tuple[Box, str]] = []
        for _ in range(style.blocks[0] + int(rng.random() * (style.blocks[1] - style.blocks[0] + 1))):
            drawn = self._add_block(rng, canvas, taken)
            words += [(box, text) for box, text, _ in drawn]
            lines += _join_lines(drawn)
        return Scene(self._spoil(rng, canvas), words, lines)

    def _add_block(self, rng: np.random.Generator, canvas: np.ndarray, taken: list) -> list:
        """Find room for one block, draw it, and return [(box, text, line)]; [] when there is no room."""
        style = self.style
        low, high = (np.log(share * self.height) for share in style.type_size)
        for attempt in range(6):
            em = max(style.smallest, int(np.exp(low + (high - low) * rng.random()) * 0.8**attempt))
            few = max(1, min(style.most_lines, int(0.6 * self.height / (1.4 * em))))
            curved = rng.random() < style.curved
            count = 1 if curved else 1 + int(rng.random() ** 1.5 * few)
            sag = (rng.random() - 0.5) * 0.5 if curved else 0.0
            block = make_block(
                rng,
                self.book,
                self.sampler,
                em,
                lines=count,
                most_words=style.most_words,
                most_width=0.86 * self.width,
                sag=sag,
            )
            if block is None:  # a long word in a small image; the next ones may be shorter
                continue
            margin = block.em * (0.25 + 0.8 * rng.random())
            panel = rng.random() < style.panel
            corners = self._warp(rng, block, margin)
            size = corners.max(0) - corners.min(0)
            if size[0] > self.width - 4 or size[1] > self.height - 4:
                continue
            for _ in range(10):
                start = 2 + rng.random(2) * (np.array([self.width, self.height]) - 4 - size)
                area = np.concatenate([start, start + size])
                if all((area[2:] < t[:2]).any() or (t[2:] < area[:2]).any() for t in taken):
                    placed = (corners - corners.min(0) + start).astype(np.float32)
                    drawn = self._draw_block(rng, canvas, block, placed, margin=margin, panel=panel)
                    if drawn:
                        taken.append(area)
                        return drawn
        return []

    def _warp(self, rng: np.random.Generator, block: Block, margin: float) -> np.ndarray:
        """Corners (4, 2) of the block with its margin, turned and seen a little from the side."""
        w, h = block.width + 2 * margin, block.height + 2 * margin
        corners = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float64)
        # a long line may only tilt so far that boxes parallel to the axes still fit it
        limit = min(np.radians(self.angle), np.arctan(0.45 * block.em / max(block.width, 1)) + np.radians(0.3))
        angle = (rng.random() * 2 - 1) * limit if self.angle > 0 else 0.0
        side = self.style.perspective * (rng.random(4) - 0.5) if self.angle > 0 else np.zeros(4)
        squeeze = min(h, 4 * block.em)
        corners[0] += [side[0] * squeeze, side[2] * squeeze * 0.5]
        corners[3] += [-side[0] * squeeze, -side[2] * squeeze * 0.5]
        corners[1] += [side[1] * squeeze, side[3] * squeeze * 0.5]
        corners[2] += [-side[1] * squeeze, -side[3] * squeeze * 0.5]
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        return corners @ turn

    def _draw_block(
        self,
        rng: np.random.Generator,
        canvas: np.ndarray,
        block: Block,
        corners: np.ndarray,
        *,
        margin: float,
        panel: bool,
    ) -> list:
        w, h = block.width + 2 * margin, block.height + 2 * margin
        plane = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32)
        to_image = cv2.getPerspectiveTransform(plane, corners)
        x1, y1 = np.maximum(np.floor(corners.min(0)).astype(int), 0)
        x2, y2 = np.ceil(corners.max(0)).astype(int) + 1
        view = canvas[y1:y2, x1:x2]
        before = view.copy()
        for attempt in range(4):
            view[:] = before
            if panel or attempt >= 2:
                draw_panel(rng, view, corners - (x1, y1), block.em)
            surface = view.reshape(-1, 3).mean(0)
            paint = random_paint(rng, surface, self.style.contrast, block.em, self.style.effects)
            drawn = [draw_placed_word(canvas, word, to_image, margin, paint) for word in block.words]
            if all(box is not None and seen >= 0.55 * self.style.contrast for box, seen in drawn):
                return [(box, word.text, word.line) for (box, _), word in zip(drawn, block.words, strict=True)]
        view[:] = before
        return []

    def _spoil(self, rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
        """What the camera adds; how likely and how strong follows the style."""
        spoil = self.style.spoil
        scale = self.height / 576
        if rng.random() < 0.6 * spoil:
            image = uneven_light(rng, image, 0.35 * spoil * rng.random())
        if rng.random() < 0.3 * spoil:
            image = cast_shadow(rng, image, 0.15 + 0.35 * spoil * rng.random())
        if rng.random() < 0.2 * spoil:
            image = highlight(rng, image, 90 * spoil * rng.random())
        if rng.random() < 0.5 * spoil:
            tint = 1 + (rng.random(3, dtype=np.float32) - 0.5) * 0.3 * spoil
            image = image * tint * np.float32(1 - 0.35 * spoil * rng.random())
        if rng.random() < 0.5 * spoil:
            image = defocus(image, float(scale * (0.4 + 0.8 * rng.random() * spoil)))
        elif rng.random() < 0.15 * spoil:
            image = motion_blur(image, 2 + 3 * scale * rng.random(), rng.random() * np.pi)
        elif rng.random() < 0.2 * spoil:
            image = low_resolution(image, 1.1 + 0.5 * spoil * rng.random())
        if rng.random() < 0.6 * spoil + 0.1:
            image = sensor_noise(rng, image, 1 + 9 * spoil * rng.random() ** 2, 1 + rng.random())
        pixels = to_bytes(image)
        if rng.random() < 0.4 * spoil:
            pixels = jpeg(pixels, 35 + int(rng.random() * 50))
        return pixels


def _join_lines(drawn: list) -> list[tuple[Box, str]]:
    """Boxes and texts of whole lines from [(box, text, line)] of one block."""
    lines: dict[int, list] = {}
    for box, text, line in drawn:
        lines.setdefault(line, []).append((box, text))
    joined = []
    for members in lines.values():
        boxes = np.array([box for box, _ in members])
        corner = (*boxes[:, :2].min(0).tolist(), *boxes[:, 2:].max(0).tolist())
        joined.append((corner, " ".join(text for _, text in members)))
    return joined
