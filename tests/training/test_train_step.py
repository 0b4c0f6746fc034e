import numpy as np
import pytest

ms = pytest.importorskip("mindspore")
from mindspore import nn, ops
from training_stand_in import Data, Loss, Net, optimizer_of

from src.training.run_state import optimizer_arrays
from src.training.train_step import TrainStep

pytestmark = pytest.mark.usefixtures("graph_mode")
CLIP = 0.05


def weights(net):
    return {name: param.asnumpy().copy() for name, param in net.parameters_and_names()}


def batches(count=3):
    return [batch for batch, _ in zip(Data().epoch(1), range(count), strict=False)]


def with_nan(batch):
    return batch[0], np.full_like(batch[1], np.nan)


class Powers(nn.Cell):
    """Loss whose value and gradient can be driven apart: sqrt has an infinite slope at zero."""

    term_names = ("loss", "root")

    def __init__(self):
        super().__init__()
        self.weight = ms.Parameter(ms.Tensor([1.0, 2.0], ms.float32), name="weight")

    def construct(self, factor):
        root = ops.sqrt(ops.abs(self.weight * factor)).sum()
        return root + self.weight.sum(), root


@pytest.fixture(scope="module")
def plain():
    """Three steps of MindSpore's own cell, without clipping."""
    net = Net()

    class First(nn.Cell):
        def __init__(self, loss):
            super().__init__(auto_prefix=False)
            self.loss = loss

        def construct(self, image, target):
            return self.loss(image, target)[0]

    step = nn.TrainOneStepCell(First(Loss(net)), optimizer_of(net)).set_train()
    losses = [float(step(*map(ms.Tensor, batch)).asnumpy()) for batch in batches()]
    return losses, weights(net)


@pytest.fixture(scope="module")
def clipped():
    """A compiled step with clipping and a scale, shared by the tests (they restore nothing, they compare)."""
    net = Net()
    optimizer = optimizer_of(net, base_lr=0.05, weight_decay=0.0)
    return net, optimizer, TrainStep(Loss(net), optimizer, clip_norm=CLIP, scaled=True).set_train()


def test_without_options_it_is_the_stock_step(plain):
    net = Net()
    step = TrainStep(Loss(net), optimizer_of(net)).set_train()
    reports = [step.run(batch, 1.0, False) for batch in batches()]
    assert [report.terms["loss"] for report in reports] == plain[0]
    for name, array in weights(net).items():
        np.testing.assert_array_equal(array, plain[1][name])
    assert list(reports[0].terms) == ["loss", "squared", "absolute"]
    assert reports[0][2:] == (0, 0, 0)


def test_clipping_bounds_the_update_whatever_the_scale(clipped):
    net, optimizer, step = clipped
    for scale in (1.0, 1024.0):
        before, step_number = weights(net), int(optimizer.global_step.asnumpy()[0])
        velocity = {n: a for n, a in optimizer_arrays(optimizer).items() if n.startswith("moments.")}
        report = step.run(batches()[0], scale, False)
        after = optimizer_arrays(optimizer)
        gradient = [after[name] - 0.9 * array for name, array in velocity.items()]
        assert report.norm > CLIP
        assert np.sqrt(sum(np.square(part).sum() for part in gradient)) == pytest.approx(CLIP, rel=1e-4)
        assert int(optimizer.global_step.asnumpy()[0]) == step_number + 1
        assert any((array != before[name]).any() for name, array in weights(net).items())


def test_the_reported_norm_is_the_unscaled_one(clipped):
    net, _, step = clipped
    loss_cell = Loss(net)
    image, target = map(ms.Tensor, batches()[1])

    def loss(image, target):
        return loss_cell(image, target)[0]

    _, parts = ops.value_and_grad(loss, None, net.trainable_params())(image, target)
    expected = np.sqrt(sum(np.square(part.asnumpy()).sum() for part in parts))
    assert step.run(batches()[1], 256.0, False).norm == pytest.approx(expected, rel=1e-5)


def test_a_loss_that_is_not_finite_changes_neither_weights_nor_optimizer(clipped):
    net, optimizer, step = clipped
    trained = {param.name for param in net.trainable_params()}
    before, memory = weights(net), optimizer_arrays(optimizer)
    report = step.run(with_nan(batches()[0]), 1.0, False)
    assert (report.bad_losses, report.bad_gradients) == (1, 1)
    assert np.isnan(report.terms["squared"])
    for name, array in weights(net).items():
        if name in trained:
            np.testing.assert_array_equal(array, before[name])
    for name, array in optimizer_arrays(optimizer).items():
        np.testing.assert_array_equal(array, memory[name])


def test_a_gradient_that_is_not_finite_while_the_loss_is():
    cell = Powers()
    step = TrainStep(cell, nn.Momentum(cell.trainable_params(), 0.1, 0.9)).set_train()
    bad = step.run((np.zeros(2, np.float32),), 1.0, False)
    assert (bad.bad_losses, bad.bad_gradients) == (0, 1)
    assert bad.terms == {"loss": 3.0, "root": 0.0}
    np.testing.assert_array_equal(cell.weight.asnumpy(), [1.0, 2.0])
    good = step.run((np.ones(2, np.float32),), 1.0, True)
    assert (good.bad_losses, good.bad_gradients, good.stopping) == (0, 0, 1)
    np.testing.assert_allclose(cell.weight.asnumpy(), [1 - 0.15, 2 - 0.1 * (1 + 0.5 / 2**0.5)], rtol=1e-6)
