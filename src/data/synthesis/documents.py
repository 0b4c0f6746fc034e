"""Rendered documents for the detector: printed pages, receipts, screenshots, tables and forms, with small text."""

import numpy as np

from src.data.synthesis.backgrounds import Backgrounds
from src.data.synthesis.degradations import (
    cast_shadow,
    defocus,
    jpeg,
    low_resolution,
    sensor_noise,
    to_bytes,
    uneven_light,
)
from src.data.synthesis.document_sheet import Sheet
from src.data.synthesis.document_writer import DocumentWriter
from src.data.synthesis.fonts import FontBook
from src.data.synthesis.lexicon import TextSampler
from src.data.synthesis.scene_style import STYLES
from src.data.synthesis.scenes import Scene, SceneSource

ASPECTS = {"page": 0.75, "receipt": 0.6, "screen": 1.5, "table": 1.3}
DIFFICULTIES = (*STYLES, "document")


class DocumentSource:
    """Documents by index: the same (seed, index) gives the same one in any process. Picklable.

    Args:
        size: (width, height) whose area the images have; their proportions are those of the kind of document.
    """

    def __init__(
        self,
        book: FontBook,
        sampler: TextSampler,
        backgrounds: Backgrounds,
        *,
        size: tuple[int, int] = (960, 576),
        seed: int = 1,
    ):
        self.book, self.sampler, self.backgrounds, self.seed = book, sampler, backgrounds, seed
        self.area = size[0] * size[1]

    def sample(self, index: int) -> Scene:
        """Draw document number `index`."""
        rng = np.random.default_rng([self.seed, 3, index])
        kind = tuple(ASPECTS)[int(rng.integers(len(ASPECTS)))]
        aspect = ASPECTS[kind] * np.exp(rng.normal(0, 0.25))
        width, height = int((self.area * aspect) ** 0.5), int((self.area / aspect) ** 0.5)
        dark = rng.random() < (0.45 if kind == "screen" else 0.06)
        tone = rng.random() * 50 if dark else 255 - rng.random() ** 2 * 70
        paper = (tone + rng.normal(0, 5, 3)).clip(0, 255).astype(np.float32)
        sheet = Sheet(self.book, width, height, paper)
        DocumentWriter(rng, sheet, self.sampler, self.backgrounds, dark=dark).draw(kind)
        return Scene(_spoiled(rng, sheet.canvas, clean=kind == "screen"), sheet.words, sheet.lines)


def scene_source(
    difficulty: str,
    book: FontBook,
    sampler: TextSampler,
    backgrounds: Backgrounds,
    *,
    size: tuple[int, int],
    seed: int,
    angle: float | None = None,
) -> SceneSource | DocumentSource:
    """What draws scenes of one of `DIFFICULTIES`; `angle` is for those that are no documents, see `SceneSource`."""
    if difficulty == "document":
        return DocumentSource(book, sampler, backgrounds, size=size, seed=seed)
    return SceneSource(book, sampler, backgrounds, size=size, difficulty=difficulty, seed=seed, angle=angle)


def _spoiled(rng: np.random.Generator, image: np.ndarray, clean: bool) -> np.ndarray:
    """What scanner or camera adds; a screenshot is at most compressed."""
    if not clean:
        if rng.random() < 0.4:
            image = uneven_light(rng, image, 0.3 * rng.random())
        if rng.random() < 0.2:
            image = cast_shadow(rng, image, 0.1 + 0.3 * rng.random())
        if rng.random() < 0.4:
            image = defocus(image, 0.3 + 0.5 * rng.random())
        elif rng.random() < 0.2:
            image = low_resolution(image, 1.1 + 0.3 * rng.random())
        if rng.random() < 0.5:
            image = sensor_noise(rng, image, 1 + 7 * rng.random() ** 2)
    pixels = to_bytes(image)
    return jpeg(pixels, 40 + int(rng.random() * 55)) if rng.random() < 0.4 else pixels
