import mindspore as ms
import numpy as np
import pytest

from src.common.errors import UserError
from src.crnn.build import initialize
from src.crnn.crnn import Crnn
from src.crnn.topology import time_steps


def arrays(network):
    return {p.name: p.asnumpy() for p in network.get_parameters()}


@pytest.mark.parametrize(("width", "steps"), [(100, 26), (160, 41), (280, 71), (32, 9), (4, 2)])
def test_time_steps_of_a_width(width, steps):
    # 100, 160, 280: facts of the published networks (26, and 41 / 71 of the Chinese ones)
    assert time_steps(width) == steps


@pytest.mark.parametrize("width", [0, -4, 30, 101])
def test_other_widths_are_refused(width):
    with pytest.raises(UserError, match=str(width)):
        time_steps(width)


@pytest.mark.parametrize("arguments", [{"num_classes": 1}, {"width_mult": 0.0}])
def test_impossible_networks_are_refused(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        Crnn(**arguments)


def test_a_small_network_reads_thousands_of_classes_in_wide_images():
    network = Crnn(num_classes=5000, width_mult=0.125)
    initialize(network, 0)
    log_probs = network.set_train(False)(ms.Tensor(np.ones((2, 1, 32, 280), np.float32))).asnumpy()
    assert log_probs.shape == (71, 2, 5000)
    np.testing.assert_allclose(np.exp(log_probs).sum(-1), 1, atol=1e-4)


def test_half_precision_convolutions_agree_with_single():
    single = Crnn(num_classes=37, width_mult=0.125)
    initialize(single, 3)
    half = Crnn(num_classes=37, width_mult=0.125, compute_type=ms.float16)
    initialize(half, 3)
    image = ms.Tensor(np.random.default_rng(0).standard_normal((2, 1, 32, 32)).astype(np.float32))
    expected = single.set_train()(image)
    log_probs = half.set_train()(image)
    assert log_probs.dtype == ms.float32
    difference = np.abs(log_probs.asnumpy() - expected.asnumpy()).max()
    assert 0 < difference < 0.02


class TestInitialize:
    def test_values_are_those_of_the_recipe(self):
        network = Crnn()
        initialize(network, 1)
        weights = arrays(network)
        assert weights["cnn.conv5.weight"].std() == pytest.approx(0.02, rel=0.01)
        assert weights["cnn.batchnorm4.gamma"].mean() == pytest.approx(1, abs=0.005)
        assert weights["cnn.batchnorm4.gamma"].std() == pytest.approx(0.02, rel=0.15)
        assert (weights["cnn.batchnorm6.moving_variance"] == 1).all()
        lstm = weights["rnn.0.rnn.weight_ih_l0"]
        assert np.abs(lstm).max() == pytest.approx(1 / 16, rel=0.001) and abs(lstm.mean()) < 1e-3
        head = weights["rnn.1.embedding.weight"]
        assert np.abs(head).max() == pytest.approx(512**-0.5, rel=0.01)
        assert not weights["rnn.1.embedding.bias"].any()

    def test_he_keeps_the_scale_and_opens_forget_gates(self):
        network, published = Crnn(), Crnn()
        initialize(network, 1, "he")
        initialize(published, 1)
        weights, others = arrays(network), arrays(published)
        for name, inputs in (("cnn.conv0.weight", 9), ("cnn.conv5.weight", 4608)):
            assert weights[name].std() == pytest.approx((2 / inputs) ** 0.5, rel=0.05)
        opened = weights["rnn.1.rnn.bias_ih_l0_reverse"] - others["rnn.1.rnn.bias_ih_l0_reverse"]
        np.testing.assert_allclose(opened, np.repeat([0, 1, 0, 0], 256), atol=1e-6)  # gate order i, f, g, o
        same = {"rnn.0.rnn.bias_hh_l0", "rnn.0.rnn.weight_ih_l0", "rnn.1.embedding.weight"}
        assert all(np.array_equal(weights[name], others[name]) for name in same)
        with pytest.raises(ValueError, match="published, he"):
            initialize(network, 1, "xavier")

    def test_the_seed_decides_and_nothing_else(self):
        first, again, other = Crnn(width_mult=0.125), Crnn(width_mult=0.125), Crnn(width_mult=0.125)
        np.random.seed(4)
        initialize(first, 1)
        np.random.rand(3)
        initialize(again, 1)
        initialize(other, 2)
        for name, value in arrays(first).items():
            np.testing.assert_array_equal(arrays(again)[name], value)
        assert (arrays(other)["cnn.conv0.weight"] != arrays(first)["cnn.conv0.weight"]).any()
        lstm = arrays(first)["rnn.0.rnn.weight_ih_l0"]
        assert (lstm != arrays(first)["rnn.0.rnn.weight_ih_l0_reverse"]).any()
