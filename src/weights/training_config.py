"""The card values of checkpoints without a card, from the training that left them.

Training keeps its resolved configuration, and the alphabet of a recognizer, in the folder of the checkpoints. So a
checkpoint can be read with the sizes it was trained with before anyone has written a card for it.
"""

from pathlib import Path

from src.weights.network_kinds import KINDS

CONFIG_FILE = "config.yaml"


def training_config_path(weights: Path) -> Path:
    return weights.parent / CONFIG_FILE


def card_values(path: Path, network: str) -> dict[str, object] | None:
    """Entries of a card, as far as the configuration at `path` has them; None where it is not one of `network`.

    Raises:
        UserError: the file cannot be read.
    """
    from src.common.plain_yaml import ForeignYamlError, read_documents  # noqa: PLC0415 - weights with a card need no YAML

    try:
        config = read_documents(path)[0]
    except ForeignYamlError:
        return None
    if config.get("network") != network:
        return None
    kind = KINDS[network]
    values = {ours: config[theirs] for ours, theirs in kind.config_keys.items() if theirs in config}
    return values | kind.more_card_values(config, path.parent)
