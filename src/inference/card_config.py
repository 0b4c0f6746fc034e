"""The card of weights laid under a configuration, so that eval.py and export.py use a file as it was trained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from src.inference.weights_card import card_path, read_card

# Key of a card -> key of the configuration, where both hold the same value.
_SAME = {
    "keep_ratio": "keep_ratio",
    "side_refinement": "side_refinement",
    "lstm_branch": "lstm_branch",
    "backbone_width": "backbone_width",
    "network_width": "network_width",
    "anchor_heights": "anchor_height",
    "widths": "image_width",
}


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
    read_card(weights, config.network)  # refuses what it should not hold
    card = json.loads(path.read_text(encoding="utf-8"))
    said = {ours: card[key] for key, ours in _SAME.items() if key in card}
    if "image_size" in card:
        said["img_height"], said["img_width"] = card["image_size"]
    if "alphabet" in card:
        beside = path.parent / card["alphabet"]
        said["alphabet"] = str(beside) if beside.is_file() else card["alphabet"]
    said |= card.get("connector", {})
    taken = {key: value for key, value in said.items() if key not in config.given and getattr(config, key) != value}
    return config.replace(**taken), taken


def describe_card(weights: Path, taken: dict[str, object]) -> str:
    """A line for the log."""
    return f"{card_path(weights)} says " + ", ".join(f"{key} {value}" for key, value in taken.items())
