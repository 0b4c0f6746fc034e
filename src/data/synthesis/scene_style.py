"""Levels of difficulty of rendered scenes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SceneStyle:
    """What a level of difficulty means.

    Attributes:
        blocks: (fewest, most) blocks of text tried per image; each has up to `most_lines` of up to `most_words`.
        type_size: (smallest, largest) em as a share of the image's height, at least `smallest` pixels.
        angle: largest rotation in degrees.
        perspective: largest displacement of a corner, in block heights.
        panel: share of blocks on a sign of their own.
        contrast: gray levels that ink is away from its surface.
        effects: chance of each of gradient, outline, shadow.
        spoil: 0 (clean) to 1 (all that cameras do).
        shapes: most shapes that are no text.
        curved: share of words on an arc.
    """

    blocks: tuple[int, int]
    most_lines: int
    most_words: int
    type_size: tuple[float, float]
    smallest: int
    angle: float
    perspective: float
    panel: float
    contrast: float
    effects: float
    spoil: float
    shapes: int
    curved: float


STYLES = {
    "easy": SceneStyle(
        blocks=(1, 3),
        most_lines=2,
        most_words=2,
        type_size=(0.09, 0.24),
        smallest=14,
        angle=0.0,
        perspective=0.0,
        panel=0.6,
        contrast=80,
        effects=0.05,
        spoil=0.15,
        shapes=3,
        curved=0.0,
    ),
    "medium": SceneStyle(
        blocks=(1, 5),
        most_lines=4,
        most_words=3,
        type_size=(0.035, 0.3),
        smallest=12,
        angle=2.5,
        perspective=0.06,
        panel=0.5,
        contrast=50,
        effects=0.2,
        spoil=0.5,
        shapes=6,
        curved=0.02,
    ),
    "hard": SceneStyle(
        blocks=(1, 7),
        most_lines=5,
        most_words=4,
        type_size=(0.024, 0.45),
        smallest=11,
        angle=6.0,
        perspective=0.14,
        panel=0.42,
        contrast=30,
        effects=0.3,
        spoil=1.0,
        shapes=8,
        curved=0.04,
    ),
}
