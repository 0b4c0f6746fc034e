"""The card of a weights file: what a reader must know to use it, in a small JSON file beside it.

`weights/ctpn.ckpt` has the card `weights/ctpn.card.json`:

    {"version": 1, "network": "ctpn", "sha256": "<64 hex digits>", "image_size": [576, 960], "keep_ratio": false,
     "anchor_heights": [2, 4, ...], "side_refinement": false, "lstm_branch": "rnn2", "backbone_width": 1.0,
     "connector": {"line_min_score": 0.8}, "activation_ranges": {"...": [0, 9.5], ...}}

    {"version": 1, "network": "crnn", "sha256": "...", "alphabet": "printable_ascii", "widths": [100, 200, 400],
     "unit": "line", "network_width": 1.0}

`image_size` is (height, width). `connector` has the parameters of the text connector that differ from the published
ones; `proposals`, in the card of an exported file, the three that decide how many proposals there are. `alphabet` is
a name ("digits_lower", "printable_ascii") or a file beside the card; `characters`, in its place, are the characters
themselves in the order of their classes. `unit` is what the recognizer was trained on, "word" or "line".
`backbone_width` and `network_width` are the factors on the channels, 1.0 the published networks. `activation_ranges`
has the lowest and highest value of what goes into the convolutions, by its name in the ONNX file: with them, they may
be computed in 8-bit integers. "description",
"made_by" and "figures" may hold anything. Every key but `version` and `network` may be absent; the published values
then count. For weights without a card, the `config.yaml` that training left beside them speaks.
"""

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

from src.common.atomic_file import write_atomically
from src.common.bounded_file import LARGE, SMALL, check_size, read_bounded_text
from src.common.errors import UserError
from src.ctpn.lstm_branches import LSTM_CHOICES
from src.ctpn.topology import ANCHOR_HEIGHTS, IMAGE_SIZE, STRIDE
from src.text_connector.options import ConnectorParams
from src.weights.training_config import card_values, training_config_path

Range = tuple[float, float]  # lowest and highest value
CARD_VERSION = 1
NETWORKS = ("ctpn", "crnn")
UNITS = ("word", "line")
_FREE = {"version", "network", "sha256", "description", "made_by", "figures"}
_KEYS = {
    "ctpn": {
        "image_size",
        "keep_ratio",
        "anchor_heights",
        "side_refinement",
        "lstm_branch",
        "backbone_width",
        "connector",
        "proposals",
        "activation_ranges",
    },
    "crnn": {"alphabet", "characters", "widths", "unit", "network_width"},
}


class CardError(UserError):
    """A card that cannot be used, or that belongs to another file."""


@dataclass(frozen=True)
class WeightsCard:
    """The content of a card; fields of the other network keep their defaults.

    `sha256` is empty, the widths of the networks are 0 and `widths` is () where the card does not have them.
    """

    network: str
    sha256: str = ""
    image_size: tuple[int, int] = IMAGE_SIZE
    keep_ratio: bool = False
    anchor_heights: tuple[float, ...] = ANCHOR_HEIGHTS
    side_refinement: bool = False
    lstm_branch: str = "auto"
    backbone_width: float = 0.0
    connector: Mapping[str, float | bool] = field(default_factory=dict)
    proposals: Mapping[str, float] = field(default_factory=dict)
    activation_ranges: Mapping[str, Range] = field(default_factory=dict)
    network_width: float = 0.0
    alphabet: str = ""
    characters: str = ""
    widths: tuple[int, ...] = ()
    unit: str = ""


def card_path(weights: Path) -> Path:
    """Where the card of a weights file is, if it has one.

    Not plain `.json`: training keeps its own record of a checkpoint under that name.
    """
    return weights.with_suffix(".card.json")


def read_card(weights: Path, network: str) -> WeightsCard:
    """The card of `weights`; without one, the values of the training beside them; else the published ones.

    Raises:
        CardError: not a card, of another network, or a value that is not accepted.
    """
    path = card_path(weights)
    if not path.is_file():
        return _card_of_training(weights, network)
    return parse_card(load_card(path), network, str(path))


def load_card(path: Path) -> object:
    """What a card file holds, for `parse_card`.

    Raises:
        CardError: the file is not JSON.
    """
    try:
        content = json.loads(read_bounded_text(path, SMALL))
        json.dumps(content, ensure_ascii=False, allow_nan=False).encode()  # no half characters, no infinite numbers
        return content
    except (OSError, ValueError, RecursionError) as error:
        raise CardError(f"{path}: not a model card ({error})") from None


def _card_of_training(weights: Path, network: str) -> WeightsCard:
    path = training_config_path(weights)
    if not path.is_file():
        return WeightsCard(network)
    try:
        values = card_values(path, network)
    except UserError as error:
        raise CardError(str(error)) from None
    if values is None:
        return WeightsCard(network)
    return parse_card({"version": CARD_VERSION, "network": network, **values}, network, str(path))


def parse_card(content: object, network: str, name: str) -> WeightsCard:
    """The values of a card; `name` stands for it in messages.

    Raises:
        CardError: a key or value that is not accepted, or a card of another network.
    """
    if not isinstance(content, dict):
        raise CardError(f"{name}: not a model card (a JSON object is expected)")
    if content.get("version") != CARD_VERSION:
        raise CardError(f"{name}: version {content.get('version')!r} of a model card; this reads {CARD_VERSION}")
    if content.get("network") != network:
        raise CardError(f"{name}: network {content.get('network')!r}; weights of '{network}' are needed here")
    unknown = content.keys() - _FREE - _KEYS[network]
    if unknown:
        known = ", ".join(sorted(_KEYS[network]))
        raise CardError(f"{name}: unknown {', '.join(sorted(unknown))}; known are {known}")
    values: dict[str, Any] = {}
    for key, (accepts, wanted) in _RULES.items():
        if key in content:
            if not accepts(content[key]):
                raise CardError(f"{name}: {key} {content[key]!r}; expected {wanted}")
            values[key] = tuple(content[key]) if isinstance(content[key], list) else content[key]
    return WeightsCard(network=network, **values)


def write_card(weights: Path, values: Mapping[str, object]) -> Path:
    """Write the card of `weights` with its hash; `values` are the other entries, `network` among them.

    Raises:
        CardError: a value that a reader would refuse.
    """
    content = {"version": CARD_VERSION, "sha256": file_sha256(weights), **values}
    network = str(content.get("network"))
    if network not in NETWORKS:
        raise CardError(f"network {network!r} of a model card; accepted are {', '.join(NETWORKS)}")
    parse_card(json.loads(json.dumps(content)), network, str(card_path(weights)))
    path = card_path(weights)
    write_atomically(path, [(json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()])
    return path


def drop_card(weights: Path) -> None:
    """Remove the card of a weights file that is about to be replaced, if it is bound to that file by its hash."""
    path = card_path(weights)
    try:
        content = load_card(path) if path.is_file() else None
    except CardError:
        return
    if isinstance(content, dict) and "sha256" in content:
        path.unlink(missing_ok=True)


def file_sha256(path: Path) -> str:
    """Of a file that may be read; OSError for others, of which a sparse one would take minutes."""
    with path.open("rb") as file:
        check_size(file, path, LARGE)
        return hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else _sha256(file)


def _sha256(file: BinaryIO) -> str:  # Python 3.10
    digest = hashlib.sha256()
    while chunk := file.read(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()


def _numbers(value: object, low: float, step: int = 0) -> bool:
    """A list of ascending numbers from `low` up, whole multiples of `step` where that is not 0."""
    if not isinstance(value, list) or not value or len(value) > 1000:
        return False
    if not all(isinstance(item, int | float) and not isinstance(item, bool) for item in value):
        return False
    if not all(math.isfinite(item) if isinstance(item, float) else abs(item) < 1e5 for item in value):
        return False
    if step and any(item != int(item) or int(item) % step for item in value):
        return False
    return value[0] >= low and all(a < b for a, b in pairwise(value)) and value[-1] < 1e5


def _is_connector(value: object) -> bool:
    try:
        return isinstance(value, dict) and "side_refinement" not in value and bool(ConnectorParams(**value))
    except (TypeError, UserError):
        return False


def _are_proposals(value: object) -> bool:
    keys = {"rpn_nms_pre", "rpn_nms_thr", "rpn_max_num"}
    return isinstance(value, dict) and value.keys() <= keys and all(_numbers([v], 0) for v in value.values())


def _are_ranges(value: object) -> bool:
    """Names and two numbers each, of which the second is larger."""
    if not isinstance(value, dict) or len(value) > 1000:
        return False
    return all(len(v) == 2 and _numbers(v, -1e5) if isinstance(v, list) else False for v in value.values())


def _is_image_size(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(_numbers([side], STRIDE, STRIDE) for side in value)


_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "sha256": (lambda v: isinstance(v, str) and len(v) == 64 and set(v) <= set("0123456789abcdef"), "64 hex digits"),
    "image_size": (_is_image_size, f"[height, width], multiples of {STRIDE}"),
    "keep_ratio": (lambda v: isinstance(v, bool), "true or false"),
    "anchor_heights": (lambda v: _numbers(v, 1), "a list of ascending numbers"),
    "side_refinement": (lambda v: isinstance(v, bool), "true or false"),
    "lstm_branch": (lambda v: v in LSTM_CHOICES, " or ".join(LSTM_CHOICES)),
    "backbone_width": (lambda v: _numbers([v], 0.01), "a number above 0"),
    "connector": (_is_connector, "parameters of the text connector and their values"),
    "proposals": (_are_proposals, "rpn_nms_pre, rpn_nms_thr, rpn_max_num and their numbers"),
    "activation_ranges": (_are_ranges, "names of activations and [lowest, highest] of each"),
    "network_width": (lambda v: _numbers([v], 0.01), "a number above 0"),
    "alphabet": (lambda v: isinstance(v, str), "a text"),
    "characters": (lambda v: isinstance(v, str) and bool(v), "a text"),
    "widths": (lambda v: _numbers(v, 4, 4), "a list of ascending multiples of 4"),
    "unit": (lambda v: v in UNITS, " or ".join(UNITS)),
}
