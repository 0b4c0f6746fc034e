"""CTPN in PyTorch beside CTPN in MindSpore: same weights and batch, so same maps, losses, gradients, statistics."""

import numpy as np
import pytest

ms = pytest.importorskip("mindspore")

from mindspore import nn, ops

from src.ctpn.ctpn import Ctpn as MindsporeCtpn
from src.ctpn.loss import CtpnLoss
from src.ctpn.vgg16 import freeze_first_stages as freeze_in_mindspore
from src.weights.weights_file import load_weights

torch = pytest.importorskip("torch")

from pytorch.convert import from_mindspore, to_mindspore
from pytorch.ctpn import Ctpn, freeze_first_stages
from pytorch.ctpn_loss import ctpn_loss
from src.weights.array_shapes import parameter_shapes

WIDTH, A = 0.125, 3
B, ROWS, COLUMNS = 2, 3, 4
N = ROWS * COLUMNS * A


def make_batch():
    rng = np.random.default_rng(1)
    return (
        rng.standard_normal((B, 3, 16 * ROWS, 16 * COLUMNS)).astype(np.float32),
        rng.integers(-1, 2, (B, N)).astype(np.int32),
        (0.3 * rng.standard_normal((B, N, 4))).astype(np.float32),
        rng.integers(0, 2, (B, N, 4)).astype(np.float32),
    )


BATCH = make_batch()


class LossAndMaps(nn.Cell):
    """All outputs of network and loss, from one run of the network."""

    def __init__(self, network):
        super().__init__(auto_prefix=False)
        self.network = network
        self.loss = CtpnLoss(Given(), cls_weight=1.5, reg_weight=2.5)

    def construct(self, image, labels, targets, weights):
        maps = self.network(image)
        total, cls, reg = self.loss(maps, labels, targets, weights)
        return total, cls, reg, *maps


class Given(nn.Cell):
    """In the place of the network: hands on the maps that it is given."""

    def construct(self, maps):
        return maps


@pytest.fixture(scope="module")
def weights():
    """Random weights under MindSpore's names, with batch norms that do something."""
    rng = np.random.default_rng(0)
    values = {}
    for name, value in to_mindspore(Ctpn(WIDTH, A).state_dict(), "ctpn").items():
        if name.endswith(("gamma", "moving_variance")):
            values[name] = rng.uniform(0.7, 1.5, value.shape)
        else:
            scale = 0.2 if value.ndim == 1 else (2 / value[0].size) ** 0.5
            values[name] = rng.standard_normal(value.shape) * scale
    return {name: value.astype(np.float32) for name, value in values.items()}


def pytorch_with(weights, **options):
    model = Ctpn(WIDTH, A, **options)
    model.load_state_dict(from_mindspore(weights, "ctpn"))
    return model


def run_mindspore(weights, bn_statistics):
    ms.set_context(mode=ms.GRAPH_MODE)
    network = MindsporeCtpn(WIDTH, A, bn_statistics=bn_statistics)
    load_weights(network, weights)
    parameters = ms.ParameterTuple(network.trainable_params())
    function = ops.value_and_grad(LossAndMaps(network).set_train(), None, parameters, has_aux=True)
    (*terms, score_map, delta_map), gradients = function(*map(ms.Tensor, BATCH))
    return {
        "network": network,
        "maps": [score_map.asnumpy(), delta_map.asnumpy()],
        "terms": [float(term) for term in terms],
        "gradients": {p.name: g.asnumpy() for p, g in zip(parameters, gradients, strict=True)},
        "statistics": {p.name: p.asnumpy() for p in network.get_parameters() if ".moving_" in p.name},
    }


def run_pytorch(model):
    image, *targets = map(torch.from_numpy, BATCH)
    maps = model.train()(image)
    terms = ctpn_loss(*maps, *targets, cls_weight=1.5, reg_weight=2.5)
    terms[0].backward()
    # Gradients travel under the names of their parameters, in the place of them.
    gradients = model.state_dict() | {name: value.grad for name, value in model.named_parameters()}
    state = to_mindspore(model.state_dict(), "ctpn")
    return {
        "maps": [x.detach().numpy() for x in maps],
        "terms": [term.item() for term in terms],
        "gradients": to_mindspore(gradients, "ctpn"),
        "statistics": {name: value for name, value in state.items() if ".moving_" in name},
    }


@pytest.fixture(scope="module", params=["learned", "frozen"])
def both(request, weights):
    """A training step on either side. Frozen batch norm computes as batch norm does in evaluation."""
    return (
        run_mindspore(weights, request.param),
        run_pytorch(pytorch_with(weights, bn_statistics=request.param)),
        request.param,
    )


def test_maps(both):
    ours, theirs, _ = both
    shapes = [(B, 2 * A, ROWS, COLUMNS), (B, 4 * A, ROWS, COLUMNS)]
    for found, expected, shape in zip(theirs["maps"], ours["maps"], shapes, strict=True):
        assert found.shape == shape and expected.std() > 0.1
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_loss_terms(both):
    ours, theirs, _ = both
    np.testing.assert_allclose(theirs["terms"], ours["terms"], rtol=1e-4)
    assert min(ours["terms"]) > 0.01


def test_gradient_of_every_parameter(both):
    ours, theirs, _ = both
    expected = ours["gradients"]
    assert expected.keys() == {name for name in parameter_shapes("ctpn") if ".moving_" not in name}
    for name, gradient in expected.items():
        scale = np.abs(gradient).max()
        assert scale > 0, name
        np.testing.assert_allclose(theirs["gradients"][name], gradient, atol=1e-3 * scale, err_msg=name)


def test_running_statistics_after_a_step(both, weights):
    ours, theirs, bn_statistics = both
    for name, value in ours["statistics"].items():
        assert np.array_equal(value, weights[name]) == (bn_statistics == "frozen"), name
        np.testing.assert_allclose(theirs["statistics"][name], value, rtol=1e-3, atol=1e-4, err_msg=name)


def test_evaluation_uses_the_stored_statistics(weights):
    """What a frozen training step computes, which is compared with MindSpore above, is the evaluation."""
    image = torch.from_numpy(BATCH[0])
    with torch.inference_mode():
        evaluated = pytorch_with(weights).eval()(image)
        frozen = pytorch_with(weights, bn_statistics="frozen").train()(image)
        fresh = pytorch_with(weights, bn_statistics="frozen")(image)
        learned = pytorch_with(weights).train()(image)
    for index in range(2):
        np.testing.assert_array_equal(frozen[index], evaluated[index])
        np.testing.assert_array_equal(fresh[index], evaluated[index])
        assert not np.allclose(learned[index], evaluated[index], atol=1e-2)


def test_names_and_shapes_at_full_size():
    expected = {p.name: tuple(p.shape) for p in MindsporeCtpn().get_parameters()}
    state = {name: np.zeros(value.shape, np.float32) for name, value in Ctpn().state_dict().items()}
    assert {name: value.shape for name, value in to_mindspore(state, "ctpn").items()} == expected


def test_hard_negatives_are_the_same_anchors():
    rng = np.random.default_rng(5)
    maps = [rng.standard_normal((B, sides * A, ROWS, COLUMNS)).astype(np.float32) for sides in (2, 4)]
    targets = BATCH[1:]
    for count in (2, 5):
        loss = CtpnLoss(Given(), hard_negatives=count)
        expected = loss(tuple(map(ms.Tensor, maps)), *map(ms.Tensor, targets))
        found = ctpn_loss(*map(torch.from_numpy, maps), *map(torch.from_numpy, targets), hard_negatives=count)
        np.testing.assert_allclose([term.item() for term in found], [float(term) for term in expected], rtol=1e-5)


@pytest.mark.parametrize("channels_last", [False, True])
def test_autocast_keeps_float32_outside_the_convolutions(weights, channels_last):
    model = pytorch_with(weights, bn_statistics="frozen")
    image, *targets = map(torch.from_numpy, BATCH)
    with torch.inference_mode():
        expected = model(image)
    if channels_last:
        model, image = model.to(memory_format=torch.channels_last), image.to(memory_format=torch.channels_last)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        maps = model(image)
        terms = ctpn_loss(*maps, *targets)
    terms[0].backward()
    assert {x.dtype for x in (*maps, *terms)} == {torch.float32}
    for found, exact in zip(maps, expected, strict=True):
        difference = (found.detach() - exact).std() / exact.std()
        assert 0 < difference < 0.1  # bfloat16 has eight bits
    assert all(value.grad.dtype == torch.float32 and value.grad.isfinite().all() for value in model.parameters())


def test_channels_last_is_the_same_network(weights):
    model, image = pytorch_with(weights).eval(), torch.from_numpy(BATCH[0])
    with torch.inference_mode():
        expected = model(image)
        model, image = model.to(memory_format=torch.channels_last), image.to(memory_format=torch.channels_last)
        for found, exact in zip(model(image), expected, strict=True):
            np.testing.assert_allclose(found, exact, atol=1e-4)


def test_dropout_only_in_training(weights):
    model, image = pytorch_with(weights, bn_statistics="frozen", dropout=0.5), torch.from_numpy(BATCH[0])
    with torch.inference_mode():
        assert not torch.equal(model.train()(image)[0], model(image)[0])
        assert torch.equal(model.eval()(image)[0], pytorch_with(weights).eval()(image)[0])


def test_the_same_parameters_freeze():
    model = Ctpn(WIDTH, A)
    assert freeze_first_stages(model) == freeze_in_mindspore(MindsporeCtpn(WIDTH, A))
    assert [name for name, value in model.named_parameters() if not value.requires_grad] == [
        f"vgg16_feature_extractor.conv{layer}.0.weight" for layer in ("1_1", "1_2", "2_1", "2_2")
    ]


def test_a_batch_without_samples_moves_nothing(weights):
    model = pytorch_with(weights)
    image, labels, targets, _ = map(torch.from_numpy, BATCH)
    maps = model(image)
    terms = ctpn_loss(*maps, torch.full_like(labels, -1), targets, torch.zeros_like(targets))
    terms[0].backward()
    assert [term.item() for term in terms] == [0, 0, 0]
    assert not any(value.grad.any() for value in model.parameters())


@pytest.mark.parametrize(
    "wrong", [{"width_mult": 0}, {"width_mult": 9}, {"num_anchors": 0}, {"bn_statistics": "moving"}], ids=str
)
def test_wrong_options_are_named(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Ctpn(**wrong)
