"""What was read in one image: its lines, as objects, as JSON, and drawn."""

import io
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from src.common.errors import UserError
from src.reader.orientation import turned
from src.visualize.drawing import TextsAt, draw_lines
from src.visualize.fonts import FontChooser

JSON_VERSION = 2
STAGES = ("decode", "detect", "connect", "recognize")


@dataclass(frozen=True)
class Word:
    """A word of a line: what stands between two spaces of its text. Coordinates as in `Line`.

    polygon follows a tilted line, box holds it. score: how sure the recognizer is, in [0, 1].
    """

    text: str
    box: tuple[float, float, float, float]
    polygon: tuple[tuple[float, float], ...]
    score: float

    def to_dict(self) -> dict:
        return {"text": self.text, **_placed(self), "score": round(self.score, 4)}


@dataclass(frozen=True)
class Line:
    """A line of text. Coordinates are pixels of the image as it is shown.

    Attributes:
        box: (x1, y1, x2, y2).
        polygon: four corners, clockwise from the top left.
        score: of the detection, in [0, 1].
        text, text_score: the prediction, and how sure it is in [0, 1]; None when nothing was recognized.
        words: from left to right; their texts with a space between them are the line's.
    """

    box: tuple[float, float, float, float]
    polygon: tuple[tuple[float, float], ...]
    score: float
    text: str | None = None
    text_score: float | None = None
    words: tuple[Word, ...] = ()

    def to_dict(self) -> dict:
        described = {**_placed(self), "score": round(self.score, 4)}
        if self.text is not None:
            described |= {"text": self.text, "text_score": round(self.text_score or 0.0, 4)}
            described |= {"words": [word.to_dict() for word in self.words]}
        return described


def _placed(item: Word | Line) -> dict:
    """Where a word or line is, as JSON has it."""
    polygon = [[round(x, 1), round(y, 1)] for x, y in item.polygon]
    return {"box": [round(value, 1) for value in item.box], "polygon": polygon}


@dataclass(frozen=True)
class ReadResult:
    """What was read in an image.

    Attributes:
        image: its name; of a page of several with "#page" behind it.
        width, height: of the image as it is shown, in pixels, after it was turned by `orientation`.
        lines: in reading order.
        time_ms: milliseconds of work per stage ("decode", "detect", "connect", "recognize") and their sum, "total".
        pixels: the image itself, (height, width, 3) uint8 RGB, if it was to be kept (`keep_image`), else None.
        notes: what a user must know of how the image was read, a sentence each: what was scaled down, turned or not
            looked at, and which option helps.
        page, pages: which of how many pages of the file it is, from 1.
        orientation: degrees clockwise by which the image was turned before it was read; all coordinates are those of
            the turned image.
    """

    image: str
    width: int
    height: int
    lines: tuple[Line, ...]
    time_ms: dict[str, float]
    pixels: np.ndarray | None = field(default=None, repr=False, compare=False)
    notes: tuple[str, ...] = ()
    page: int = 1
    pages: int = 1
    orientation: int = 0

    @property
    def text(self) -> str:
        """The texts of the lines that have one, a line each."""
        return "\n".join(line.text for line in self.lines if line.text)

    @property
    def words(self) -> tuple[Word, ...]:
        """The words of all lines, in reading order."""
        return tuple(word for line in self.lines for word in line.words)

    def to_dict(self) -> dict:
        return {
            "version": JSON_VERSION,
            "image": self.image,
            "page": self.page,
            "pages": self.pages,
            "width": self.width,
            "height": self.height,
            "orientation": self.orientation,
            "lines": [line.to_dict() for line in self.lines],
            "notes": list(self.notes),
            "time_ms": {stage: round(value, 2) for stage, value in self.time_ms.items()},
        }

    def to_json(self) -> str:
        """The document that docs/reading.md describes, each line of text on a line of its own."""
        described = self.to_dict()
        lines = ",\n  ".join(_json(line) for line in described.pop("lines"))
        notes, times = _json(described.pop("notes")), _json(described.pop("time_ms"))
        head = _json(described)[1:-1]
        return f'{{{head},\n "lines": [\n  {lines}\n ],\n "notes": {notes},\n "time_ms": {times}}}'

    def draw(
        self,
        fonts: FontChooser | str | Path | None = None,
        *,
        image: np.ndarray | None = None,
        texts_at: TextsAt = "auto",
    ) -> np.ndarray:
        """The image with its lines, texts and scores, (H, W, 3) uint8 RGB, or (H, 2 W, 3) with texts at its side.

        Args:
            fonts, texts_at: as in `draw_lines`.
            image: the pixels that were read, (H, W, 3) uint8 RGB, as they were before they were turned by
                `orientation`; needed where the result does not hold them.

        Raises:
            UserError: there are no pixels, or those of another size.
        """
        pixels = self.pixels if image is None else turned(image, self.orientation)
        if pixels is None:
            raise UserError(f"{self.image}: the result holds no pixels; read with keep_image=True, or give image=")
        if pixels.shape[:2] != (self.height, self.width):
            size = f"{pixels.shape[1]}x{pixels.shape[0]}"
            turn = f" after its turn by {self.orientation} degrees" if self.orientation else ""
            raise UserError(f"{self.image}: is {self.width}x{self.height} pixels{turn}, not {size}")
        texts = [line.text or "" for line in self.lines]
        scores = [line.score if line.text_score is None else line.text_score for line in self.lines]
        polygons = np.array([line.polygon for line in self.lines], np.float64).reshape(-1, 4, 2)
        return draw_lines(pixels, polygons, texts, scores, fonts=fonts, texts_at=texts_at)

    def _repr_png_(self) -> bytes | None:
        """How a notebook shows the result, if it holds the image."""
        if self.pixels is None:
            return None
        data = io.BytesIO()
        Image.fromarray(self.draw()).save(data, "PNG")
        return data.getvalue()


def _json(value: object) -> str:
    """On one line; what of a text is not UTF-8, as of the name of a file, as JSON escapes."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


@dataclass(frozen=True)
class Unreadable:
    """An image that could not be read, and why; page, pages: as in `ReadResult`."""

    image: str
    error: UserError
    page: int = 1
    pages: int = 1
