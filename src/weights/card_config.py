"""The card of weights laid under a configuration, so that eval.py and export.py use a file as it was trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from src.crnn.alphabet import NAMED
from src.weights.card import card_path, load_card, parse_card
from src.weights.training_config import CONFIG_KEYS


def with_card(config: Any, weights: Path) -> tuple[Any, dict[str, object]]:
    """`config` with what the card of `weights` says about keys that neither a file nor the command line gave.

    Returns:
        The configuration and what was taken from the card; nothing for a folder or a file without a card.

    Raises:
        CardError: the card cannot be used, or is one of the other network.
    """
    path = card_path(weights)
    if not weights.is_file() or not path.is_file():
        return config, {}
    card = load_card(path)
    parse_card(card, config.network, str(path))  # refuses what it should not hold
    # The branch says how a published file is read; for what training leaves it has no meaning.
    keys = {**CONFIG_KEYS[config.network], "lstm_branch": "lstm_branch"}
    said = {ours: card[key] for key, ours in keys.items() if key in card}
    if "image_size" in card:
        said["img_height"], said["img_width"] = card["image_size"]
    if "alphabet" in said and said["alphabet"] not in NAMED:
        said["alphabet"] = str(path.parent / said["alphabet"])
    said |= card.get("connector", {})
    taken = {key: value for key, value in said.items() if key not in config.given and getattr(config, key) != value}
    return config.replace(**taken), taken


def describe_card(weights: Path, taken: dict[str, object]) -> str:
    """A line for the log."""
    return f"{card_path(weights)} says " + ", ".join(f"{key} {value}" for key, value in taken.items())
