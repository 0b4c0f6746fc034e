"""Training the recognition network from a configuration: data, resuming, fine-tuning, the last words."""

import json
import os
import signal
from functools import partial

import mindspore as ms
import numpy as np
import pytest
from tiny_words import WIDTH, drawn, safetensors_bytes, tiny_config, write_lmdb

from src.common.errors import UserError
from src.crnn.alphabet import Alphabet
from src.crnn.build import build_crnn, build_training_crnn
from src.crnn.checkpoint_formats import HEAD_NAMES, published_crnn
from src.evaluation.crnn import evaluate_in_training
from src.training import run_training as module
from src.training.options import TrainResult
from src.training.train_crnn import learning_rates, train_crnn, training_data
from src.weights.crnn_weights import alphabet_of, load_pre_trained, load_trained
from src.weights.weights_file import network_arrays, read_weights, save_weights

pytestmark = pytest.mark.usefixtures("graph_mode")
WORDS = ["cat", "dog", "7up", "cat", "owl", "fox", "ox", "Ape", "b52", "no!", "yes", "sun"]  # "no!" is left out


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lmdbs")
    write_lmdb(folder / "MJ_LMDB", [(drawn(word.replace("!", "1"), seed), word) for seed, word in enumerate(WORDS)])
    write_lmdb(folder / "IIIT5K_lmdb", [(drawn(word), word) for word in ("cat", "owl", "fox", "b52", "sun")])
    return folder


@pytest.fixture(scope="module")
def config(root):
    """Two epochs of two steps, with every kind of chance in them, evaluated after each."""
    return tiny_config(
        lmdb_root=str(root),
        optimizer="adamw",
        base_lr=1e-3,
        lr_schedule="cosine",
        run_eval=True,
        blur_prob=0.5,
        noise_prob=0.5,
    )


@pytest.fixture(scope="module")
def straight(config, tmp_path_factory):
    """A training from beginning to end: its folder and result."""
    ms.set_context(mode=ms.GRAPH_MODE)
    folder = tmp_path_factory.mktemp("straight")
    evaluate = partial(evaluate_in_training, config)
    return folder, train_crnn(config.replace(save_checkpoint_path=str(folder)), 0, 1, evaluate)


def metrics(folder, event):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [line for line in lines if line["event"] == event]


def test_a_training_leaves_what_a_person_needs(straight, config):
    folder, result = straight
    assert (result.epoch, result.step, result.exit_code) == (2, 2, 0)
    assert np.isfinite(result.losses["loss"])
    evaluations = metrics(folder, "eval")
    assert [line["epoch"] for line in evaluations] == [1, 2]
    assert [line["samples"] for line in evaluations] == [5, 5]
    assert result.best == max(line["accuracy"] for line in evaluations)
    assert alphabet_of(folder / "ckpt_0" / "best_acc.ckpt").characters == Alphabet.load(config.alphabet).characters
    assert "ctc_loss" in (folder / "loss_0.log").read_text()
    heading, rule, row = (folder / "result.md").read_text().splitlines()
    assert [cell.strip() for cell in heading.split("|")[1:-1]] == [
        "Acc@1",
        "FPS",
        "Cpu_nums",
        "Epochs",
        "AMP_Type",
        "MindSpore",
    ]
    cells = [cell.strip() for cell in row.split("|")[1:-1]]
    assert cells == [f"{100 * result.best:.2f}", f"{result.images_per_second:.3f}", "1", "2", "O0", ms.__version__]
    assert set(rule) <= set("|:-")


def test_stopped_and_resumed_is_bit_for_bit_the_same(straight, config, tmp_path, capsys):
    """SIGTERM comes during the evaluation after the first epoch, so the run ends within the second."""

    def stop(network):
        os.kill(os.getpid(), signal.SIGTERM)
        return {"accuracy": 0.0}

    def go_on(network):
        return {"accuracy": 0.0}

    here = config.replace(save_checkpoint_path=str(tmp_path))
    stopped = train_crnn(here, 0, 1, stop)
    assert (stopped.epoch, stopped.step, stopped.exit_code) == (2, 1, 143)
    assert "the same command with --resume continues" in capsys.readouterr().out
    assert not (tmp_path / "result.md").exists()
    resumed = train_crnn(here.replace(resume=True), 0, 1, go_on)
    assert (resumed.epoch, resumed.step) == (2, 2)
    expected = read_weights(straight[0] / "ckpt_0" / "crnn-2_2.ckpt")
    found = read_weights(tmp_path / "ckpt_0" / "crnn-2_2.ckpt")
    assert expected.keys() == found.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)
    losses = [[line["loss"] for line in metrics(folder, "train")] for folder in (straight[0], tmp_path)]
    assert losses[0] == losses[1]
    assert len(losses[0]) == 4


def test_a_folder_keeps_one_alphabet(straight, config, tmp_path):
    (tmp_path / "few.txt").write_text("abc", encoding="utf-8")
    other = config.replace(
        save_checkpoint_path=str(straight[0]),
        alphabet=str(tmp_path / "few.txt"),
        label_policy="strip",
        batch_size=1,
        resume=True,
    )
    with pytest.raises(UserError, match="alphabet: differs from"):
        train_crnn(other, 0, 1)


@pytest.fixture
def trained(config, tmp_path):
    """Weights that no initialization gives, as a checkpoint of this project."""
    network = build_crnn(config.replace(seed=99), Alphabet.load(config.alphabet))
    rng = np.random.default_rng(0)
    params = {name: rng.random(array.shape, np.float32) for name, array in network_arrays(network).items()}
    save_weights(params, tmp_path / "own.ckpt")
    return params


def fake_train(seen, loss_cell, optimizer, data, options, *, network, evaluate):
    seen.update(vars(options), weights=network_arrays(network), steps=data.steps_per_epoch, evaluate=evaluate)
    return TrainResult(epoch=1)


@pytest.mark.parametrize("kind", ["classic", "crnn_for_pytorch"])
def test_published_namings_and_formats_are_recognized(config, trained, tmp_path, kind):
    alphabet = Alphabet.load(config.alphabet)
    published = published_crnn(trained, kind)
    files = [tmp_path / "published.safetensors"]
    files[0].write_bytes(safetensors_bytes({f"module.{name}": array for name, array in published.items()}))
    try:
        import torch

        files.append(tmp_path / "published.pth")
        torch.save({"state_dict": {name: torch.tensor(array) for name, array in published.items()}}, files[1])
    except ModuleNotFoundError:
        pass
    for file in files:
        network = build_crnn(config, alphabet)
        load_trained(network, file, alphabet)
        found = network_arrays(network)
        for name, array in trained.items():
            np.testing.assert_array_equal(found[name], array, err_msg=f"{file.suffix} {name}")


def test_fine_tuning_onto_another_alphabet_says_so(config, trained, tmp_path, monkeypatch, capsys):
    (tmp_path / "letters.txt").write_text("abcdefghijklmnopqrstuvwxyz好", encoding="utf-8")
    seen = {}
    monkeypatch.setattr(module, "train", partial(fake_train, seen))
    onto = config.replace(
        alphabet=str(tmp_path / "letters.txt"),
        pre_trained=str(tmp_path / "own.ckpt"),
        save_checkpoint_path=str(tmp_path / "out"),
        label_policy="strip",
    )
    train_crnn(onto, 0, 1)
    said = capsys.readouterr().out
    assert "rnn.1.embedding.weight" in said
    assert "another alphabet" in said
    fresh, _ = build_training_crnn(onto, Alphabet.load(onto.alphabet), onto.seed, mixed_precision=False)
    for name, array in network_arrays(fresh).items():
        expected = array if name in HEAD_NAMES else trained[name]
        np.testing.assert_array_equal(seen["weights"][name], expected, err_msg=name)
    assert seen["weights"][HEAD_NAMES[1]].shape == (28,)

    train_crnn(onto.replace(alphabet=config.alphabet, save_checkpoint_path=str(tmp_path / "two")), 0, 1)
    assert "another alphabet" not in capsys.readouterr().out
    np.testing.assert_array_equal(seen["weights"][HEAD_NAMES[0]], trained[HEAD_NAMES[0]])


def test_an_alphabet_of_the_same_size_but_other_order_is_noticed(config, trained, tmp_path):
    alphabet = Alphabet.load(config.alphabet)
    (tmp_path / "alphabet.txt").write_text("abcdefghijklmnopqrstuvwxyz0123456789", encoding="utf-8")
    network, _ = build_training_crnn(config, alphabet, config.seed, mixed_precision=False)
    assert load_pre_trained(network, tmp_path / "own.ckpt", alphabet) == list(HEAD_NAMES)
    with pytest.raises(UserError, match="--alphabet .*alphabet.txt"):
        load_trained(network, tmp_path / "own.ckpt", alphabet)
    (tmp_path / "alphabet.txt").write_text(alphabet.characters, encoding="utf-8")
    assert load_pre_trained(network, tmp_path / "own.ckpt", alphabet) == []
    load_trained(network, tmp_path / "own.ckpt", alphabet)


def test_every_training_key_reaches_the_loop(config, tmp_path, monkeypatch):
    seen = {}
    monkeypatch.setattr(module, "train", partial(fake_train, seen))
    asked = config.replace(
        save_checkpoint_path=str(tmp_path),
        mixed_precision=True,
        loss_scale=64.0,
        clip_norm=2.0,
        total_epoch=7,
        eval_start_epoch=3,
        eval_interval=2,
        save_best_ckpt=False,
        save_checkpoint_epochs=4,
        keep_checkpoint_max=9,
        save_checkpoint_minutes=1.5,
        log_interval=6,
        batch_size=3,
    )
    train_crnn(asked, 0, 1, partial(evaluate_in_training, config))
    expected = {
        "epochs": 7,
        "loss_scale": 64.0,
        "clip_norm": 2.0,
        "eval_start_epoch": 3,
        "eval_interval": 2,
        "resume": False,
        "save_best_ckpt": False,
        "save_checkpoint_epochs": 4,
        "keep_checkpoint_max": 9,
        "log_every": 6,
        "save_checkpoint_minutes": 1.5,
        "metric": "accuracy",
        "prefix": "crnn",
        "rank_id": 0,
        "rank_size": 1,
        "steps": 3,
    }
    assert {key: seen[key] for key in expected} == expected
    train_crnn(asked.replace(dynamic_loss_scale=True, save_checkpoint=False, run_eval=False), 0, 1, None)
    assert (seen["loss_scale"], seen["save_checkpoint_epochs"], seen["evaluate"]) == ("dynamic", 0, None)
    train_crnn(asked.replace(mixed_precision=False), 0, 1)
    assert seen["loss_scale"] is None


def test_data_sources_of_the_configuration(config, root):
    alphabet = Alphabet.load(config.alphabet)
    data = training_data(config, alphabet, 0, 1)
    assert data.steps_per_epoch == 11 // 4  # "no!" is dropped
    data = training_data(config.replace(label_policy="strip"), alphabet, 0, 1)
    assert data.steps_per_epoch == 3
    rendered = config.replace(synthetic_weight=1.0, train_lmdb=["nowhere"], samples_per_epoch=40, batch_size=8)
    data = training_data(rendered.replace(image_width=[WIDTH, 64]), alphabet, 0, 1)
    images, labels, lengths = next(iter(data.epoch(1)))
    assert images.shape[:3] == (8, 1, 32)
    assert images.shape[3] in (WIDTH, 64)
    assert (lengths > 0).all()
    assert ((labels > 0).sum(1) == lengths).all()
    data.close()
    lines = rendered.replace(image_width=[100, 200], rendered_max_words=2, alphabet="printable_ascii")
    data = training_data(lines, Alphabet.load(lines.alphabet), 0, 1)
    assert [source["samples_per_epoch"] for source in data.report["sources"]] == [32, 8]  # 1/100^2 to 1/200^2
    data = training_data(config.replace(synthetic_weight=0.5, samples_per_epoch=8), alphabet, 0, 1)
    assert [source["samples_per_epoch"] for source in data.report["sources"]] == [4, 4]
    both = config.replace(train_lmdb=["MJ_LMDB", "IIIT5K_lmdb"], train_weight=[1, 3], samples_per_epoch=8)
    data = training_data(both, alphabet, 0, 1)
    assert [source["samples_per_epoch"] for source in data.report["sources"]] == [2, 6]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image_width": [100, 32]}, "image_width: .*ascending"),
        ({"image_width": [30]}, "image width 30"),
        ({"image_width": [True]}, "image_width"),
        ({"image_width": []}, "image_width"),
        ({"alphabet": "/none.txt"}, "alphabet: '/none.txt'"),
        ({"train_lmdb": ["none"]}, "none"),
        ({"synthetic_weight": 1.0}, "samples_per_epoch: is 0"),
        ({"eval_lmdb": []}, "eval_lmdb: is empty"),
        ({"eval_lmdb": ["none"]}, "none"),
        ({"train_weight": [1, 2]}, "train_weight"),
        ({"batch_size": 12}, "fewer than one batch"),
        ({"lexicon": "/none.txt", "synthetic_weight": 0.5}, "lexicon"),
        ({"pre_trained": "/none.ckpt"}, "/none.ckpt"),
    ],
)
def test_mistakes_are_found_before_anything_is_trained(config, tmp_path, changes, message):
    with pytest.raises(UserError, match=message):
        changed = config.replace(save_checkpoint_path=str(tmp_path), **changes)
        train_crnn(changed, 0, 1, partial(evaluate_in_training, changed))
    assert not list(tmp_path.iterdir())


def test_learning_rates(config):
    constant = config.replace(lr_schedule="constant", base_lr=0.5, warmup_step=4, warmup_ratio=0.0)
    np.testing.assert_allclose(learning_rates(constant, 10), [0, 0.125, 0.25, 0.375, *[0.5] * 6])
    rates = learning_rates(config.replace(base_lr=1.0, warmup_step=2, warmup_ratio=0.5), 7)
    np.testing.assert_allclose(rates, [0.5, 0.75, 1.0, *(0.5 + 0.5 * np.cos(np.pi * np.arange(1, 5) / 4))], atol=1e-7)


def test_input_widths_are_given_as_they_are(config):
    assert config.replace(image_width=[32, 100, 200]).image_width == (32, 100, 200)
