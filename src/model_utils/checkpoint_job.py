"""What evaluation and export do before their work: the options of a checkpoint, and a process that can run it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from src.common.options import OptionError
from src.model_utils.config import load_config, require_path
from src.model_utils.moxing_adapter import modelarts_job, place_outputs
from src.model_utils.network_config import CrnnConfig, CtpnConfig
from src.model_utils.prepare_run import describe, prepare_run
from src.weights.card import NETWORKS
from src.weights.card_config import describe_card, with_card
from src.weights.network_weights import network_of


@dataclass(frozen=True)
class CheckpointJob:
    """The configuration with what the checkpoint's card sets; `device_target` is the device that was chosen."""

    config: CtpnConfig | CrnnConfig
    checkpoint: Path
    device_target: str


@contextmanager
def checkpoint_job(key: str, kind: str = "path") -> Iterator[CheckpointJob]:
    """The job of the command line, inside its ModelArts job where it is one.

    The network is that of the checkpoint, unless the user named one.

    Args:
        key: of the configuration, names the checkpoint.
        kind: "file", or "path" where it may also be a folder.

    Raises:
        UserError: see `load_config` and `prepare_run`; no such checkpoint.
    """
    config = _config_of_checkpoint(key)
    with modelarts_job(config):
        config = place_outputs(config)
        checkpoint = require_path(config, key, kind)
        config, taken = with_card(config, config.network, checkpoint)
        run = prepare_run(config)
        print(describe(run, config))
        if taken:
            print(describe_card(checkpoint, taken))
        yield CheckpointJob(config, checkpoint, run.device_target)


def _config_of_checkpoint(key: str) -> CtpnConfig | CrnnConfig:
    """The configuration for the network of the checkpoint that `key` names, unless the user named a network.

    Keys of that network's own may be given: what the other one's configuration refuses is no error then.
    """
    try:
        config = load_config()
    except OptionError:
        for network in NETWORKS:
            with suppress(OptionError):
                config = load_config(network=network)
                if config.network == network and key in config.given and _network(config, key) == network:
                    return _said(config, key)
        raise
    network = _network(config, key)
    if network in ("", config.network) or "network" in config.given:
        return config
    return _said(load_config(network=network), key)


def _network(config: CtpnConfig | CrnnConfig, key: str) -> str:
    return network_of(Path(getattr(config, key)))


def _said(config: CtpnConfig | CrnnConfig, key: str) -> CtpnConfig | CrnnConfig:
    print(f"network {config.network}, which {getattr(config, key)} is of")
    return config
