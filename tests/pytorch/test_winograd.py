"""Winograd's convolution is the convolution: outputs and gradients, at sizes that do and do not divide into tiles."""

import pytest

torch = pytest.importorskip("torch")

from pytorch import winograd
from pytorch.crnn import Crnn
from pytorch.ctpn import Ctpn
from pytorch.winograd import use_winograd


@pytest.mark.parametrize("size", [(8, 8), (5, 7), (1, 1), (33, 50), (4, 26)])
@pytest.mark.parametrize("strip_bytes", [1, 50_000, 5_500_000])
def test_outputs_and_gradients_are_those_of_conv2d(size, strip_bytes, monkeypatch):
    monkeypatch.setattr(winograd, "_STRIP_BYTES", strip_bytes)
    monkeypatch.setattr(winograd, "_LEAST_TILES", 1)
    generator = torch.Generator().manual_seed(0)
    images = torch.randn((3, 6, *size), generator=generator).requires_grad_()
    weight = torch.randn((5, 6, 3, 3), generator=generator).requires_grad_()
    gradient = torch.randn((3, 5, *size), generator=generator)
    expected = torch.nn.functional.conv2d(images, weight, padding=1)
    wanted = torch.autograd.grad(expected, (images, weight), gradient)
    found = winograd.winograd_conv(images, weight)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    for mine, theirs in zip(torch.autograd.grad(found, (images, weight), gradient), wanted, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-3)


def test_a_detector_with_it_is_the_same_detector():
    torch.manual_seed(0)
    model = Ctpn(1 / 4).eval()
    images = torch.randn(2, 3, 48, 80)
    with torch.no_grad():
        expected = model(images)
        layers = ("3_2", "3_3", "4_1", "4_2", "4_3", "5_1", "5_2", "5_3")
        expected_names = [f"vgg16_feature_extractor.conv{layer}.0" for layer in layers] + ["conv"]
        assert use_winograd(model, 64) == expected_names
        found = model(images)
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-4)


def test_a_recognizer_with_it_is_the_same_recognizer():
    torch.manual_seed(0)
    model = Crnn(37, 1 / 4).eval()
    images = torch.randn(2, 1, 32, 48)
    with torch.no_grad():
        expected = model(images)
        assert use_winograd(model, 32) == ["cnn.conv2", "cnn.conv3", "cnn.conv4", "cnn.conv5"]
        torch.testing.assert_close(model(images), expected, rtol=1e-3, atol=1e-4)
