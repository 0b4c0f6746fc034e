"""An image on its way through the stages of the reader."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from src.reader.line_crops import LineCrop
from src.reader.line_ends import LongerLine
from src.reader.result import STAGES
from src.reader.text_detector import DetectInput
from src.reader.text_recognizer import LineText, PreparedLine
from src.reader.whole_image import WholeImage
from src.text_connector.detector import TextLines


@dataclass
class PageWork:
    """An image on its way through the stages; `times` in milliseconds.

    Attributes:
        turn: degrees clockwise that `pixels` were turned by.
        gray: of the pixels; what lines are measured and cut out of.
        is_mark: which lines are single characters that no network detected; see `row_marks`.
        longer: lines that may be longer; their prepared lines follow those of the lines.
        whole: the image as one line, which then is the last prepared line.
    """

    name: str
    page: int = 1
    pages: int = 1
    keep_image: bool = False
    pixels: np.ndarray = field(default_factory=lambda: np.zeros((0, 0, 3), np.uint8))
    gray: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.uint8))
    turn: int = 0
    notes: list[str] = field(default_factory=list)
    detect_input: DetectInput | None = None
    lines: TextLines = field(default_factory=TextLines.none)
    tilt: float = 0.0
    half_seen: int = 0
    is_mark: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))
    longer: list[LongerLine] = field(default_factory=list)
    whole: WholeImage | None = None
    crops: list[LineCrop] = field(default_factory=list)
    prepared: list[PreparedLine] = field(default_factory=list)
    texts: list[LineText] = field(default_factory=list)
    times: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add what the block takes to a stage: a stage is what is done, whichever thread does it."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.times[stage] += (time.perf_counter() - start) * 1000
