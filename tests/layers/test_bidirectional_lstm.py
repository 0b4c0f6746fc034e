import numpy as np
import pytest

ms = pytest.importorskip("mindspore")

from mindspore import nn, ops

from src.layers.bidirectional_lstm import BidirectionalLstm

STEPS, BATCH, INPUTS, HIDDEN = 5, 3, 6, 4


class WeightedSum(nn.Cell):
    def __init__(self, lstm, weight):
        super().__init__()
        self.lstm, self.weight = lstm, weight

    def construct(self, sequence):
        hidden = self.lstm(sequence)
        return (hidden[0] * self.weight).sum() if isinstance(hidden, tuple) else (hidden * self.weight).sum()


def outputs_and_gradients(lstm, sequence, weight):
    cell = WeightedSum(lstm, weight)
    found = ops.value_and_grad(cell, 0, tuple(lstm.trainable_params()))(sequence)
    arrays = [found[1][0], *found[1][1]]
    return [float(found[0]), *(array.asnumpy() for array in arrays)]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def one_direction(x, weight_ih, weight_hh, bias):
    """Gates in the order i, f, g, o (Hochreiter and Schmidhuber 1997, with a forget gate)."""
    h = c = np.zeros((x.shape[1], weight_hh.shape[1]))
    found = []
    for step in x:
        i, f, g, o = np.split(step @ weight_ih.T + h @ weight_hh.T + bias, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        found.append(h)
    return np.stack(found)


@pytest.fixture(scope="module")
def case():
    rng = np.random.default_rng(0)
    lstm = BidirectionalLstm(INPUTS, HIDDEN)
    for parameter in lstm.get_parameters():
        parameter.set_data(ms.Tensor(rng.standard_normal(parameter.shape).astype(np.float32)))
    sequence = rng.standard_normal((STEPS, BATCH, INPUTS)).astype(np.float32)
    weight = rng.standard_normal((STEPS, BATCH, 2 * HIDDEN)).astype(np.float32)
    return lstm, sequence, weight


def test_outputs_are_those_of_plain_numpy(case):
    lstm, sequence, _ = case
    values = {p.name.split(".")[-1]: p.asnumpy().astype(np.float64) for p in lstm.get_parameters()}

    def direction(x, suffix):
        parts = [values[f"{kind}_l0{suffix}"] for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        return one_direction(x, parts[0], parts[1], parts[2] + parts[3])

    expected = np.concatenate([direction(sequence, ""), direction(sequence[::-1], "_reverse")[::-1]], axis=2)
    np.testing.assert_allclose(lstm(ms.Tensor(sequence)).asnumpy(), expected, atol=1e-6)


@pytest.mark.parametrize("mode", [ms.PYNATIVE_MODE, ms.GRAPH_MODE])
def test_one_call_and_two_calls_are_the_same(case, mode):
    lstm, sequence, weight = case
    before = ms.get_context("mode")
    ms.set_context(mode=mode)
    two_calls = BidirectionalLstm(INPUTS, HIDDEN)
    two_calls.in_one_call = False  # as on Ascend and GPU
    for ours, theirs in zip(two_calls.get_parameters(), lstm.get_parameters(), strict=True):
        ours.set_data(theirs)
    arguments = ms.Tensor(sequence), ms.Tensor(weight)
    try:
        found, expected = (outputs_and_gradients(cell, *arguments) for cell in (lstm, two_calls))
    finally:
        ms.set_context(mode=before)
    for one, two in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-5)


def test_parameters_are_named_as_in_the_published_checkpoints():
    names = {parameter.name for parameter in BidirectionalLstm(INPUTS, HIDDEN).get_parameters()}
    kinds = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    assert names == {kind + suffix for kind in kinds for suffix in ("", "_reverse")}


def test_fewer_inputs_than_hidden_units_are_refused():
    with pytest.raises(ValueError, match="hidden_size 8: at most the 4 inputs"):
        BidirectionalLstm(4, 8)
