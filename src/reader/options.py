"""The options of a reader, and how they meet what the cards of the weights say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from src.common.errors import UserError
from src.ctpn.text_lines import STRIDE, DetectOptions
from src.data.images.decode import DEFAULT_MAX_PIXELS
from src.data.images.pdf import DEFAULT_DPI, LEAST_DPI, MOST_DPI
from src.engines.engine import EngineOptions
from src.reader.page_numbers import parse_pages
from src.reader.text_recognizer import DECODERS
from src.text_connector.detector import ConnectorParams
from src.weights.card import UNITS, WeightsCard
from src.weights.network_weights import NetworkWeights, find_weights

REPOSITORY = Path(__file__).resolve().parents[2]
RECOGNIZERS = ("auto", *UNITS)


class OptionError(UserError):
    """An option of the reader that is not accepted."""


@dataclass(frozen=True)
class ReaderOptions:
    """Everything that a `TextReader` can be told. Raises OptionError for values that are not accepted.

    detect: find lines; otherwise an image is one line (the word model: one word).
    recognize: read the lines that were found.
    recognizer: "line" reads whole lines, "word" splits them at their gaps; "auto" takes the line model if its
        weights are there.
    ctpn_weights, crnn_weights, crnn_lines_weights: weights files; a relative one that is not in the current folder
        is looked for in the project's.
    engine, threads, precision, cache_dir: see `EngineOptions`.
    image_shape: (height, width) of the detector's input, multiples of 16; None is what its card says.
    keep_ratio, side_refinement: None is what the card says.
    nms_pre, nms_threshold, max_num: see `generate_proposals`.
    connector: parameters of the text connector that differ from what the card says, by name, or all of them.
    smallest_text: see `TextDetector`. crop_margin: see `cut_line`.
    text_min_score: found lines whose text is less sure than this are left out; 0 keeps all, those without a text too.
    alphabet: a name or a file; "" is what the card says. decoder: "greedy" or "beam", with beam_width.
    batch_size: words or lines that are recognized at once.
    max_pixels: larger images are refused, before they take memory.
    pages: of files that have several, as "1-3,7"; "" is all. dpi: at which the pages of a PDF are rendered.
    """

    detect: bool = True
    recognize: bool = True
    recognizer: str = "auto"
    ctpn_weights: str | Path = "weights/ctpn.ckpt"
    crnn_weights: str | Path = "weights/crnn.ckpt"
    crnn_lines_weights: str | Path = "weights/crnn_lines.ckpt"
    engine: str = "auto"
    threads: int = 0
    precision: str = "auto"
    cache_dir: str | Path | None = None
    image_shape: tuple[int, int] | None = None
    keep_ratio: bool | None = None
    side_refinement: bool | None = None
    nms_pre: int = 2000
    nms_threshold: float = 0.7
    max_num: int = 1000
    connector: Mapping[str, float | bool] | ConnectorParams = field(default_factory=dict)
    smallest_text: float = 0.0
    crop_margin: float = 0.15
    text_min_score: float = 0.5
    alphabet: str = ""
    decoder: str = "greedy"
    beam_width: int = 10
    batch_size: int = 32
    max_pixels: int = DEFAULT_MAX_PIXELS
    pages: str = ""
    dpi: float = DEFAULT_DPI

    def __post_init__(self) -> None:
        if not self.detect and not self.recognize:
            raise OptionError("detect: false together with recognize: false leaves nothing to do")
        choices = {"recognizer": RECOGNIZERS, "precision": ("auto", "f32"), "decoder": DECODERS}
        for name, accepted in choices.items():
            if getattr(self, name) not in accepted:
                raise OptionError(f"{name}: '{getattr(self, name)}' is not one of {', '.join(accepted)}")
        least = {"threads": 0, "smallest_text": 0, "crop_margin": 0}
        least |= dict.fromkeys(("beam_width", "batch_size", "max_pixels"), 1)
        for name, low in least.items():
            if not getattr(self, name) >= low:
                raise OptionError(f"{name}: {getattr(self, name)} is below {low}")
        parse_pages(self.pages)
        if not LEAST_DPI <= self.dpi <= MOST_DPI:
            raise OptionError(f"dpi: {self.dpi} is outside the range {LEAST_DPI} to {MOST_DPI}")
        if not 0 <= self.text_min_score <= 1:
            raise OptionError(f"text_min_score: {self.text_min_score} is outside the range 0 to 1")
        if self.image_shape is not None and any(side < STRIDE or side % STRIDE for side in self.image_shape):
            raise OptionError(f"image_shape: {self.image_shape} is not two multiples of {STRIDE}")

    def engine_options(self) -> EngineOptions:
        cache_dir = Path(self.cache_dir) if self.cache_dir else None
        return EngineOptions(self.engine, self.threads, self.precision, cache_dir)

    def detect_options(self, card: WeightsCard) -> DetectOptions:
        """How the detector works whose card this is."""

        def own(value, of_card):
            return of_card if value is None else value

        connector = self._connector(card)
        refined = own(self.side_refinement, connector.side_refinement or card.side_refinement)
        return DetectOptions(
            image_shape=own(self.image_shape, card.image_size),
            keep_ratio=own(self.keep_ratio, card.keep_ratio),
            anchor_heights=card.anchor_heights,
            nms_pre=self.nms_pre,
            nms_threshold=self.nms_threshold,
            max_num=self.max_num,
            side_refinement=refined,
            connector=replace(connector, side_refinement=refined),
        )

    def _connector(self, card: WeightsCard) -> ConnectorParams:
        if isinstance(self.connector, ConnectorParams):
            return self.connector
        try:
            return ConnectorParams(**{**card.connector, **self.connector})
        except TypeError as error:
            raise OptionError(f"connector: {error}") from None

    def find_detector(self) -> NetworkWeights:
        return find_weights(located(self.ctpn_weights), "ctpn", "ctpn_weights")

    def find_recognizer(self) -> tuple[NetworkWeights, str]:
        """The weights of the recognizer and its unit, "word" or "line".

        Raises:
            UserError: they are missing or cannot be used.
        """
        options = {"line": "crnn_lines_weights", "word": "crnn_weights"}
        unit = self.recognizer
        if unit == "auto":
            unit = next((unit for unit, key in options.items() if located(getattr(self, key)).is_file()), "word")
        key = options[unit]
        weights = find_weights(located(getattr(self, key)), "crnn", key)
        if weights.card.unit not in ("", unit):
            raise OptionError(f"{key}: '{weights.path}' reads a {weights.card.unit}, not a {unit}, says its card")
        return weights, unit


def located(path: str | Path) -> Path:
    """`path`, or, where it is relative and not there, the same path in the project's folder if it is there."""
    path = Path(path)
    in_project = REPOSITORY / path
    return in_project if not path.exists() and in_project.exists() else path
