"""The loss that takes all characters to be equally wide, beside its definition written as loops."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, nn, ops

from src.crnn.ctc_loss import CrnnLoss, CtcLoss
from src.crnn.flat_start import FlatStartLoss

CLASSES, STEPS = 7, 9


def log_softmax(values: np.ndarray) -> np.ndarray:
    return values - np.log(np.exp(values).sum(-1, keepdims=True))


def in_loops(log_probs: np.ndarray, labels: np.ndarray, lengths: np.ndarray) -> float:
    """Each time step's class: the character whose equal share of the width holds the middle of the step."""
    steps, batch, _ = log_probs.shape
    total = 0.0
    for b in range(batch):
        for t in range(steps):
            middle, wanted = (t + 0.5) / steps, 0
            for place in range(lengths[b]):
                if place / lengths[b] <= middle < (place + 1) / lengths[b]:
                    wanted = labels[b, place]
            total -= log_probs[t, b, wanted]
    return total / (steps * batch)


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(3)
    log_probs = log_softmax(rng.normal(0, 2, (STEPS, 5, CLASSES))).astype(np.float32)
    lengths = np.array([1, 2, 3, 4, 0], np.int32)
    labels = np.zeros((5, 4), np.int32)
    for row, length in enumerate(lengths):
        labels[row, :length] = rng.integers(1, CLASSES, length)
    return log_probs, labels, lengths


def test_equals_the_definition(batch):
    loss = FlatStartLoss()(*map(Tensor, batch))
    assert loss.asnumpy() == pytest.approx(in_loops(*batch), rel=1e-5)


def test_gradient_is_minus_the_share_of_each_wanted_class(batch):
    _, _, lengths = batch
    gradient = ms.grad(FlatStartLoss())(*map(Tensor, batch)).asnumpy()
    assert np.isclose(gradient.sum(-1), -1 / (STEPS * len(lengths))).all()
    assert (np.sort(gradient, -1)[..., 1:] == 0).all()
    assert (gradient[:, 4, 0] < 0).all()  # the empty label asks for blanks


class Columns(nn.Cell):
    """Images as a network's outputs, without weights that take time to compile: (B, 1, 32, W) -> (W, B, C)."""

    def construct(self, images):
        return ops.log_softmax(images[:, 0, :CLASSES].transpose(2, 0, 1), -1)


def test_width_of_the_batch_chooses_the_loss(batch):
    network = Columns()
    cell = CrnnLoss(network, flat_start_width=16).set_train(False)
    _, labels, lengths = (Tensor(array) for array in batch)
    for width, loss in ((16, FlatStartLoss()), (24, CtcLoss())):
        images = Tensor(np.random.default_rng(width).uniform(-1, 1, (5, 1, 32, width)).astype(np.float32))
        expected = loss(network(images), labels, lengths).asnumpy()
        assert cell(images, labels, lengths)[0].asnumpy() == pytest.approx(float(expected), rel=1e-5)
