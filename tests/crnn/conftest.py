"""What the CRNN tests share: graph mode, a network of the published size, and a way to load it."""

import mindspore as ms
import pytest

from src.crnn.crnn import Crnn


@pytest.fixture(scope="session", autouse=True)
def graph_mode():
    ms.set_device("CPU")
    ms.set_context(mode=ms.GRAPH_MODE)


@pytest.fixture(scope="session")
def full_network() -> Crnn:
    """The published size in evaluation mode; tests load weights into it."""
    return Crnn().set_train(False)


@pytest.fixture(scope="session")
def load():
    """Copy a dict of arrays into a network; every parameter must be there."""

    def load_all(network, params):
        for parameter in network.get_parameters():
            parameter.set_data(ms.Tensor(params[parameter.name]))
        return network

    return load_all
