"""Which network a weights file is of: by its card, or else by the names of its parameters."""

from __future__ import annotations

from pathlib import Path

from src.common.errors import UserError
from src.weights.card import NETWORKS, card_path, load_card
from src.weights.formats import read_weights


def network_of(weights: Path) -> str:
    """One of `NETWORKS`, "" where that is unknown (the file is missing, damaged or of neither)."""
    if not weights.is_file():
        return ""
    try:
        path = card_path(weights)
        card = load_card(path) if path.is_file() else None
        if isinstance(card, dict) and card.get("network") in NETWORKS:
            return str(card["network"])
        names = read_weights(weights)
    except UserError:
        return ""
    if "cnn.conv0.weight" in names or "module.cnn.conv0.weight" in names:
        return "crnn"
    return "ctpn" if any(name.startswith("vgg16_feature_extractor.") for name in names) else ""
