"""Word and line crops for the recognizer, drawn on the fly, gray, the same for the same (seed, index)."""

import numpy as np

from src.common.options import OptionError
from src.data.synthesis.fonts import Face, FontBook
from src.data.synthesis.gray_patches import GrayPatches
from src.data.synthesis.lexicon import CAPITALS, DIGITS, SMALL, TextSampler
from src.data.synthesis.word_ink import draw_crop
from src.data.synthesis.word_paint import paint_crop
from src.data.synthesis.word_spoil import spoil_crop
from src.data.synthesis.word_style import WordStyle

_ATTEMPTS = 60  # texts that are tried for a crop of given proportions
_CHARACTER = (0.25, 0.8)  # width of a crop for each of its characters, in crop heights: nine of ten are between


class WordSource:
    """Crops of rendered text by index. Picklable.

    Args:
        alphabet: characters a label may hold. Text is drawn in any case and with punctuation; a label has small
            letters when the alphabet has no capitals, and leaves out what the alphabet does not have, as the
            labels of the public word sets do.
        max_words: 1 for word crops, more for lines of up to that many words.
        height: (smallest, largest) height of the returned crops in pixels.
        aspect: width / height of the crops is above the first and at most the second number; texts are drawn
            until one fits, and the last of many is taken when none does. None takes every text.
        style: how often each effect happens.

    Raises:
        UserError: when sampling, if no font has the characters of any word.
    """

    def __init__(
        self,
        book: FontBook,
        sampler: TextSampler,
        patches: GrayPatches | None = None,
        *,
        alphabet: str = DIGITS + SMALL,
        seed: int = 1,
        max_words: int = 1,
        height: tuple[int, int] = (20, 48),
        aspect: tuple[float, float] | None = None,
        style: WordStyle | None = None,
    ):
        if max_words < 1:
            raise ValueError(f"max_words is {max_words}; a crop has at least one word")
        if not 8 <= height[0] <= height[1]:
            raise ValueError(f"height is {height}; (smallest, largest) of at least 8 pixels are accepted")
        if aspect is not None and not 0 <= aspect[0] < aspect[1]:
            raise ValueError(f"aspect is {aspect}; two ascending numbers from 0 are accepted")
        self.book, self.sampler = book, sampler
        self.patches = patches or GrayPatches()
        self.alphabet = frozenset(alphabet)
        self.fold_case = not self.alphabet & set(CAPITALS)
        self.seed, self.max_words, self.height, self.aspect = seed, max_words, height, aspect
        self.style = style or WordStyle()

    def sample(self, index: int) -> tuple[np.ndarray, str]:
        """Crop number `index`: (uint8 (H, W) gray, label)."""
        rng = np.random.default_rng([self.seed, index])
        style = self.style
        ink, others, label = self._draw(rng)
        image, contrast = paint_crop(rng, ink, others, self.patches, style)
        return spoil_crop(rng, image, contrast, style), label

    def _draw(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray | None, str]:
        """Ink of a text with the wanted proportions, ink of its neighbor or None, and the label."""
        low, high = self.aspect or (0.0, np.inf)
        for attempt in range(1, _ATTEMPTS + 1):
            face, text, label = self._choose_text(rng)
            # cheap, before any ink: most texts of the wrong length go here
            if not low / _CHARACTER[1] <= len(text) <= high / _CHARACTER[0] and attempt < _ATTEMPTS:
                continue
            other = self.sampler.bare_word(rng) if rng.random() < self.style.neighbors else None
            ink, others = draw_crop(rng, self.book, face, text, other=other, height=self.height, style=self.style)
            if low < ink.shape[1] / ink.shape[0] <= high:
                break
        return ink, others, label

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
        raise OptionError(f"no font can draw, or the alphabet does not hold, words such as {text!r}")
