"""What a configuration says about the training loop."""

from pathlib import Path

import pytest

from src.model_utils.config import load_config


def options(network, **changes):
    config = load_config(["--network", network]).replace(**changes)
    return config.train_options(1, 1, 2, metric="hmean", prefix=network, loss_label="loss")


@pytest.mark.parametrize("network", ["ctpn", "crnn"])
def test_both_configurations_say_all_about_the_loop(network):
    plain = options(network, save_checkpoint_path="some where", log_interval=7, clip_norm=0.5, mixed_precision=False)
    assert (plain.output_dir, plain.rank_id, plain.rank_size) == (Path("some where"), 1, 2)
    assert (plain.log_every, plain.clip_norm, plain.loss_scale) == (7, 0.5, None)
    assert plain.config["network"] == network and plain.config["log_interval"] == 7
    half = {"mixed_precision": True, "loss_scale": 32.0}
    assert options(network, **half, dynamic_loss_scale=False).loss_scale == 32
    assert options(network, **half, dynamic_loss_scale=True).loss_scale == "dynamic"
    assert options(network, save_checkpoint=True, save_checkpoint_epochs=3).save_checkpoint_epochs == 3
    assert options(network, save_checkpoint=False, save_checkpoint_epochs=3).save_checkpoint_epochs == 0
