"""Cards of weights, and what a training says of weights that have none."""

import json
import re

import numpy as np
import pytest
import yaml
from reader_weights import crnn_params, ctpn_params

from src.common.atomic_file import write_atomically
from src.common.errors import UserError
from src.common.options import OptionError
from src.engines.onnx_cache import onnx_bytes, onnx_file
from src.reader.networks import detect_options
from src.reader.options import ReaderOptions
from src.reader.text_recognizer import alphabet_of
from src.text_connector.options import ConnectorParams
from src.weights.array_shapes import check_shapes
from src.weights.card import CardError, WeightsCard, card_path, parse_card, read_card, write_card
from src.weights.mindspore_ckpt import encode
from src.weights.network_weights import MissingWeights, find_weights

READING = {"narrow_lines": True, "oriented": True}  # the reader's own, whatever a training evaluates with
TRAINED = {
    "network": "ctpn",
    "img_height": 64,
    "img_width": 96,
    "keep_ratio": True,
    "anchor_height": [8, 16, 32],
    "side_refinement": True,
    "backbone_width": 0.25,
    "line_min_score": 0.6,
    "max_horizontal_gap": 30,
    "batch_size": 4,
    "narrow_lines": False,
    "oriented": False,
}


def weights_file(folder, params, name="best_acc.ckpt"):
    write_atomically(folder / name, encode(params))
    return folder / name


def test_a_checkpoint_is_read_as_it_was_trained(tmp_path):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(TRAINED))
    card = read_card(tmp_path / "best_acc.ckpt", "ctpn")
    assert (card.image_size, card.keep_ratio, card.anchor_heights) == ((64, 96), True, (8, 16, 32))
    assert card.side_refinement and card.backbone_width == 0.25 and not card.sha256
    options = detect_options(ReaderOptions(), card)
    assert options.image_size == (64, 96) and options.keep_ratio and options.side_refinement
    expected = ConnectorParams(line_min_score=0.6, max_horizontal_gap=30, side_refinement=True, **READING)
    assert options.connector == expected


def test_what_is_given_wins_over_the_card():
    card = WeightsCard("ctpn", connector={"line_min_score": 0.6, "min_ratio": 0.1}, side_refinement=True)
    given = ReaderOptions(line_min_score=0.7, side_refinement=False, img_height=32, img_width=48)
    options = detect_options(given, card)
    assert options.connector == ConnectorParams(line_min_score=0.7, min_ratio=0.1, **READING)
    assert not options.side_refinement
    assert options.image_size == (32, 48)
    again = detect_options(ReaderOptions(line_min_score=0.9), card).connector  # given, though it is the default
    assert again == ConnectorParams(line_min_score=0.9, min_ratio=0.1, side_refinement=True, **READING)
    with pytest.raises(OptionError, match="minimum"):
        ReaderOptions(minimum=1)


def test_a_card_wins_over_the_training(tmp_path):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(TRAINED))
    file = weights_file(tmp_path, {"x": np.zeros(1, np.float32)})
    write_card(file, {"network": "ctpn", "image_size": [128, 160]})
    assert read_card(file, "ctpn") == WeightsCard("ctpn", read_card(file, "ctpn").sha256, (128, 160))


def test_a_recognizer_and_the_alphabet_beside_it(tmp_path):
    config = {"network": "crnn", "alphabet": "somewhere/else.txt", "image_width": [100, 200], "network_width": 0.125}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    (tmp_path / "alphabet.txt").write_text("ab c", encoding="utf-8")
    found = find_weights(weights_file(tmp_path, crnn_params(5)), "crnn", "crnn_weights")
    assert found.card.widths == (100, 200)
    assert alphabet_of(found).characters == "ab c"


def test_the_configuration_of_another_network_says_nothing(tmp_path):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(TRAINED))
    assert read_card(tmp_path / "crnn.ckpt", "crnn") == WeightsCard("crnn")
    (tmp_path / "config.yaml").write_text("- a list")
    assert read_card(tmp_path / "ctpn.ckpt", "ctpn") == WeightsCard("ctpn")


@pytest.mark.parametrize(
    "content", ["{", "a: !!python/object:os.system x", b"\xff\xfe\x00", "network: ctpn\nkeep_ratio: 3"]
)
def test_a_damaged_configuration_is_named(tmp_path, content):
    data = content if isinstance(content, bytes) else content.encode()
    (tmp_path / "config.yaml").write_bytes(data)
    with pytest.raises(CardError, match="config.yaml"):
        read_card(tmp_path / "ctpn.ckpt", "ctpn")


@pytest.mark.parametrize("ranges", [[], {"image": 3}, {"image": [1, 1]}, {"image": [0, 1, 2]}, {"image": ["0", 1]}])
def test_ranges_that_are_refused(ranges):
    with pytest.raises(CardError, match="activation_ranges"):
        parse_card({"version": 1, "network": "ctpn", "activation_ranges": ranges}, "ctpn", "card")


@pytest.mark.parametrize(
    "connector", [[], {"line_min_score": 2}, {"color": 1}, {"side_refinement": True}, {"min_ratio": "x"}, {1: 1}]
)
def test_connector_values_that_are_refused(connector):
    with pytest.raises(CardError, match="connector"):
        parse_card({"version": 1, "network": "ctpn", "connector": connector}, "ctpn", "card")


@pytest.mark.parametrize(
    "text",
    [
        '{"anchor_heights": [4, 1e400]}',
        '{"image_size": [1e400, 64]}',
        '{"backbone_width": NaN}',
        '{"image_size": [%s, 64]}' % ("9" * 5000),
        '{"anchor_heights": [4, %s]}' % ("9" * 4000),
        '{"alphabet": "\\ud800"}',
        '{"characters": "ab\\udcff"}',
        '{"figures": {"hmean": Infinity}}',
        "[" * 100_000,
    ],
)
def test_numbers_and_characters_that_cannot_be(tmp_path, text):
    file = weights_file(tmp_path, {"x": np.zeros(1, np.float32)})
    head = '{"version": 1, "network": "ctpn", '
    card_path(file).write_text(text if text.startswith("[") else head + text[1:], encoding="utf-8")
    with pytest.raises(CardError, match="card.json"):
        read_card(file, "ctpn")


def test_an_alphabet_file_is_beside_its_card(tmp_path):
    (tmp_path / "abc.txt").write_text("abc")
    file = weights_file(tmp_path, crnn_params(4))
    write_card(file, {"network": "crnn", "alphabet": "abc.txt"})
    assert alphabet_of(find_weights(file, "crnn", "crnn_weights")).characters == "abc"


def test_arrays_that_fit_together():
    check_shapes("ctpn", ctpn_params())
    check_shapes("crnn", crnn_params(5))


@pytest.mark.parametrize(
    ("network", "name"),
    [
        *(("ctpn", name) for name in ctpn_params()),
        *(("crnn", name) for name in crnn_params(5)),
    ],
)
def test_an_array_that_is_missing_or_does_not_fit(network, name):
    params = ctpn_params() if network == "ctpn" else crnn_params(5)
    # A layer with another number of outputs shows in the first array that takes them.
    with pytest.raises(UserError, match=r"parameter .* is \("):
        check_shapes(network, {**params, name: params[name][:-1]})
    del params[name]
    with pytest.raises(UserError, match=f"parameter '{re.escape(name)}' is missing"):
        check_shapes(network, params)


def test_arrays_that_make_no_network_are_named_with_their_file(tmp_path):
    pytest.importorskip("onnx")
    for params in ({**ctpn_params(), "extra": np.zeros(1, np.float32)}, {**ctpn_params(), "conv.weight": np.ones(3)}):
        found = find_weights(weights_file(tmp_path, params), "ctpn", "ctpn_weights")
        with pytest.raises(UserError, match=r"best_acc\.ckpt: "):
            onnx_bytes(found)


def test_which_lstm_was_taken_is_said_with_and_without_the_cache(tmp_path):
    pytest.importorskip("onnx")
    params = ctpn_params()
    hidden = params["rnn2.weight_hh_l0"].shape[1]
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (len(params["conv.weight"]) + hidden, 4 * hidden))
    params |= {f"rnn.{name}": noise[: len(noise) if name[0] == "w" else 1] for name in ("w1", "w1_bw", "b1", "b1_bw")}
    params = {name: value[0] if name.startswith("rnn.b") else value for name, value in params.items()}
    params |= {name: value / 100 for name, value in params.items() if name.startswith("rnn2.")}
    file = weights_file(tmp_path, params)
    for _ in range(2):
        found = find_weights(file, "ctpn", "ctpn_weights")
        onnx_file(found)
        (note,) = found.notes
        assert "rnn (of Ascend) is loaded; rnn looks trained" in note


def test_missing_weights_name_a_command_that_makes_them(tmp_path):
    with pytest.raises(
        MissingWeights, match=r"--ctpn_weights FILE, or train one: bash scripts/quickstart.sh --train"
    ):
        find_weights(tmp_path / "none.ckpt", "ctpn", "ctpn_weights")


def test_a_card_is_json_with_the_hash(tmp_path):
    file = weights_file(tmp_path, {"x": np.zeros(1, np.float32)})
    write_card(file, {"network": "ctpn", "connector": {"line_min_score": 0.8}, "figures": {"hmean": 0.5}})
    content = json.loads(card_path(file).read_text(encoding="utf-8"))
    assert content["connector"] == {"line_min_score": 0.8} and len(content["sha256"]) == 64
    assert read_card(file, "ctpn").connector == {"line_min_score": 0.8}
