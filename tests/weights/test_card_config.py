"""eval.py and export.py take the sizes of weights from their card, where nothing else was said."""

import numpy as np
import pytest

from src.common.errors import UserError
from src.model_utils.config import load_config
from src.model_utils.network_config import CtpnConfig
from src.weights.card import write_card
from src.weights.card_config import describe_card, with_card, with_sizes
from src.weights.mindspore_ckpt import encode
from src.weights.network_weights import network_of

CARD = {
    "network": "ctpn",
    "image_size": [64, 96],
    "backbone_width": 0.25,
    "side_refinement": True,
    "anchor_heights": [8, 16],
    "connector": {"line_min_score": 0.6},
}


@pytest.fixture
def weights(tmp_path):
    file = tmp_path / "ctpn.ckpt"
    file.write_bytes(b"weights")
    write_card(file, CARD)
    return file


def test_the_card_counts_where_nothing_was_given(weights):
    config, taken = with_card(load_config(["--img_width=320"]), "ctpn", weights)
    assert (config.img_height, config.img_width) == (64, 320)
    assert config.backbone_width == 0.25 and config.side_refinement and config.anchor_height == (8, 16)
    assert config.line_min_score == 0.6
    assert "img_width" not in taken and taken["img_height"] == 64
    assert "img_height 64" in describe_card(weights, taken)


def test_a_training_that_starts_from_weights_takes_the_size_of_their_network_only(weights):
    config, line = with_sizes(load_config([]), "ctpn", weights)
    assert config.backbone_width == 0.25 and config.anchor_height == (8, 16)
    assert config.img_height == 576 and not config.side_refinement
    assert line.endswith("ctpn.card.json sets anchor_height [8, 16], backbone_width 0.25")
    config, line = with_sizes(load_config(["--backbone_width=1", "--anchor_height=[4]"]), "ctpn", weights)
    assert config.backbone_width == 1 and config.anchor_height == (4,) and line == ""


def test_naming_the_schema_itself_gives_nothing(weights):
    config, _ = with_card(load_config([f"--config_path={CtpnConfig.file}"]), "ctpn", weights)
    assert config.img_height == 64


def test_a_file_of_the_user_counts_more(weights, tmp_path):
    (tmp_path / "mine.yaml").write_text("backbone_width: 0.5\n")
    config, taken = with_card(load_config([f"--config_path={tmp_path / 'mine.yaml'}"]), "ctpn", weights)
    assert config.backbone_width == 0.5 and "backbone_width" not in taken


def test_an_alphabet_lies_beside_the_weights(tmp_path):
    file = tmp_path / "crnn.ckpt"
    file.write_bytes(b"weights")
    (tmp_path / "letters.txt").write_text("ab")
    write_card(file, {"network": "crnn", "alphabet": "letters.txt", "widths": [100, 200]})
    config, _ = with_card(load_config([], network="crnn"), "crnn", file)
    assert config.alphabet == str(tmp_path / "letters.txt") and config.image_width == (100, 200)
    write_card(file, {"network": "crnn", "alphabet": "printable_ascii"})
    assert with_card(load_config([], network="crnn"), "crnn", file)[1] == {"alphabet": "printable_ascii"}


def test_without_a_card_nothing_changes(weights, tmp_path):
    config = load_config([])
    assert with_card(config, "ctpn", tmp_path) == (config, {})
    weights.with_suffix(".card.json").unlink()
    assert with_card(config, "ctpn", weights) == (config, {})


def test_a_card_of_the_other_network_is_refused(weights):
    with pytest.raises(UserError, match="network"):
        with_card(load_config([], network="crnn"), "crnn", weights)


def test_without_a_card_the_training_beside_speaks(weights):
    weights.with_suffix(".card.json").unlink()
    weights.with_name("config.yaml").write_text(
        "network: ctpn\nbackbone_width: 0.25\nimg_height: 64\nimg_width: 96\nline_min_score: 0.5\n"
    )
    config, taken = with_card(load_config(["--img_width=320"]), "ctpn", weights)
    assert (config.backbone_width, config.img_height, config.img_width, config.line_min_score) == (0.25, 64, 320, 0.5)
    assert describe_card(weights, taken).startswith(f"{weights.with_name('config.yaml')} sets ")
    weights.with_name("config.yaml").write_text("network: crnn\n")
    assert with_card(load_config([]), "ctpn", weights)[1] == {}


def test_the_network_of_a_file(weights, tmp_path):
    assert network_of(weights) == "ctpn"  # by its card
    for network, names in (
        ("crnn", ["cnn.conv0.weight"]),
        ("ctpn", ["vgg16_feature_extractor.conv1_1.0.weight"]),
        ("", ["x"]),
    ):
        file = tmp_path / f"{network or 'other'}_plain.ckpt"
        file.write_bytes(b"".join(encode({name: np.zeros(2, np.float32) for name in names})))
        assert network_of(file) == network
    (tmp_path / "broken.ckpt").write_bytes(b"broken")
    assert network_of(tmp_path / "broken.ckpt") == network_of(tmp_path / "none.ckpt") == network_of(tmp_path) == ""
