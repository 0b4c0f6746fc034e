"""Training in PyTorch starts from the weights that training in MindSpore starts from."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from pytorch.convert import to_mindspore
from pytorch.crnn import Crnn
from pytorch.ctpn import Ctpn
from pytorch.weight_init import init_crnn, init_ctpn
from src.crnn.weight_init import initial_weight
from src.ctpn.weight_init import initial_value

WIDTH = 0.25


def spoilt(model):
    """A model in which everything that is not set again is seen."""
    with torch.no_grad():
        for value in model.state_dict().values():
            value.fill_(7)
    return model


@pytest.mark.parametrize("initialization", ["published", "he"])
def test_crnn_starts_from_the_same_numbers(initialization):
    model = spoilt(Crnn(20, WIDTH))
    init_crnn(model, 5, initialization)
    for name, value in to_mindspore(model.state_dict(), "crnn").items():
        expected = initial_weight(name, value.shape, 5, 64, initialization)
        np.testing.assert_array_equal(value, expected, err_msg=name)


def test_ctpn_starts_from_the_same_numbers():
    model = spoilt(Ctpn(WIDTH))
    init_ctpn(model, seed=5)
    for name, value in to_mindspore(model.state_dict(), "ctpn").items():
        expected = initial_value(name, value.shape, 5)
        if expected is None:  # a batch norm
            expected = np.full(value.shape, name.endswith((".gamma", ".moving_variance")))
        np.testing.assert_array_equal(value, expected, err_msg=name)


@pytest.mark.parametrize(("network", "initialize"), [(Crnn, init_crnn), (Ctpn, init_ctpn)])
def test_another_seed_gives_other_weights(network, initialize):
    states = []
    for seed in (1, 2):
        model = network(width_mult=0.125)
        initialize(model, seed)
        states.append(model.state_dict())
    changed = {name for name, value in states[0].items() if not torch.equal(value, states[1][name])}
    assert {name for name in states[0] if name.endswith("weight") and states[0][name].ndim > 1} <= changed
