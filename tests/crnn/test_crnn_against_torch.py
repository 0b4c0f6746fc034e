"""The published size beside an ordinary PyTorch CRNN: outputs, loss, and gradient of every parameter."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import ops

from src.crnn.checkpoint_formats import mindspore_crnn, published_crnn
from src.crnn.ctc_loss import CrnnLoss

torch = pytest.importorskip("torch")
torch_crnn = pytest.importorskip("benchmarks.torch_crnn")


def _weights(network):
    return {p.name: p.asnumpy() for p in network.get_parameters()}


@pytest.fixture(scope="module")
def both(load, full_network):
    torch.manual_seed(0)
    model = torch_crnn.TorchCrnn()
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if "running_mean" in name or name.endswith(("conv2.bias", "batchnorm4.bias")):
                value.normal_(0, 0.3)
            if "running_var" in name:
                value.uniform_(0.5, 2)
    published = {name: value.numpy().copy() for name, value in model.state_dict().items()}
    return model, load(full_network, mindspore_crnn(published))


def test_log_probabilities_in_evaluation(both):
    model, network = both
    image = np.random.default_rng(0).standard_normal((2, 1, 32, 100)).astype(np.float32)
    with torch.inference_mode():
        expected = model.eval()(torch.from_numpy(image)).numpy()
    np.testing.assert_allclose(network(ms.Tensor(image)).asnumpy(), expected, atol=1e-4)


def test_loss_and_gradients_of_a_training_batch(both):
    model, network = both
    rng = np.random.default_rng(1)
    image = rng.standard_normal((4, 1, 32, 32)).astype(np.float32)
    labels = rng.integers(1, 37, (4, 5)).astype(np.int32)
    lengths = np.array([5, 3, 0, 4], np.int32)
    log_probs = model.train()(torch.from_numpy(image))
    expected = torch.nn.functional.ctc_loss(
        log_probs,
        torch.from_numpy(labels).long(),
        torch.full((4,), 9),
        torch.from_numpy(lengths).long(),
        zero_infinity=True,
    )
    expected.backward()

    loss_cell = CrnnLoss(network).set_train()
    assert loss_cell.term_names == ("loss",)
    weights = ms.ParameterTuple(network.trainable_params())
    (loss,), gradients = ops.value_and_grad(loss_cell, None, weights)(*map(ms.Tensor, (image, labels, lengths)))
    network.set_train(False)
    assert float(loss.asnumpy()) == pytest.approx(expected.item(), rel=1e-4)
    torch_gradients = {name: value.grad.numpy() for name, value in model.named_parameters()}
    ours = {weight.name: gradient.asnumpy() for weight, gradient in zip(weights, gradients, strict=True)}
    statistics = {name: value for name, value in _weights(network).items() if ".moving_" in name}
    ours = published_crnn({**ours, **statistics})
    compared = 0
    for name, expected_gradient in torch_gradients.items():
        if name in {"cnn.conv2.bias", "cnn.conv4.bias", "cnn.conv6.bias"}:
            assert np.abs(expected_gradient).max() < 1e-5  # batch norm takes these biases out
            continue
        scale = np.abs(expected_gradient).max()
        np.testing.assert_allclose(ours[name], expected_gradient, atol=2e-3 * scale, err_msg=name)
        compared += 1
    assert compared == len(weights)
