"""The classifier that trains the backbone: a few steps on made-up images, and its checkpoint as `pre_trained`."""

import ast
from pathlib import Path

import numpy as np
import pytest

ms = pytest.importorskip("mindspore")
from tiny_detection import tiny_config

from src.ctpn.build import build_ctpn
from src.ctpn.vgg16 import VGG16
from src.training.train_ctpn import load_pre_trained

CLASSES = 3
ROOT = Path(__file__).resolve().parents[2]


def test_two_folders_are_all_that_another_project_needs():
    """The page copies them into the `src` of a classification project, which has no others of ours."""
    waiting, seen = ["src.ctpn.vgg16"], set()
    while waiting:
        module = waiting.pop()
        seen.add(module)
        assert module.startswith(("src.ctpn.", "src.layers.")), module
        tree = ast.parse((ROOT / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8"))
        names = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        waiting += [name for name in names if name and name.startswith("src.") and name not in seen]
    assert "src.layers.max_pool" in seen
    for package in ("ctpn", "layers"):
        assert not (ROOT / "src" / package / "__init__.py").read_text(encoding="utf-8").strip()


def test_it_learns_and_its_checkpoint_is_a_backbone(tmp_path):
    ms.set_context(mode=ms.GRAPH_MODE)
    ms.set_device("CPU")
    ms.set_seed(1)
    network = VGG16(CLASSES, tiny_config().backbone_width)
    labels = np.arange(6) % CLASSES
    images = np.random.default_rng(0).normal(0, 0.3, (6, 3, 32, 32)).astype(np.float32)
    images[np.arange(6), labels] += 2  # the class is the color
    with_loss = ms.nn.WithLossCell(network, ms.nn.CrossEntropyLoss())
    step = ms.nn.TrainOneStepCell(with_loss, ms.nn.Momentum(network.trainable_params(), 0.05, 0.9)).set_train()
    losses = [float(step(ms.Tensor(images), ms.Tensor(labels, ms.int32)).asnumpy()) for _ in range(12)]
    assert losses[-1] < 0.5 * losses[0], losses
    ms.save_checkpoint(network, str(tmp_path / "vgg16.ckpt"))

    detector = build_ctpn(tiny_config())
    said = load_pre_trained(detector, str(tmp_path / "vgg16.ckpt"), True, "auto")
    assert "13 of 13 convolutions" in said
    theirs = dict(network.parameters_and_names())
    ours = {
        name: value for name, value in detector.parameters_and_names() if name.startswith("vgg16_feature_extractor.")
    }
    assert len(ours) == 13 * 5
    for name, value in ours.items():
        np.testing.assert_array_equal(value.asnumpy(), theirs[name].asnumpy())
