"""What every annotation reader returns: an image's path with its boxes as the label file has them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from src.common.errors import UserError
from src.common.options import OptionError

# Far beyond any image; a larger number is a damaged line, and would not survive the cast to int32.
MAX_COORDINATE = 1e6


class AnnotationError(UserError):
    """Labels that cannot be used at all: a missing folder or file, a foreign format, an unsafe name."""


class MissingPathError(AnnotationError, OptionError):
    """A folder or file that is not there, or of another kind."""


def corners_of_size(x: float, y: float, width: float, height: float) -> tuple[float, float, float, float]:
    """Position and size -> inclusive corners; a size that is not positive gives a point, so no area."""
    if not (width > 0 and height > 0):
        return (x, y, x, y)
    return (x, y, x + width - 1, y + height - 1)


def polygon_box(values: Sequence[float], text: str, ignored: bool) -> "RawBox":
    """x1 y1 .. xn yn -> the enclosing box, with its quadrilateral; of other than four points, its outline."""
    xs, ys = values[0::2], values[1::2]
    corners = (min(xs), min(ys), max(xs), max(ys))
    x1, y1, x2, y2 = corners
    quad = tuple(values) if len(values) == 8 else (x1, y1, x2, y1, x2, y2, x1, y2)
    return RawBox(corners, text, ignored, quad)


class RawBox(NamedTuple):
    """One annotation before rounding: corners in pixels, transcription, whether it is ignored.

    Attributes:
        quad: x1 y1 .. x4 y4 where the format has four corner points, which `corners` then encloses.
    """

    corners: tuple[float, float, float, float]
    text: str
    ignored: bool
    quad: tuple[float, ...] | None = None


@dataclass
class LabeledImage:
    """An image and its annotation.

    Attributes:
        path: the image.
        name: what identifies it inside its data set (a relative path with "/").
        boxes: int32 (K, 4), x1 y1 x2 y2, left-top to right-bottom, inclusive, in pixels, not yet clipped.
        ignored: bool (K,), regions that are neither text to find nor background.
        texts: K transcriptions.
        problems: rejected annotations by reason.
        repaired: annotations that were put right, by what was done.
        stored_frame: whether boxes refer to the pixels as stored rather than as shown, where EXIF makes
            these differ and the boxes themselves leave it open (see `fit_boxes`).
        missing: why the image cannot be used although nothing is wrong with its pixels, or "".
        quads: float32 (K, 4, 2), the corner points of the boxes where the format has them, else None.
    """

    path: Path
    name: str
    boxes: np.ndarray
    ignored: np.ndarray
    texts: list[str]
    problems: Counter = field(default_factory=Counter)
    repaired: Counter = field(default_factory=Counter)
    stored_frame: bool = False
    missing: str = ""
    quads: np.ndarray | None = None


@dataclass
class LabeledImages:
    """A data set as read: its images, the label format found, and what was left out on purpose."""

    images: list[LabeledImage]
    layout: str
    skipped: Counter = field(default_factory=Counter)


def labeled_image(
    path: Path,
    name: str,
    raw: list[RawBox],
    problems: Counter | None = None,
    *,
    stored_frame: bool = False,
    missing: str = "",
) -> LabeledImage:
    """Round, order and check raw boxes.

    Edges are rounded to the nearest pixel. A reversed box is turned round and counted as repaired. One that
    is not finite, is absurdly large or is a single pixel is rejected and counted. One that is a pixel thin
    (a dash or a bar in the small print of born-digital images) is real ink but nothing to learn from: it
    becomes an ignored region, counted as repaired.
    """
    problems = Counter() if problems is None else problems
    repaired: Counter = Counter()
    corners = np.array([box.corners for box in raw], dtype=np.float64).reshape(-1, 4)
    finite = np.isfinite(corners).all(axis=1)
    sane = finite & (np.abs(np.where(np.isfinite(corners), corners, 0)) <= MAX_COORDINATE).all(axis=1)
    rounded = np.rint(np.where(sane[:, None], corners, 0)).astype(np.int32)
    low = np.minimum(rounded[:, :2], rounded[:, 2:])
    high = np.maximum(rounded[:, :2], rounded[:, 2:])
    reversed_box = (rounded[:, :2] > rounded[:, 2:]).any(axis=1)
    extent = high - low
    point = (extent == 0).all(axis=1)
    thin = (extent == 0).any(axis=1)
    keep = sane & ~point
    _count(problems, "coordinate not a finite number", ~finite)
    _count(problems, "coordinate out of range", finite & ~sane)
    _count(problems, "no area", sane & point)
    _count(repaired, "corners reversed", keep & reversed_box)
    _count(repaired, "one pixel thin, ignored", keep & thin)
    kept = np.flatnonzero(keep)
    quads = None
    if raw and all(box.quad is not None for box in raw):
        quads = np.array([raw[i].quad for i in kept], np.float32).reshape(-1, 4, 2)
    return LabeledImage(
        path=path,
        name=name,
        boxes=np.concatenate([low, high], axis=1)[kept].astype(np.int32),
        ignored=np.array([raw[i].ignored or thin[i] for i in kept], dtype=bool),
        texts=[raw[i].text for i in kept],
        problems=problems,
        repaired=repaired,
        stored_frame=stored_frame,
        missing=missing,
        quads=quads,
    )


def _count(counter: Counter, reason: str, mask: np.ndarray) -> None:
    if number := int(np.count_nonzero(mask)):
        counter[reason] += number
