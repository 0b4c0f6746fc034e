"""How varied and how spoilt word crops are."""

from dataclasses import dataclass


@dataclass(frozen=True)
class WordStyle:
    """How often each thing happens to a crop (shares), and how strong it may be.

    `tilt` is the usual rotation in degrees, `perspective` the usual displacement of a corner in text heights,
    `least_contrast` the smallest difference of ink and surface in gray levels.
    """

    tilt: float = 2.5
    perspective: float = 0.09
    curved: float = 0.1
    tracked: float = 0.18
    cut: float = 0.1
    neighbors: float = 0.16
    photo: float = 0.3
    border: float = 0.1
    outline: float = 0.1
    hollow: float = 0.02
    shadow: float = 0.16
    gradient: float = 0.2
    blur: float = 0.33
    motion: float = 0.07
    low_resolution: float = 0.22
    noise: float = 0.45
    jpeg: float = 0.4
    light: float = 0.35
    least_contrast: float = 28.0
