"""What a training says about the checkpoints that it left, for weights that have no card.

Training keeps its resolved configuration, and the alphabet of a recognizer, in the folder of the checkpoints. So a
checkpoint can be read with the sizes it was trained with before anyone has written a card for it.
"""

from __future__ import annotations

from pathlib import Path

from src.common.errors import UserError
from src.crnn.topology import ALPHABET_FILE
from src.text_connector.options import ConnectorOptions

CONFIG_FILE = "config.yaml"
# Key of a card -> key of a configuration with the same meaning, by network. An image's size has two keys there.
CONFIG_KEYS = {
    "ctpn": {
        "keep_ratio": "keep_ratio",
        "anchor_heights": "anchor_height",
        "side_refinement": "side_refinement",
        "backbone_width": "backbone_width",
    },
    "crnn": {"alphabet": "alphabet", "widths": "image_width", "network_width": "network_width"},
}


def training_config_path(weights: Path) -> Path:
    return weights.parent / CONFIG_FILE


def card_values(path: Path, network: str) -> dict[str, object] | None:
    """Entries of a card, as far as the configuration at `path` has them; None where it is not one of `network`.

    Raises:
        UserError: the file cannot be read.
    """
    import yaml  # noqa: PLC0415 - weights with a card need none

    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: not the configuration of a training ({reason[:200]})") from None
    if not isinstance(config, dict) or config.get("network") != network:
        return None
    values = {ours: config[theirs] for ours, theirs in CONFIG_KEYS[network].items() if theirs in config}
    if network == "ctpn":
        if {"img_height", "img_width"} <= config.keys():
            values["image_size"] = [config["img_height"], config["img_width"]]
        values["connector"] = {key: config[key] for key in ConnectorOptions.model_fields if key in config}
    if network == "crnn" and (path.parent / ALPHABET_FILE).is_file():
        values["alphabet"] = ALPHABET_FILE  # the configuration names a file from where the training was started
    return values
