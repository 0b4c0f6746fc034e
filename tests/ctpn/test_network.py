"""The CTPN network: published names and outputs, batches, precision, batch-norm statistics."""

from pathlib import Path

import numpy as np
import pytest
from golden_weights import golden_weight

ms = pytest.importorskip("mindspore")

from src.ctpn.anchor_generator import make_anchors
from src.ctpn.checkpoint_formats import torchvision_vgg16_bn
from src.ctpn.ctpn import Ctpn, use_mixed_precision
from src.ctpn.proposal_cell import CtpnProposals
from src.ctpn.vgg16 import Vgg16, freeze_first_stages

GOLDEN = Path(__file__).resolve().parents[1] / "data" / "golden_ctpn.npz"
WIDTH = 0.125
LAYERS = ("1_1", "1_2", "2_1", "2_2", "3_1", "3_2", "3_3", "4_1", "4_2", "4_3", "5_1", "5_2", "5_3")


pytestmark = pytest.mark.usefixtures("graph_mode")


class Everything(ms.nn.Cell):
    """Maps, features and proposals of one image in one graph, so that the large network compiles once."""

    def __init__(self, network, anchors):
        super().__init__(auto_prefix=False)
        self.network = network
        self.proposals = CtpnProposals(network, anchors)

    def construct(self, image):
        features = self.network.vgg16_feature_extractor(image)
        return self.network(image), features.sum((2, 3)), self.proposals(image)


@pytest.fixture(scope="module")
def golden_network():
    network = Ctpn()
    for parameter in network.get_parameters():
        parameter.set_data(ms.Tensor(golden_weight(parameter.name, parameter.shape)))
    return network.set_train(False)


@pytest.fixture(scope="module")
def tiny():
    return Ctpn(width_mult=WIDTH).set_train(False)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).standard_normal((3, 3, 32, 48)).astype(np.float32)


@pytest.fixture(scope="module")
def tiny_maps(tiny, images):
    return [output.asnumpy() for output in tiny(ms.Tensor(images))]


def test_names_and_shapes_are_the_published_ones(golden_network):
    found = {parameter.name: parameter.shape for parameter in golden_network.get_parameters()}
    expected, inputs = {}, 3
    for layer in LAYERS:
        outputs = {"1": 64, "2": 128, "3": 256, "4": 512, "5": 512}[layer[0]]
        prefix = f"vgg16_feature_extractor.conv{layer}"
        expected[f"{prefix}.0.weight"] = (outputs, inputs, 3, 3)
        for name in ("gamma", "beta", "moving_mean", "moving_variance"):
            expected[f"{prefix}.1.{name}"] = (outputs,)
        inputs = outputs
    expected["conv.weight"] = (512, 512, 3, 3)
    for direction in ("", "_reverse"):
        expected[f"rnn2.weight_ih_l0{direction}"] = (512, 512)
        expected[f"rnn2.weight_hh_l0{direction}"] = (512, 128)
        expected[f"rnn2.bias_ih_l0{direction}"] = expected[f"rnn2.bias_hh_l0{direction}"] = (512,)
    for name, rows, columns in (("lstm_fc", 512, 256), ("rpn_cls", 28, 512), ("rpn_reg", 56, 512)):
        expected[f"rpn_with_loss.rpn_convs_list.{name}.weight"] = (rows, columns)
        expected[f"rpn_with_loss.rpn_convs_list.{name}.bias"] = (rows,)
    assert found == expected


def test_the_published_network_is_reproduced(golden_network):
    with np.load(GOLDEN) as file:
        golden = dict(file)
    image = np.random.RandomState(0).standard_normal((1, 3, 64, 96)).astype(np.float32)
    cell = Everything(golden_network, make_anchors((4, 6))).set_train(False)
    (score_map, delta_map), feature_sum, (proposals, mask) = cell(ms.Tensor(image))
    np.testing.assert_allclose(score_map.asnumpy(), golden["score_map"], atol=1e-4)
    np.testing.assert_allclose(delta_map.asnumpy(), golden["delta_map"], atol=1e-4)
    np.testing.assert_allclose(feature_sum.asnumpy(), golden["feature_sum"], rtol=1e-4, atol=1e-3)
    # 336 anchors, all decoded: survivors first, each group best first.
    np.testing.assert_array_equal(mask.asnumpy()[0], golden["keep"])
    np.testing.assert_allclose(proposals.asnumpy()[0], golden["proposals"], atol=1e-3, rtol=1e-5)


def test_an_image_gives_the_same_in_any_batch(tiny, images, tiny_maps):
    for index in range(len(images)):
        alone = tiny(ms.Tensor(images[index : index + 1]))
        for found, expected in zip(alone, tiny_maps, strict=True):
            np.testing.assert_allclose(found.asnumpy()[0], expected[index], atol=1e-6)


def test_context_runs_along_rows_only(tiny, images, tiny_maps):
    """The LSTM carries a change to all columns of a row, and rows share nothing beyond the convolutions."""
    layer_input = np.random.default_rng(1).standard_normal((6, 5, 64)).astype(np.float32)  # W x B*H x C
    before = tiny.rnn2(ms.Tensor(layer_input)).asnumpy()
    layer_input[3, 2] += 1
    after = tiny.rnn2(ms.Tensor(layer_input)).asnumpy()
    changed = np.abs(after - before).max(axis=2) > 0
    assert changed[:, 2].all() and changed.sum() == 6


def test_maps_have_the_documented_shapes(tiny_maps):
    score_map, delta_map = tiny_maps
    assert score_map.shape == (3, 28, 2, 3) and delta_map.shape == (3, 56, 2, 3)


def test_width_scales_every_layer():
    shapes = {p.name: p.shape for p in Ctpn(width_mult=0.25, num_anchors=10).get_parameters()}
    assert shapes["vgg16_feature_extractor.conv1_1.0.weight"] == (16, 3, 3, 3)
    assert shapes["conv.weight"] == (128, 128, 3, 3)
    assert shapes["rnn2.weight_hh_l0"] == (128, 32)
    assert shapes["rpn_with_loss.rpn_convs_list.lstm_fc.weight"] == (128, 64)
    assert shapes["rpn_with_loss.rpn_convs_list.rpn_reg.weight"] == (40, 128)


def test_initial_weights_are_a_function_of_the_seed():
    first, same, other = (
        {p.name: p.asnumpy() for p in Ctpn(width_mult=WIDTH, seed=seed).get_parameters()} for seed in (3, 3, 4)
    )
    assert all(np.array_equal(first[name], same[name]) for name in first)
    assert not np.array_equal(first["conv.weight"], other["conv.weight"])
    recurrent = first["rnn2.weight_hh_l0"][:16]
    np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(16), atol=1e-5)
    assert first["rnn2.bias_ih_l0"].reshape(4, 16).mean(axis=1).tolist() == [0, 1, 0, 0]


@pytest.mark.parametrize(
    "wrong", [{"width_mult": 0}, {"width_mult": 9}, {"num_anchors": 0}, {"bn_statistics": "moving"}], ids=str
)
def test_wrong_options_are_named(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Ctpn(**wrong)


def test_only_the_weights_of_the_first_stages_freeze(images):
    network = Ctpn(width_mult=WIDTH)
    frozen = freeze_first_stages(network)
    names = [f"vgg16_feature_extractor.conv{layer}.0.weight" for layer in ("1_1", "1_2", "2_1", "2_2")]
    assert frozen == names
    trained = {p.name for p in network.trainable_params()}
    assert not trained & set(names)
    assert {"vgg16_feature_extractor.conv1_1.1.gamma", "vgg16_feature_extractor.conv3_1.0.weight"} <= trained


@pytest.mark.parametrize("statistics", ["learned", "frozen"])
def test_batch_statistics_move_only_when_learned(statistics, images):
    backbone = Vgg16(WIDTH, statistics).set_train()
    backbone(ms.Tensor(images))
    mean = backbone.conv1_1[1].moving_mean.asnumpy()
    variance = backbone.conv1_1[1].moving_variance.asnumpy()
    if statistics == "frozen":
        assert not mean.any() and (variance == 1).all()
    else:
        convolved = backbone.conv1_1[0](ms.Tensor(images)).asnumpy()
        np.testing.assert_allclose(mean, 0.1 * convolved.mean(axis=(0, 2, 3)), atol=1e-5)
        assert not np.allclose(variance, 1)


def test_half_precision_is_close_and_keeps_float32_outside(tiny, images, tiny_maps):
    network = use_mixed_precision(Ctpn(width_mult=WIDTH)).set_train(False)
    maps = network(ms.Tensor(images))
    for found, expected in zip(maps, tiny_maps, strict=True):
        assert found.dtype == ms.float32
        difference = np.abs(found.asnumpy() - expected).max()
        assert 0 < difference < 2e-2 * np.abs(expected).max()
    assert {p.dtype for p in network.get_parameters()} == {ms.float32}


def test_dropout_draws_anew_in_training(images):
    network = Ctpn(width_mult=WIDTH, bn_statistics="frozen", dropout=0.5).set_train()
    image = ms.Tensor(images[:1])
    assert not np.array_equal(network(image)[0].asnumpy(), network(image)[0].asnumpy())


def test_torchvision_backbone_gives_torchs_features(images):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    layers, inputs = [], 3
    for stage in ((8, 8), (16, 16), (32, 32, 32), (64, 64, 64), (64, 64, 64)):
        for outputs in stage:
            norm = torch.nn.BatchNorm2d(outputs)
            for value in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
                torch.nn.init.uniform_(value, 0.5, 1.5)
            layers += [torch.nn.Conv2d(inputs, outputs, 3, padding=1), norm, torch.nn.ReLU()]
            inputs = outputs
        layers.append(torch.nn.MaxPool2d(2))
    model = torch.nn.ModuleDict({"features": torch.nn.Sequential(*layers)}).eval()
    params = {name: value.numpy() for name, value in model.state_dict().items()}

    backbone = Vgg16(WIDTH).set_train(False)
    converted = torchvision_vgg16_bn(params)
    for parameter in backbone.get_parameters():
        parameter.set_data(ms.Tensor(converted[f"vgg16_feature_extractor.{parameter.name}"]))
    with torch.no_grad():
        expected = model["features"][:43](torch.from_numpy(images)).numpy()
    assert expected.shape == (3, 64, 2, 3) and expected.std() > 0
    found = backbone(ms.Tensor(images)).asnumpy()
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * expected.max())
