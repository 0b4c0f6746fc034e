"""What the CRNN tests share: golden weights, a small network, an independent CTC."""

import mindspore as ms
import pytest
from golden_weights import golden_weight

from src.crnn.crnn import Crnn


@pytest.fixture(scope="session", autouse=True)
def graph_mode():
    ms.set_device("CPU")
    ms.set_context(mode=ms.GRAPH_MODE)


@pytest.fixture(scope="session")
def full_network() -> Crnn:
    """The published size in evaluation mode; tests load weights into it."""
    return Crnn().set_train(False)


def published_shapes(kind: str, num_classes: int = 37) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a published CRNN, written out from its documentation."""
    channels = [1, 64, 128, 256, 256, 512, 512, 512]
    shapes = {}
    for i in range(7):
        kernel = 2 if i == 6 else 3
        shapes[f"cnn.conv{i}.weight"] = (channels[i + 1], channels[i], kernel, kernel)
        shapes[f"cnn.conv{i}.bias"] = (channels[i + 1],)
    for i in (2, 4, 6):
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"cnn.batchnorm{i}.{part}"] = (channels[i + 1],)
    for layer, (inputs, outputs) in enumerate([(512, 256), (256, num_classes)]):
        directions = {
            "classic": ("rnn.{}_l0", "rnn.{}_l0_reverse"),
            "crnn_for_pytorch": ("fw_rnn.{}_l0", "bw_rnn.{}_l0"),
        }[kind]
        for direction in directions:
            shapes[f"rnn.{layer}." + direction.format("weight_ih")] = (1024, inputs)
            shapes[f"rnn.{layer}." + direction.format("weight_hh")] = (1024, 256)
            shapes[f"rnn.{layer}." + direction.format("bias_ih")] = (1024,)
            shapes[f"rnn.{layer}." + direction.format("bias_hh")] = (1024,)
        shapes[f"rnn.{layer}.embedding.weight"] = (outputs, 512)
        shapes[f"rnn.{layer}.embedding.bias"] = (outputs,)
    return shapes


@pytest.fixture(scope="session")
def golden_weights():
    """kind -> dict of golden weights in that published naming."""
    return {
        kind: {name: golden_weight(name, shape) for name, shape in published_shapes(kind).items()}
        for kind in ("classic", "crnn_for_pytorch")
    }


@pytest.fixture(scope="session")
def load():
    """Copy a dict of arrays into a network; every parameter must be there."""

    def load_all(network, params):
        for parameter in network.get_parameters():
            parameter.set_data(ms.Tensor(params[parameter.name]))
        return network

    return load_all
