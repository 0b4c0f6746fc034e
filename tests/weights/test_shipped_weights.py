"""The weights that come with the repository: each with its card, its hash and its place on the model cards."""

import json
import re
from pathlib import Path

import pytest

from src.ctpn.topology import BACKBONE, CONVOLUTIONS
from src.weights.network_weights import find_weights

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = sorted((ROOT / "weights").glob("*.ckpt"))
MODEL_CARDS = ("README.md", "README_CN.md")
MEBIBYTE = 2**20
MOST_BYTES = {"ctpn": 40 * MEBIBYTE, "crnn": 18 * MEBIBYTE}


def model_card(name):
    return (ROOT / "weights" / name).read_text(encoding="utf-8")


def card_of(path):
    return json.loads(path.with_suffix(".card.json").read_text(encoding="utf-8"))


def network_of(path):
    return "ctpn" if "ctpn" in path.name else "crnn"


def test_there_are_weights():
    assert {"ctpn.ckpt", "crnn.ckpt"} <= {path.name for path in WEIGHTS}


@pytest.mark.parametrize("path", WEIGHTS, ids=lambda path: path.name)
class TestShipped:
    def test_its_card_has_its_hash_and_metrics(self, path):
        network = network_of(path)
        found = find_weights(path, network, f"{network}_weights")  # raises where the hash is another file's
        assert found.card.sha256 == found.sha256
        assert card_of(path)["figures"]

    def test_it_is_small_enough_to_clone(self, path):
        assert path.stat().st_size <= MOST_BYTES[network_of(path)]

    def test_a_detector_has_the_range_of_every_activation(self, path):
        if network_of(path) == "ctpn":
            expected = [f"{BACKBONE}{layer}.relu" for layer in CONVOLUTIONS]
            assert list(card_of(path)["activation_ranges"]) == expected

    @pytest.mark.parametrize("name", MODEL_CARDS)
    def test_the_model_card_has_its_hash(self, path, name):
        assert re.search(rf"`{path.name}`.*`{card_of(path)['sha256']}`", model_card(name)), path.name

    @pytest.mark.parametrize("name", MODEL_CARDS)
    def test_the_model_card_has_every_figure_of_the_card(self, path, name):
        metrics = card_of(path)["figures"]
        text = model_card(name)
        missing = [value for values in metrics.values() for value in values.values() if f"{value:.4f}" not in text]
        assert not missing, missing


def test_no_validation_list_names_anything_twice():
    lists = [path.read_text(encoding="utf-8").split() for path in sorted((ROOT / "weights/splits").glob("*_val.txt"))]
    assert all(len(names) == len(set(names)) for names in lists)
