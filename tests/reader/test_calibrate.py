"""The command that measures the ranges of a detector's activations, and where it leaves them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from PIL import Image
from reader_weights import text_image, write_weights

from src.weights.card import card_path, read_card, write_card

pytest.importorskip("openvino")
ROOT = Path(__file__).resolve().parents[2]


def calibrate(weights, images, *more):
    command = [sys.executable, "src/calibrate.py", str(images), f"--ctpn_weights={weights}", "--threads=1", *more]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    for number in range(4):
        Image.fromarray(text_image()).save(folder / f"{number}.png")
    (folder / "4.png").write_bytes(b"no image")
    return folder


def test_the_card_keeps_what_it_had(tmp_path, images):
    weights = write_weights(tmp_path) / "ctpn.ckpt"
    write_card(weights, {"network": "ctpn", "image_size": [64, 96], "figures": {"hmean": 0.5}})
    done = calibrate(weights, images)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{card_path(weights)}: ranges of 13 activations over 4 images\n"
    assert "skipped" in done.stderr and "4.png" in done.stderr
    content = json.loads(card_path(weights).read_text(encoding="utf-8"))
    assert content["figures"] == {"hmean": 0.5} and read_card(weights, "ctpn").image_size == (64, 96)
    assert len(content["activation_ranges"]) == 13


def test_weights_without_a_card_get_one_with_the_values_of_their_training(tmp_path, images):
    weights = write_weights(tmp_path) / "ctpn.ckpt"
    trained = {"network": "ctpn", "img_height": 64, "img_width": 96, "keep_ratio": True}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(trained), encoding="utf-8")
    before = read_card(weights, "ctpn")
    assert calibrate(weights, images, "--count", "2").returncode == 0
    after = read_card(weights, "ctpn")
    assert after.keep_ratio and (after.image_size, after.connector) == (before.image_size, before.connector)
    assert len(after.activation_ranges) == 13 and after.sha256


def test_a_folder_without_images_is_said(tmp_path):
    weights = write_weights(tmp_path) / "ctpn.ckpt"
    write_card(weights, {"network": "ctpn", "image_size": [64, 96]})
    (tmp_path / "empty").mkdir()
    done = calibrate(weights, tmp_path / "empty")
    assert done.returncode == 1 and "images: none of them can be read" in done.stderr
    assert "activation_ranges" not in card_path(weights).read_text(encoding="utf-8")
