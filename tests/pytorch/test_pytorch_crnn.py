"""CRNN in PyTorch beside CRNN in MindSpore: same weights and batch, so same outputs, loss, gradients, statistics."""

import numpy as np
import pytest

ms = pytest.importorskip("mindspore")

from mindspore import nn, ops

from src.crnn.crnn import Crnn as MindsporeCrnn
from src.crnn.ctc_loss import CtcLoss
from src.crnn.flat_start import FlatStartLoss
from src.weights.weights_file import load_weights

torch = pytest.importorskip("torch")

from pytorch.convert import from_mindspore, to_mindspore
from pytorch.crnn import Crnn, SharedCrnn
from pytorch.crnn_loss import ctc_loss, flat_start_loss
from src.weights.array_shapes import parameter_shapes

WIDTH, CLASSES = 0.125, 12
IMAGES = np.random.default_rng(1).standard_normal((6, 1, 32, 32)).astype(np.float32)  # T = 9
LABELS = [[1, 2, 3], [4, 4, 11], [], [5] * 6, [1, 2] * 5, [7]]  # the fourth and fifth need more than 9 steps
LENGTHS = np.array([3, 3, 0, 6, 10, 11], np.int32)  # the last one is longer than the array
BATCH = (IMAGES, np.array([label + [0] * (10 - len(label)) for label in LABELS], np.int32), LENGTHS)


class LossAndOutput(nn.Cell):
    def __init__(self, network):
        super().__init__(auto_prefix=False)
        self.network = network
        self.loss = CtcLoss()

    def construct(self, images, labels, lengths):
        log_probs = self.network(images)
        return self.loss(log_probs, labels, lengths), log_probs


@pytest.fixture(scope="module")
def weights():
    """Random weights under MindSpore's names, with batch norms that do something."""
    rng = np.random.default_rng(0)
    sizes = Crnn(CLASSES, WIDTH)
    values = {}
    for name, value in to_mindspore(sizes.state_dict(), "crnn").items():
        if name.endswith(("gamma", "moving_variance")):
            values[name] = rng.uniform(0.5, 2, value.shape)
        else:
            values[name] = rng.standard_normal(value.shape) * (0.2 if value.ndim == 1 else value[0].size ** -0.5)
    return {name: value.astype(np.float32) for name, value in values.items()}


def pytorch_with(weights):
    model = Crnn(CLASSES, WIDTH)
    model.load_state_dict(from_mindspore(weights, "crnn"))
    return model


@pytest.fixture(scope="module")
def in_mindspore(weights):
    """Everything that MindSpore says about these weights."""
    ms.set_context(mode=ms.GRAPH_MODE)
    network = MindsporeCrnn(CLASSES, WIDTH)
    load_weights(network, weights)
    evaluated = network.set_train(False)(ms.Tensor(IMAGES)).asnumpy()
    parameters = ms.ParameterTuple(network.trainable_params())
    cell = LossAndOutput(network).set_train()
    (loss, log_probs), gradients = ops.value_and_grad(cell, None, parameters, has_aux=True)(*map(ms.Tensor, BATCH))
    return {
        "evaluated": evaluated,
        "trained": log_probs.asnumpy(),
        "loss": float(loss.asnumpy()),
        "gradients": {p.name: g.asnumpy() for p, g in zip(parameters, gradients, strict=True)},
        "statistics": {p.name: p.asnumpy() for p in network.get_parameters() if ".moving_" in p.name},
    }


@pytest.fixture(scope="module")
def in_pytorch(weights):
    model = pytorch_with(weights)
    with torch.inference_mode():
        evaluated = model.eval()(torch.from_numpy(IMAGES)).numpy()
    log_probs = model.train()(torch.from_numpy(IMAGES))
    loss = ctc_loss(log_probs, *map(torch.from_numpy, BATCH[1:]))
    loss.backward()
    # Gradients travel under the names of their parameters, in the place of them.
    gradients = model.state_dict() | {name: value.grad for name, value in model.named_parameters()}
    statistics = {
        name: value for name, value in to_mindspore(model.state_dict(), "crnn").items() if ".moving_" in name
    }
    return {
        "evaluated": evaluated,
        "trained": log_probs.detach().numpy(),
        "loss": loss.item(),
        "gradients": to_mindspore(gradients, "crnn"),
        "statistics": statistics,
    }


@pytest.mark.parametrize("mode", ["evaluated", "trained"])
def test_log_probabilities(in_mindspore, in_pytorch, mode):
    assert in_pytorch[mode].shape == (9, 6, CLASSES)
    assert in_mindspore[mode].std() > 0.1
    np.testing.assert_allclose(in_pytorch[mode], in_mindspore[mode], atol=1e-4)


def test_loss_with_labels_that_cannot_be_written(in_mindspore, in_pytorch):
    assert in_pytorch["loss"] == pytest.approx(in_mindspore["loss"], rel=1e-4)
    assert in_pytorch["loss"] > 1


def test_gradient_of_every_parameter(in_mindspore, in_pytorch):
    expected = in_mindspore["gradients"]
    assert expected.keys() == {name for name in parameter_shapes("crnn") if ".moving_" not in name}
    for name, gradient in expected.items():
        scale = np.abs(gradient).max()
        assert scale > 0, name
        np.testing.assert_allclose(in_pytorch["gradients"][name], gradient, atol=1e-3 * scale, err_msg=name)


def test_running_statistics_after_a_step(in_mindspore, in_pytorch, weights):
    for name, value in in_mindspore["statistics"].items():
        assert not np.allclose(value, weights[name], atol=1e-3), name
        np.testing.assert_allclose(in_pytorch["statistics"][name], value, rtol=1e-3, atol=1e-4, err_msg=name)


def test_names_and_shapes_at_full_size():
    expected = {p.name: tuple(p.shape) for p in MindsporeCrnn(96).get_parameters()}
    state = {name: np.zeros(value.shape, np.float32) for name, value in Crnn(96).state_dict().items()}
    assert {name: value.shape for name, value in to_mindspore(state, "crnn").items()} == expected


@pytest.mark.parametrize("channels_last", [False, True])
def test_autocast_keeps_float32_outside_the_convolutions(weights, in_pytorch, channels_last):
    model = pytorch_with(weights)
    images = torch.from_numpy(IMAGES)
    if channels_last:
        model, images = model.to(memory_format=torch.channels_last), images.to(memory_format=torch.channels_last)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        log_probs = model(images)
        loss = ctc_loss(log_probs, *map(torch.from_numpy, BATCH[1:]))
    loss.backward()
    assert log_probs.dtype == loss.dtype == torch.float32
    difference = np.abs(log_probs.detach().numpy() - in_pytorch["trained"]).max()
    assert 0 < difference < 0.3  # bfloat16 has eight bits
    assert all(value.grad.dtype == torch.float32 and value.grad.isfinite().all() for value in model.parameters())


def test_channels_last_is_the_same_network(weights, in_pytorch):
    model = pytorch_with(weights).eval().to(memory_format=torch.channels_last)
    with torch.inference_mode():
        log_probs = model(torch.from_numpy(IMAGES).to(memory_format=torch.channels_last)).numpy()
    np.testing.assert_allclose(log_probs, in_pytorch["evaluated"], atol=1e-5)


@pytest.mark.parametrize("arguments", [{"num_classes": 1}, {"width_mult": 0.0}])
def test_impossible_networks_are_refused(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        Crnn(**arguments)


def test_losses_without_reduction(in_pytorch):
    log_probs = torch.from_numpy(in_pytorch["trained"])
    losses = ctc_loss(log_probs, *map(torch.from_numpy, BATCH[1:]), reduction="none").numpy()
    assert (losses[3:] == 0).all() and (losses[:3] > 0).all()
    assert losses[2] == pytest.approx(-in_pytorch["trained"][:, 2, 0].sum(), rel=1e-5)  # all blank
    assert (losses / np.maximum(LENGTHS, 1)).mean() == pytest.approx(in_pytorch["loss"], rel=1e-5)
    with pytest.raises(ValueError, match="'sum'"):
        ctc_loss(log_probs, *map(torch.from_numpy, BATCH[1:]), reduction="sum")


def test_no_label_has_no_loss(in_pytorch):
    log_probs = torch.randn(9, 2, CLASSES).log_softmax(-1)
    labels = torch.tensor([[1, 2], [0, 0]])
    alone = ctc_loss(log_probs[:, :1], labels[:1], torch.tensor([2]))
    assert ctc_loss(log_probs, labels, torch.tensor([2, -1])).item() == pytest.approx(alone.item() / 2)
    assert flat_start_loss(log_probs, labels, torch.tensor([-1, -1])).item() == 0


def test_flat_start_loss_is_that_of_mindspore():
    rng = np.random.default_rng(2)
    log_probs = torch.from_numpy(rng.standard_normal((9, 3, CLASSES)).astype(np.float32)).log_softmax(-1)
    labels, lengths = np.array([[1, 2, 3], [4, 4, 0], [0, 0, 0]], np.int32), np.array([3, 2, 0], np.int32)
    ours = flat_start_loss(log_probs, torch.from_numpy(labels), torch.from_numpy(lengths))
    theirs = FlatStartLoss()(*(ms.Tensor(array) for array in (log_probs.numpy(), labels, lengths)))
    assert ours.item() == pytest.approx(float(theirs), rel=1e-5)


def test_a_shared_network_is_one_network_for_each_alphabet():
    torch.manual_seed(0)
    shared = SharedCrnn([5, 7], 0.03).eval()
    images = torch.from_numpy(IMAGES)
    for number, (classes, found) in enumerate(zip((5, 7), shared(images), strict=True)):
        alone = Crnn(classes, 0.03).eval()
        alone.load_state_dict(shared.state_of(number))
        torch.testing.assert_close(alone(images), found)
