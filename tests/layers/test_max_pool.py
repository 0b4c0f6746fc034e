import numpy as np
import pytest

ms = pytest.importorskip("mindspore")

from mindspore import nn, ops

from src.layers.max_pool import MaxPool

CASES = [((2, 2), (0, 0), (8, 12)), ((2, 2), (0, 0), (7, 9)), ((2, 1), (0, 1), (4, 5)), ((1, 2), (1, 0), (3, 6))]


def windows(x, stride, padding):
    """(B, C, rows, columns, 4): what each maximum is taken of."""
    (s, t), (p, q) = stride, padding
    x = np.pad(x, ((0, 0), (0, 0), (p, p), (q, q)), constant_values=-np.inf)
    found = np.lib.stride_tricks.sliding_window_view(x, (2, 2), axis=(2, 3))[:, :, ::s, ::t]
    return found.reshape(*found.shape[:4], 4)


class Sum(nn.Cell):
    """Sum of the maxima, each with a weight."""

    def __init__(self, pool, weight):
        super().__init__()
        self.pool, self.weight = pool, weight

    def construct(self, x):
        return (self.pool(x) * self.weight).sum()


@pytest.mark.parametrize(("stride", "padding", "size"), CASES)
def test_it_takes_maxima_and_sends_the_gradient_to_their_places(stride, padding, size):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 3, *size)).astype(np.float32)
    expected = windows(x, stride, padding).max(axis=-1)
    weight = rng.standard_normal(expected.shape).astype(np.float32)
    step = 1e-2 * np.abs(np.diff(np.sort(x, axis=None))).min()  # no place of a maximum moves by this
    pool = MaxPool(stride, padding)
    for training in (False, True):
        found = pool.set_train(training)(ms.Tensor(x)).asnumpy()
        np.testing.assert_array_equal(found, expected)
    gradient = ops.grad(Sum(pool, ms.Tensor(weight)))(ms.Tensor(x)).asnumpy()
    wide = x.astype(np.float64)
    for place in rng.choice(x.size, 20, replace=False):
        moved = wide.copy()
        moved.flat[place] += step
        change = ((windows(moved, stride, padding).max(axis=-1) - expected) * weight).sum() / step
        assert gradient.flat[place] == pytest.approx(change, abs=1e-4)
