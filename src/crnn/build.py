"""The recognition network and its alphabet as a configuration describes them."""

from __future__ import annotations

from typing import Any

import mindspore as ms

from src.common.errors import UserError
from src.crnn.alphabet import Alphabet
from src.crnn.crnn import Crnn
from src.crnn.ctc_loss import CrnnLoss
from src.crnn.topology import time_steps
from src.crnn.weight_init import initialize


def build_alphabet(config: Any) -> Alphabet:
    """The named alphabet, or the one in a file; see `Alphabet.load`."""
    return Alphabet.load(config.alphabet)


def input_widths(config: Any) -> tuple[int, ...]:
    """The input widths; one stretches words to it, several keep their proportions.

    Raises:
        UserError: they are not ascending positive multiples of 4.
    """
    widths = config.image_width
    if not widths or any(type(width) is not int for width in widths) or widths != sorted(set(widths)):
        raise UserError(f"image_width: {widths} is not a list of ascending whole numbers")
    for width in widths:
        time_steps(width)
    return tuple(widths)


def build_crnn(config: Any, alphabet: Alphabet) -> Crnn:
    """The network for evaluation and export, in float32."""
    return Crnn(alphabet.num_classes, config.network_width).set_train(False)


def build_training_crnn(config: Any, alphabet: Alphabet) -> tuple[Crnn, CrnnLoss]:
    """Network and loss for training, with the weights that `seed` gives."""
    compute_type = ms.float16 if config.mixed_precision else ms.float32
    network = Crnn(alphabet.num_classes, config.network_width, compute_type)
    initialize(network, config.seed, config.initialization)
    return network, CrnnLoss(network, config.flat_start_width if config.flat_start_epochs else 0)
