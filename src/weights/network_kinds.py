"""What weights of each network are: their names, shapes and configuration keys, and how a file becomes parameters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from src.crnn import topology as crnn
from src.crnn.checkpoint_formats import mindspore_crnn
from src.ctpn import topology as ctpn
from src.ctpn.checkpoint_formats import mindspore_ctpn
from src.ctpn.lstm_branches import choose_lstm
from src.layers.parameter_shapes import Shapes
from src.text_connector.options import ConnectorOptions

Parameters = dict[str, np.ndarray]


@dataclass(frozen=True)
class NetworkKind:
    """One network, as its weights files and their cards know it.

    Attributes:
        title: for messages.
        how_to_train: a command that makes such weights.
        parameter_shapes: sizes by parameter name.
        config_keys: key of a card -> key of a configuration with the same meaning.
        more_card_values: what else of a training's configuration, kept in a folder, belongs on a card.
        has_branches: whether a file may hold two LSTMs, of which the card names one.
        convert: parameters of a file in any published naming, and the LSTM branch of its card, to parameters by this
            project's names, and notes for the user.
    """

    title: str
    how_to_train: str
    parameter_shapes: Callable[[], Shapes]
    config_keys: Mapping[str, str]
    more_card_values: Callable[[Mapping[str, object], Path], dict[str, object]]
    has_branches: bool
    convert: Callable[[Parameters, str], tuple[Parameters, list[str]]]


def _ctpn_card_values(config: Mapping[str, object], folder: Path) -> dict[str, object]:
    values: dict[str, object] = {}
    if {"img_height", "img_width"} <= config.keys():  # one key of a card
        values["image_size"] = [config["img_height"], config["img_width"]]
    # Which lines are worth reading is the reader's choice, not that of an evaluation.
    trained = ConnectorOptions.model_fields.keys() - {"narrow_lines", "oriented"}
    values["connector"] = {key: config[key] for key in sorted(trained & config.keys())}
    return values


def _crnn_card_values(config: Mapping[str, object], folder: Path) -> dict[str, object]:
    # The configuration names a file from where the training was started.
    return {"alphabet": crnn.ALPHABET_FILE} if (folder / crnn.ALPHABET_FILE).is_file() else {}


def _convert_ctpn(params: Parameters, lstm_branch: str) -> tuple[Parameters, list[str]]:
    lstm = choose_lstm(params, lstm_branch)
    return mindspore_ctpn(params, lstm.branch), [lstm.note] if lstm.note else []


def _convert_crnn(params: Parameters, lstm_branch: str) -> tuple[Parameters, list[str]]:
    return mindspore_crnn(params), []


KINDS = {
    "ctpn": NetworkKind(
        title="the text detector",
        how_to_train="bash scripts/quickstart.sh --train",
        parameter_shapes=ctpn.parameter_shapes,
        config_keys={
            "keep_ratio": "keep_ratio",
            "anchor_heights": "anchor_height",
            "side_refinement": "side_refinement",
            "backbone_width": "backbone_width",
        },
        more_card_values=_ctpn_card_values,
        has_branches=True,
        convert=_convert_ctpn,
    ),
    "crnn": NetworkKind(
        title="the text recognizer",
        how_to_train="python train.py --config_path configs/crnn_synthetic.yaml",
        parameter_shapes=crnn.parameter_shapes,
        config_keys={"alphabet": "alphabet", "widths": "image_width", "network_width": "network_width"},
        more_card_values=_crnn_card_values,
        has_branches=False,
        convert=_convert_crnn,
    ),
}
