"""CTPN of the published size, for timing: weights of a narrower network with every channel repeated."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from src.common.atomic_file import write_atomically
from src.weights.card import WeightsCard, write_card
from src.weights.mindspore_ckpt import encode
from src.weights.network_weights import NetworkWeights

IMAGE_SIZE = WeightsCard.image_size  # of a card that names none
GATES = 4  # of an LSTM


def write_published_size(narrow: NetworkWeights, path: Path) -> None:
    """Write `path` (.ckpt) and its card: `narrow` with the channels of the published network, for its input size."""
    times = round(1 / narrow.card.backbone_width)
    write_atomically(path, encode(repeated(narrow.params, times)))
    heights = list(narrow.card.anchor_heights)
    write_card(path, {"network": "ctpn", "image_size": list(IMAGE_SIZE), "anchor_heights": heights})


def repeated(params: Mapping[str, np.ndarray], times: int) -> dict[str, np.ndarray]:
    """The same function with `times` as many channels: each is there so often, and each input counts so much less."""
    wide = {}
    for name, array in params.items():
        outputs, inputs = times, times
        if "rpn_cls" in name or "rpn_reg" in name:
            outputs = 1
        if array.ndim == 1 or array.shape[1] == 3:  # per channel, or of an image
            inputs = 1
        if name.startswith("rnn2"):  # (4 gates * hidden, ...)
            parted = array.reshape(GATES, -1, *array.shape[1:])
            copies = (1, outputs, inputs)[: parted.ndim]
        elif "lstm_fc.weight" in name:  # (channels, 2 directions * hidden)
            parted = array.reshape(len(array), 2, -1)
            copies = (outputs, 1, inputs)
        else:
            parted = array
            copies = (outputs, inputs, 1, 1)[: array.ndim]
        tiled = np.tile(parted, copies) / np.float32(inputs)
        shape = (len(array) * outputs, *(side * inputs for side in array.shape[1:2]), *array.shape[2:])
        wide[name] = tiled.reshape(shape).astype(np.float32)
    return wide
