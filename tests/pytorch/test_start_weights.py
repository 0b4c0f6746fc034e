"""Weights that a detector begins with: the backbone of CRAFT gives the features that CRAFT itself computes."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from pytorch import prune_ctpn
from pytorch.crnn import Crnn
from pytorch.crnn_recipe import CrnnRecipe
from pytorch.ctpn import Ctpn
from pytorch.ctpn_recipe import CtpnRecipe
from pytorch.start_weights import load_ctpn_start, trained_ctpn, width_of_file
from src.common.errors import UserError
from src.common.options import OptionError

# torchvision's `features` up to conv5_2: outputs of the convolutions, "M" a max-pool
LAYOUT = (8, 8, "M", 16, 16, "M", 32, 32, 32, "M", 64, 64, 64, "M", 64, 64)
SLICE_ENDS = (12, 19, 29, 39)  # where CRAFT cuts it


def craft_like(seed=0):
    """The convolutions, batch norms, ReLUs and pools of CRAFT's basenet, narrow and random, one module a place."""
    generator = torch.Generator().manual_seed(seed)
    layers, inputs = [], 3
    for outputs in LAYOUT:
        if outputs == "M":
            layers.append(torch.nn.MaxPool2d(2))
            continue
        norm = torch.nn.BatchNorm2d(outputs)
        for value in (norm.weight.data, norm.running_var):
            value.uniform_(0.5, 2.0, generator=generator)
        for value in (norm.bias.data, norm.running_mean):
            value.normal_(generator=generator)
        layers += [torch.nn.Conv2d(inputs, outputs, 3, padding=1), norm, torch.nn.ReLU()]
        inputs = outputs
    return torch.nn.Sequential(*layers).eval()


def craft_file(path, layers):
    """A file with CRAFT's names."""
    state = {"module.basenet.slice5.1.weight": torch.zeros(2)}
    for name, value in layers.state_dict().items():
        number = 1 + sum(int(name.split(".")[0]) >= end for end in SLICE_ENDS)
        state[f"module.basenet.slice{number}.{name}"] = value
    torch.save(state, path)
    return path


def test_the_features_are_those_of_craft(tmp_path):
    layers = craft_like()
    model = Ctpn(1 / 8, bn_statistics="frozen").eval()
    said = load_ctpn_start(model, craft_file(tmp_path / "craft.pth", layers))
    assert "12 of 13 convolutions" in said and "conv5_3" in said
    images = torch.from_numpy(np.random.default_rng(0).standard_normal((2, 3, 64, 96)).astype(np.float32))
    found = []
    model.vgg16_feature_extractor.conv5_2.register_forward_hook(lambda module, inputs, output: found.append(output))
    with torch.no_grad():
        model(images)
        expected = layers(images)
    assert expected.std() > 0.1
    torch.testing.assert_close(found[0], expected, rtol=1e-4, atol=1e-4)


def test_a_backbone_of_another_width_is_refused(tmp_path):
    path = craft_file(tmp_path / "craft.pth", craft_like())
    with pytest.raises(UserError, match=r"pre_trained: .*craft.pth: .*conv1_1\.0\.weight is \(8, 3, 3, 3\)"):
        load_ctpn_start(Ctpn(1 / 4), path)


def test_the_backbone_of_craft_is_pruned(tmp_path, monkeypatch):
    path = craft_file(tmp_path / "craft.pth", craft_like())
    arguments = ["prune_ctpn.py", str(path), str(tmp_path / "start.pth"), "--width", "0.0625"]
    monkeypatch.setattr("sys.argv", arguments)
    assert prune_ctpn.main() == 0
    assert "12 of 13 convolutions" in load_ctpn_start(Ctpn(1 / 16), tmp_path / "start.pth")


def test_the_file_says_how_wide_its_network_is(tmp_path):
    path = tmp_path / "narrow.pth"
    torch.save(Ctpn(1 / 16).state_dict(), path)
    network = trained_ctpn(path, CtpnRecipe(), torch.device("cpu"), bf16=False)
    assert len(network.conv.weight) == 32
    assert width_of_file(path, "ctpn", CtpnRecipe(backbone_width=0.0625)) == 0.0625
    with pytest.raises(OptionError, match=r"backbone_width: 0\.5 is not the width of .*narrow\.pth"):
        trained_ctpn(path, CtpnRecipe(backbone_width=0.5), torch.device("cpu"), bf16=False)
    torch.save(Crnn(37, 1 / 16).state_dict(), path)
    assert width_of_file(path, "crnn", CrnnRecipe()) == 1 / 16
