"""The configuration: typed, merged in order, and every mistake answered in one line that names the key."""

import pytest
import yaml
from pydantic import ValidationError

from src.common.options import OptionError
from src.model_utils.config import load_config, require_path
from src.model_utils.network_config import CrnnConfig, CtpnConfig


def write(tmp_path, text, name="c.yaml"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_command_line_wins_over_file_and_file_over_schema(tmp_path):
    path = write(tmp_path, "batch_size: 4\nseed: 7\n")
    config = load_config(["--config_path", path, "--seed=9"])
    assert (config.batch_size, config.seed, config.momentum) == (4, 9, 0.9)


@pytest.mark.parametrize("flag", ["--config_path", "--_config_path"])
def test_both_spellings_of_the_file_option(tmp_path, flag):
    assert load_config([flag, write(tmp_path, "seed: 5")]).seed == 5


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("1E+2", 100.0),
        ("1/3", 1 / 3),
        ("0.5", 0.5),
        ("3", 3.0),
        (".5e-1", 0.05),
    ],
)
def test_numbers_a_person_writes(tmp_path, text, value):
    assert load_config([f"--weight_decay={text}"]).weight_decay == pytest.approx(value)
    assert load_config(["--config_path", write(tmp_path, f"weight_decay: {text}")]).weight_decay == pytest.approx(
        value
    )


def test_lists_booleans_and_values_with_equal_signs():
    config = load_config(
        [
            "--train_dataset",
            "[svt, coco]",
            "--run_eval",
            "--draw_results",
            "False",
            "--pre_trained=/a=b/c d.ckpt",
            "--file_name",
            "007",
        ]
    )
    assert config.train_dataset == ("svt", "coco")
    assert config.run_eval is True
    assert config.draw_results is False
    assert config.pre_trained == "/a=b/c d.ckpt"
    assert config.file_name == "007"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--bach_size", "2"], ("bach_size", "unknown key", "batch_size")),
        (["--batch_size", "two"], ("batch_size", "two", "whole number")),
        (["--batch_size", "1.5"], ("batch_size", "1.5", "whole number")),
        (["--run_eval", "yep"], ("run_eval", "yep", "true or false")),
        (["--train_dataset", "svt"], ("train_dataset", "svt", "list")),
        (["--task_type", "Fine"], ("task_type", "Fine", "Pretraining, Finetune")),
        (["--clip_norm", "-1"], ("clip_norm", "-1", "from 0 up")),
        (["--pos_iou_thr", "nan"], ("pos_iou_thr", "nan")),
        (["--pos_iou_thr", ".nan"], ("pos_iou_thr", "nan", "finite")),
        (["--pos_iou_thr", "1/0"], ("pos_iou_thr", "1/0", "a number")),
        (["--seed", "1", "--seed", "2"], ("seed", "twice")),
        (["seed", "1"], ("seed", "expected --key value")),
        (["--weight_decay", ".inf"], ("weight_decay", "inf", "finite")),
        (["--weight_decay", "9" * 400], ("weight_decay", "a number")),
        (["--seed", "9" * 5000], ("seed", "a whole number")),
        (["--seed", "2001-99-99"], ("seed", "2001-99-99", "whole number")),
        (["--seed", "[" * 1200], ("seed", "whole number")),
        (["--seed", "? [a]: b"], ("seed", "whole number")),
        (["--seed="], ("seed", "''", "whole number")),
        (["--seed"], ("seed", "a value is missing", "whole number")),
        (["--pre_trained", "--seed", "1"], ("pre_trained", "a value is missing")),
        (["--config_path"], ("config_path", "a value is missing")),
        (["--anchor_height", "[3, wide]"], ("anchor_height", "wide", "numbers")),
        (["--train_dataset", "[svt, 3]"], ("train_dataset", "3", "texts")),
        (["--network"], ("network", "a value is missing")),
        (["--network", "east"], ("network", "east", "ctpn, crnn")),
        (["--config_path", "/nowhere.yaml"], ("config_path", "/nowhere.yaml")),
    ],
)
def test_mistakes_on_the_command_line(arguments, words):
    with pytest.raises(OptionError) as caught:
        load_config(arguments)
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("seed: 1\nseed: 2\n", ("seed", "twice", "line 2")),
        ("seed: !!python/object/apply:os.system ['true']\n", ("not a plain YAML file",)),
        ("- a\n- b\n", ("mappings",)),
        ("a: [1\n", ("not a plain YAML file",)),
        ("seed: 1\n---\n---\n---\na: 1\n", ("one to three",)),
        ("unheard_of: 1\n", ("unheard_of", "unknown key")),
        ("network: [ctpn]\n", ("network", "ctpn, crnn")),
        ("seed: 2001-99-99\n", ("not a plain YAML file",)),
        ("seed: !!timestamp x\n", ("not a plain YAML file",)),
        ("seed: !!bool maybe\n", ("not a plain YAML file",)),
        ("seed: !!int ''\n", ("not a plain YAML file",)),
        ("[" * 1200, ("not a plain YAML file",)),
        ("1: 2\n", ("1", "unknown key")),
        ("? [a]\n: b\n", ("a", "name of a key", "line 1")),
        ("momentum: '0.9'\n", ("momentum", "0.9", "a number")),
    ],
)
def test_mistakes_in_a_file(tmp_path, text, words):
    with pytest.raises(OptionError) as caught:
        load_config(["--config_path", write(tmp_path, text)])
    for word in words:
        assert word in str(caught.value)


def test_a_configuration_is_frozen():
    config = load_config(["--seed", "3"])
    with pytest.raises(ValidationError, match="frozen"):
        config.seed = 4
    with pytest.raises(AttributeError, match="'sead'"):
        config.sead
    with pytest.raises(OptionError, match="sead"):
        config.replace(sead=1)
    assert config.replace(seed=4).seed == 4


def test_a_configuration_knows_what_was_given(tmp_path):
    path = write(tmp_path, "batch_size: 4\n")
    config = load_config(["--config_path", path, "--seed", "1"])
    assert config.given == {"batch_size", "seed"}
    assert config.replace(momentum=0.8).given == {"batch_size", "seed"}
    assert load_config([]).given == set()


def test_require_path(tmp_path):
    config = load_config([f"--pre_trained={tmp_path}"])
    assert require_path(config, "pre_trained", "folder") == tmp_path
    with pytest.raises(OptionError, match="pre_trained.*existing file"):
        require_path(config, "pre_trained", "file")
    with pytest.raises(OptionError, match="pre_trained: is empty"):
        require_path(config.replace(pre_trained=""), "pre_trained")


def test_configurations_of_earlier_versions_load(tmp_path, capsys):
    """As training wrote them beside its checkpoints: every key, the ones of then among them."""
    old = {**CrnnConfig(alphabet="printable_ascii").to_dict(), "initialisation": "he"}
    del old["initialization"]
    config = load_config(["--config_path", write(tmp_path, yaml.safe_dump(old))])
    assert (config.network, config.alphabet, config.initialization) == ("crnn", "printable_ascii", "he")
    assert load_config(["--initialisation=he"], "crnn").initialization == "he"
    old = {**CtpnConfig(anchor_height=(8, 16)).to_dict(), "num_gts": 256}
    assert load_config(["--config_path", write(tmp_path, yaml.safe_dump(old))]).anchor_height == (8, 16)
    assert capsys.readouterr().err == "left out, fixed or without effect here: num_gts\n"
