"""The recognition network as its options describe it."""

import mindspore as ms

from src.crnn.alphabet import Alphabet
from src.crnn.crnn import Crnn
from src.crnn.ctc_loss import CrnnLoss
from src.crnn.options import LearningOptions, NetworkOptions
from src.crnn.weight_init import initial_weight
from src.layers.set_parameters import set_parameters


def build_crnn(options: NetworkOptions, alphabet: Alphabet) -> Crnn:
    """The network for evaluation and export, in float32."""
    return Crnn(alphabet.num_classes, options.network_width).set_train(False)


def build_training_crnn(
    options: LearningOptions, alphabet: Alphabet, seed: int, mixed_precision: bool
) -> tuple[Crnn, CrnnLoss]:
    """Network and loss for training, with the weights that `seed` gives."""
    compute_type = ms.float16 if mixed_precision else ms.float32
    network = Crnn(alphabet.num_classes, options.network_width, compute_type)
    initialize(network, seed, options.initialization)
    return network, CrnnLoss(network, options.flat_start_width if options.flat_start_epochs else 0)


def initialize(network: Crnn, seed: int, initialization: str = "published") -> None:
    """Give every parameter its starting value; raises ValueError for an unknown initialization."""
    hidden_size = network.rnn[0].rnn.hidden_size
    set_parameters(network, lambda name, shape: initial_weight(name, shape, seed, hidden_size, initialization))
