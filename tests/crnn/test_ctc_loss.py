import mindspore as ms
import numpy as np
import pytest
from mindspore import nn, ops

from src.crnn.ctc_loss import CtcLoss

T, C, L = 6, 4, 9
LABELS = {
    "one character": [1],
    "three": [1, 2, 3],
    "empty": [],
    "repeated": [2, 2],
    "repetitions that just fit": [1, 1, 2, 2],
    "repetitions that do not fit": [1, 1, 1, 1],
    "as long as the time": [1, 2, 3, 1, 2, 3],
    "longer than the time": [1, 2, 3, 1, 2, 3, 1],
    "as wide as the array": [3, 2, 1, 3, 2, 1, 3, 2, 1],
}
INFEASIBLE = {"repetitions that do not fit", "longer than the time", "as wide as the array"}
FEASIBLE = np.array([name not in INFEASIBLE for name in LABELS])


def reference_loss(log_probs, label):
    """-log of the summed probability of every path, by a dynamic program over (time, position). float64."""
    extended = [0]
    for character in label:
        extended += [character, 0]
    alpha = np.zeros((len(log_probs), len(extended)))
    probs = np.exp(log_probs)
    alpha[0, 0] = probs[0, 0]
    if label:
        alpha[0, 1] = probs[0, label[0]]
    for t in range(1, len(log_probs)):
        for s, character in enumerate(extended):
            reached = alpha[t - 1, s]
            if s > 0:
                reached += alpha[t - 1, s - 1]
            if s > 1 and character != 0 and character != extended[s - 2]:
                reached += alpha[t - 1, s - 2]
            alpha[t, s] = reached * probs[t, character]
    total = alpha[-1, -1] + (alpha[-1, -2] if label else 0)
    return -np.log(total) if total > 0 else 0.0


def log_softmax(logits):
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def reference_mean(logits):
    losses = [reference_loss(log_softmax(logits[:, i]), label) for i, label in enumerate(LABELS.values())]
    return np.mean([loss / max(1, len(label)) for loss, label in zip(losses, LABELS.values(), strict=True)])


@pytest.fixture(scope="module")
def batch():
    logits = np.random.default_rng(1).standard_normal((T, len(LABELS), C)).astype(np.float32)
    labels = np.zeros((len(LABELS), L), np.int32)
    for row, label in zip(labels, LABELS.values(), strict=True):
        row[: len(label)] = label
    return logits, labels, np.array([len(label) for label in LABELS.values()], np.int32)


class LossOfLogits(nn.Cell):
    def __init__(self):
        super().__init__()
        self.losses = CtcLoss("none")
        self.mean = CtcLoss()

    def construct(self, logits, labels, lengths):
        log_probs = ops.log_softmax(logits, -1)
        return self.mean(log_probs, labels, lengths), self.losses(log_probs, labels, lengths)


@pytest.fixture(scope="module")
def loss_and_gradient():
    function = ops.value_and_grad(LossOfLogits(), 0, None, has_aux=True)

    def run(*arrays):
        (mean, losses), gradient = function(*map(ms.Tensor, arrays))
        return float(mean.asnumpy()), losses.asnumpy(), gradient.asnumpy()

    return run


@pytest.fixture(scope="module")
def results(loss_and_gradient, batch):
    return loss_and_gradient(*batch)


@pytest.mark.parametrize("index", range(len(LABELS)), ids=list(LABELS))
def test_loss_of_each_label_equals_the_dynamic_program(index, results, batch):
    label = list(LABELS.values())[index]
    expected = reference_loss(log_softmax(batch[0][:, index].astype(np.float64)), label)
    assert (expected > 0) == FEASIBLE[index]
    assert results[1][index] == pytest.approx(expected, rel=1e-5)


def test_mean_divides_by_the_length_and_counts_every_label(results, batch):
    assert results[0] == pytest.approx(reference_mean(batch[0].astype(np.float64)), rel=1e-5)


def test_gradient_equals_central_differences_of_the_dynamic_program(results, batch):
    logits = batch[0].astype(np.float64)
    expected = np.zeros_like(logits)
    for place in np.ndindex(logits.shape):
        moved = logits.copy()
        moved[place] += 1e-5
        above = reference_mean(moved)
        moved[place] -= 2e-5
        expected[place] = (above - reference_mean(moved)) / 2e-5
    np.testing.assert_allclose(results[2], expected, atol=1e-6)
    assert np.abs(expected[:, FEASIBLE]).max() > 0.01


def test_labels_that_cannot_be_written_have_no_loss_and_no_gradient(results):
    assert (results[1][~FEASIBLE] == 0).all()
    assert (results[2][:, ~FEASIBLE] == 0).all()


def test_what_stands_in_the_padding_does_not_matter(loss_and_gradient, batch, results):
    logits, labels, lengths = batch
    junk = np.where(np.arange(L) < lengths[:, None], labels, 2).astype(np.int32)
    for ours, expected in zip(loss_and_gradient(logits, junk, lengths), results, strict=True):
        np.testing.assert_array_equal(ours, expected)


def test_a_length_beyond_the_array_is_not_read(loss_and_gradient, batch):
    logits, labels, lengths = batch
    mean, losses, gradient = loss_and_gradient(logits, labels, lengths + L)
    assert mean == 0 and (losses == 0).all() and (gradient == 0).all()


def test_extreme_logits_stay_finite(loss_and_gradient, batch):
    logits, labels, lengths = batch
    for factor in (1e3, 1e6):
        for result in loss_and_gradient(logits * np.float32(factor), labels, lengths):
            assert np.isfinite(result).all()


def test_a_broken_network_is_not_hidden(loss_and_gradient, batch):
    logits, labels, lengths = batch
    broken = logits.copy()
    broken[2, 0, 1] = np.nan
    assert not np.isfinite(loss_and_gradient(broken, labels, lengths)[0])


def test_equal_to_torch_at_the_published_size(loss_and_gradient):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    logits = rng.standard_normal((26, 16, 37)).astype(np.float32)
    labels = rng.integers(1, 37, (16, 23)).astype(np.int32)
    lengths = rng.integers(0, 24, 16).astype(np.int32)
    tensor = torch.from_numpy(logits).requires_grad_()
    expected = torch.nn.functional.ctc_loss(
        tensor.log_softmax(-1),
        torch.from_numpy(labels).long(),
        torch.full((16,), 26),
        torch.from_numpy(lengths).long(),
        zero_infinity=True,
    )
    expected.backward()
    mean, _, gradient = loss_and_gradient(logits, labels, lengths)
    assert mean == pytest.approx(expected.item(), rel=1e-5)
    np.testing.assert_allclose(gradient, tensor.grad.numpy(), atol=1e-5)


def test_other_reductions_are_refused():
    with pytest.raises(ValueError, match="'sum'"):
        CtcLoss("sum")
