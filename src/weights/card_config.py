"""Values from the card of weights in a configuration, so that eval.py and export.py use a file as it was trained."""

from pathlib import Path
from typing import TypeVar

from src.common.options import Options
from src.crnn.alphabet import NAMED
from src.weights.card import CARD_VERSION, card_path, load_card, parse_card
from src.weights.network_kinds import KINDS
from src.weights.training_config import card_values, training_config_path

OptionsT = TypeVar("OptionsT", bound=Options)
_SIZES = frozenset({"backbone_width", "anchor_height", "network_width"})  # by which a network fits its weights


def with_sizes(options: OptionsT, network: str, weights: Path) -> tuple[OptionsT, str]:
    """`options` with the sizes of the network that `weights` are of, for a training that starts from them.

    Returns:
        The options and a line for the log, "" where nothing was taken.

    Raises:
        CardError: as `with_card`.
    """
    options, taken = with_card(options, network, weights, only=_SIZES)
    return options, describe_card(weights, taken) if taken else ""


def with_card(
    options: OptionsT, network: str, weights: Path, only: frozenset[str] | None = None
) -> tuple[OptionsT, dict[str, object]]:
    """`options` with the values of the card of `weights` for keys that neither a file nor the command line gave.

    For weights without a card, the configuration that training left beside them speaks. With `only`, nothing but
    these keys is taken.

    Returns:
        The options and what was taken from the card; nothing for a folder or a file without a card.

    Raises:
        CardError: the card cannot be used, or is one of the other network.
    """
    if not weights.is_file():
        return options, {}
    path = card_path(weights)
    if path.is_file():
        return apply_card(options, network, load_card(path), path, only)
    path = training_config_path(weights)
    values = card_values(path, network) if path.is_file() else None
    if values is None:
        return options, {}
    return apply_card(options, network, {"version": CARD_VERSION, "network": network, **values}, path, only)


def apply_card(
    options: OptionsT, network: str, card: object, path: Path, only: frozenset[str] | None = None
) -> tuple[OptionsT, dict[str, object]]:
    """As `with_card`, for the content of a card that was read from `path`."""
    parse_card(card, network, str(path))  # refuses what it should not hold
    assert isinstance(card, dict)  # as `parse_card` has seen to
    # The branch is a matter of how a published file is read; for what training leaves it has no meaning.
    keys = {**KINDS[network].config_keys, "lstm_branch": "lstm_branch"}
    values = {ours: card[key] for key, ours in keys.items() if key in card}
    if "image_size" in card:
        values["img_height"], values["img_width"] = card["image_size"]
    if "alphabet" in values and values["alphabet"] not in NAMED:
        values["alphabet"] = str(path.parent / values["alphabet"])
    values |= {**card.get("connector", {}), **card.get("proposals", {})}
    if only is not None:
        values = {key: value for key, value in values.items() if key in only}
    present = options.to_dict()
    taken = {key: value for key, value in values.items() if key not in options.given and present[key] != value}
    return options.replace(**taken), taken


def describe_card(weights: Path, taken: dict[str, object]) -> str:
    """A line for the log."""
    path = card_path(weights)
    return describe_taken(str(path if path.is_file() else training_config_path(weights)), taken)


def describe_taken(name: str, taken: dict[str, object]) -> str:
    """A line for the log; `name` is what the card is called."""
    return f"{name} sets " + ", ".join(f"{key} {value}" for key, value in taken.items())
