"""Which weights a reader uses, and how its options meet their cards."""

from pathlib import Path

from src.common.options import OptionError
from src.ctpn.text_lines import DetectOptions
from src.reader.options import ReaderOptions
from src.text_connector.options import ConnectorOptions, ConnectorParams
from src.weights.card import WeightsCard
from src.weights.network_weights import NetworkWeights, find_weights

# The option that names the weights of each detector.
DETECTORS = {"fast": "ctpn_weights", "full": "ctpn_full_weights"}
REPOSITORY = Path(__file__).resolve().parents[2]


def detect_options(options: ReaderOptions, card: WeightsCard) -> DetectOptions:
    """The options of a detector: those that were given, else those of its card."""
    given = {key: getattr(options, key) for key in ConnectorOptions.model_fields if key in options.given}
    # Lines are followed along their tilt here, and straightened later unless `oriented`.
    own = {"narrow_lines": options.narrow_lines, **card.connector, **given, "oriented": True}
    connector = ConnectorParams(**own)
    refined = card.side_refinement if options.side_refinement == "auto" else options.side_refinement
    return DetectOptions(
        image_size=(options.img_height, options.img_width) if options.img_height else card.image_size,
        keep_ratio=card.keep_ratio if options.keep_ratio == "auto" else options.keep_ratio,
        anchor_heights=card.anchor_heights,
        nms_pre=options.rpn_nms_pre,
        nms_threshold=options.rpn_nms_thr,
        max_num=options.rpn_max_num,
        side_refinement=refined,
        connector=connector.replace(side_refinement=refined),
    )


def find_detector(options: ReaderOptions) -> NetworkWeights:
    """The weights of the detector.

    Raises:
        UserError: they are missing or cannot be used.
    """
    key = DETECTORS[options.detector]
    return find_weights(located(getattr(options, key)), "ctpn", key)


def find_recognizer(options: ReaderOptions) -> tuple[NetworkWeights, str]:
    """The weights of the recognizer and its unit, "word" or "line".

    Raises:
        UserError: they are missing or cannot be used.
    """
    files = {
        "line": ("crnn_lines_weights", located(options.crnn_lines_weights)),
        "word": ("crnn_weights", located(options.crnn_weights)),
    }
    unit: str = options.recognizer
    if unit == "auto":
        unit = next((unit for unit, (_, file) in files.items() if file.is_file()), "word")
    key, file = files[unit]
    weights = find_weights(file, "crnn", key)
    if weights.card.unit not in ("", unit):
        raise OptionError(f"{key}: the card of '{weights.path}' is of a {weights.card.unit} recognizer, not {unit}")
    return weights, unit


def located(path: str | Path) -> Path:
    """`path`, or, where it is relative and not there, the same path in the project's folder if it is there."""
    path = Path(path)
    in_project = REPOSITORY / path
    return in_project if not path.exists() and in_project.exists() else path
