"""Blocks of text: a few lines of words in one face, aligned as on a sign, before any warp."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from src.common.options import OptionError
from src.data.synthesis.fonts import Face, FontBook
from src.data.synthesis.glyphs import TextInk, bend, embolden, pad_ink, set_text, slant
from src.data.synthesis.lexicon import TextSampler


@dataclass(frozen=True)
class PlacedWord:
    """A word of a block: its ink, the ink's top left corner in the block, and which line it belongs to."""

    text: str
    ink: np.ndarray
    x: float
    y: float
    line: int


@dataclass(frozen=True)
class Block:
    """Words that do not touch, inside `width` x `height` pixels; `em` is the type size of its first line."""

    words: list[PlacedWord]
    width: float
    height: float
    em: int


def draw_word(book: FontBook, face: Face, text: str, em: int, *, tracking: float = 0.0, lean: float = 0.0) -> TextInk:
    """Ink of a word with strokes of at least a visible width; hairline faces are thickened."""
    ink = set_text(book, face, text, em, tracking)
    missing = max(0.055 - book.stroke(face), 1.6 / em - book.stroke(face), 0.0) * em / 2
    if missing > 0.05:
        padded = pad_ink(ink, int(missing) + 1)
        ink = TextInk(embolden(padded.ink, missing), padded.left, padded.top, padded.advance)
    return slant(ink, lean) if lean else ink


def block_texts(rng: np.random.Generator, sampler: TextSampler, lines: int, most_words: int) -> list[list[str]]:
    """Words line by line in one casing."""
    texts = [[sampler.bare_word(rng) for _ in range(1 + int(rng.random() * most_words))] for _ in range(lines)]
    style = rng.random()
    if style < 0.4:
        return [[word.upper() for word in line] for line in texts]
    if style < 0.75:
        return [[word[:1].upper() + word[1:].lower() for word in line] for line in texts]
    if style < 0.85:
        return [[word.lower() for word in line] for line in texts]
    return texts


def make_block(
    rng: np.random.Generator,
    book: FontBook,
    sampler: TextSampler,
    em: int,
    *,
    lines: int,
    most_words: int,
    most_width: float,
    sag: float = 0.0,
) -> Block | None:
    """Set random words in up to `lines` lines no wider than `most_width` pixels.

    A word that does not fit its line is left out; the type shrinks, down to 7 pixels, when not even the first
    word fits. None when no word fits then. `sag` bends a block of one word onto an arc.
    """
    for _ in range(50):
        texts = block_texts(rng, sampler, lines, most_words)
        face = book.pick(rng, "".join("".join(line) for line in texts))
        if face is not None:
            break
    else:
        raise OptionError(f"no font can draw words such as {texts[0][0]!r}")
    if book.is_unicase(face):
        texts = [[word.upper() for word in line] for line in texts]
    tracking = 0.0 if rng.random() < 0.7 else float(rng.random() * 0.22)
    lean = 0.0 if rng.random() < 0.9 else float(rng.random() * 0.35)
    gap = 0.26 + 0.3 * rng.random() + tracking
    leading = 0.15 + 0.6 * rng.random() ** 2
    smaller = 1.0 if rng.random() < 0.7 else 0.45 + 0.5 * rng.random()
    align = (0.0, 0.5, 0.5, 1.0)[int(rng.random() * 4)]

    first = set_text(book, face, texts[0][0], em, tracking)
    if first.ink.shape[1] > most_width:
        em = max(7, int(em * most_width / first.ink.shape[1]))
    rows = []
    for number, line in enumerate(texts):
        size = em if number == 0 else max(7, round(em * smaller))
        row: list[Any] = []
        pen = 0.0
        for word in line:
            ink = draw_word(book, face, word, size, tracking=tracking, lean=lean)
            width = ink.ink.shape[1]
            start = pen + (gap * size if row else 0.0)
            if start + width > most_width and row:
                break
            if start + width > 1.05 * most_width:
                break
            row.append((word, ink, start))
            pen = start + width
        if row:
            rows.append((row, pen, size))
    if not rows:
        return None
    if sag:
        word, ink, _ = rows[0][0][0]
        curved = np.ascontiguousarray(bend(ink.ink, sag))
        return Block([PlacedWord(word, curved, 0.0, 0.0, 0)], curved.shape[1], curved.shape[0], em)
    return _stack(rows, leading, align, em)


def _stack(rows: list, leading: float, align: float, em: int) -> Block:
    width = max(pen for _, pen, _ in rows)
    words, floor = [], 0.0
    for number, (row, pen, size) in enumerate(rows):
        # baselines fall where the tallest letters just clear the line above, plus the leading
        rise = max(0.72 * size, *(ink.top for _, ink, _ in row))
        baseline = floor + (leading * size if number else 0.0) + rise
        indent = align * (width - pen)
        words += [PlacedWord(word, ink.ink, indent + x, baseline - ink.top, number) for word, ink, x in row]
        floor = baseline + max(0.05 * size, *(ink.ink.shape[0] - ink.top for _, ink, _ in row))
    return Block(words, width, floor, em)
