"""The command that measures the ranges of a detector's activations, and where it leaves them."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from PIL import Image
from reader_weights import ctpn_params, text_image, write_weights

from src.common.atomic_file import write_atomically
from src.common.errors import UserError
from src.data.images.decode import decode_image
from src.reader.networks import find_detector
from src.reader.options import ReaderOptions
from src.weights.card import card_path, read_card, write_card
from src.weights.mindspore_ckpt import encode

pytest.importorskip("openvino")
import src.calibrate as command

ROOT = Path(__file__).resolve().parents[2]


CARD = {"network": "ctpn", "image_size": [64, 96]}


def calibrate(weights, *more):
    arguments = [f"--ctpn_weights={weights}", "--threads=1", *map(str, more)]
    program = [sys.executable, "src/calibrate.py", *arguments]
    return subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)


def options(weights):
    return ReaderOptions(ctpn_weights=str(weights), threads=1)


@pytest.fixture
def weights(tmp_path):
    file = write_weights(tmp_path) / "ctpn.ckpt"
    write_card(file, CARD)
    return file


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    for number in range(4):
        Image.fromarray(text_image()).save(folder / f"{number}.png")
    (folder / "4.png").write_bytes(b"no image")
    return folder


def test_the_card_keeps_what_it_had(weights, images):
    write_card(weights, {**CARD, "figures": {"hmean": 0.5}})
    done = calibrate(weights, images)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{card_path(weights)}: ranges of 13 activations; images: 4\n"
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


def test_images_are_taken_evenly_and_replaced_where_they_cannot_be_read(weights, images, monkeypatch):
    decoded = []

    def decode(file, max_pixels):
        decoded.append(file.name)
        return decode_image(file, max_pixels=max_pixels)

    monkeypatch.setattr(command, "decode_image", decode)
    files = sorted(images.iterdir())  # the last one is no image
    _, count = command.activation_ranges(find_detector(options(weights)), options(weights), files, 3, lambda: None)
    assert count == 3 and decoded == ["0.png", "2.png", "4.png", "1.png"]


def test_options_may_come_first(weights, images):
    done = calibrate(weights, "--count", "1", images)
    assert done.returncode == 0 and done.stdout.endswith("images: 1\n"), done.stderr


@pytest.mark.parametrize(
    ("what", "said"), [("empty", "the folder has none that can be read"), ("nowhere", "'.*nowhere' is not a folder")]
)
def test_no_folder_or_one_without_images_is_said(weights, tmp_path, what, said):
    (tmp_path / "empty").mkdir()
    done = calibrate(weights, tmp_path / what)
    assert done.returncode == 1 and re.fullmatch(rf"error: images: {said}\n", done.stderr), done.stderr
    assert "activation_ranges" not in card_path(weights).read_text(encoding="utf-8")


def test_a_dead_layer_is_named(weights, images):
    params = ctpn_params()
    params["vgg16_feature_extractor.conv5_1.1.gamma"][:] = 0
    params["vgg16_feature_extractor.conv5_1.1.beta"][:] = -1
    write_atomically(weights, encode(params))
    write_card(weights, CARD)
    with pytest.raises(UserError, match=r"ctpn.ckpt: .*conv5_1.relu is from 0 to 0 in all images, which is no range"):
        command.activation_ranges(
            find_detector(options(weights)), options(weights), sorted(images.iterdir()), 1, lambda: None
        )
