"""The weights of one network for reading: the file, its hash, its card, and the arrays when they are needed."""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from src.common.bounded_file import LARGE, read_bounded
from src.common.errors import UserError
from src.common.options import OptionError
from src.weights.card import NETWORKS, CardError, WeightsCard, card_path, file_sha256, load_card, read_card
from src.weights.formats import FORMATS, WeightsError, decode_weights, read_weights
from src.weights.network_kinds import KINDS


class MissingWeights(OptionError):
    """There is no file with the weights; the message has the remedy."""


@dataclass(frozen=True)
class NetworkWeights:
    """A weights file that was found and, where its card has a hash, is the file that the card means.

    `notes` are messages of loading `params`, for the user.
    """

    path: Path
    network: str
    sha256: str
    card: WeightsCard
    notes: list[str] = field(default_factory=list, compare=False)

    @cached_property
    def params(self) -> dict[str, np.ndarray]:
        """Arrays by the parameter names of this project's network; read on first use.

        Raises:
            UserError: the file is damaged, changed since it was opened, or not of this network.
        """
        try:
            data = read_bounded(self.path, LARGE)
        except OSError as error:
            raise WeightsError(f"{self.path}: {error.strerror}") from None
        # What is made from the arrays is kept under this hash, so it must be theirs.
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise WeightsError(f"{self.path}: the file changed while it was read; start again")
        params = decode_weights(data, self.path)
        try:
            params, notes = KINDS[self.network].convert(params, self.card.lstm_branch)
        except UserError as error:
            raise WeightsError(f"{self.path}: {error}") from None
        self.notes.extend(notes)
        return params


def find_weights(path: Path | str, network: str, option: str) -> NetworkWeights:
    """Look at a weights file and its card.

    Args:
        network: "ctpn" or "crnn".
        option: the option that names another file, for the message.

    Raises:
        MissingWeights: there is no such file.
        CardError: the card cannot be used, or its hash is another file's.
        WeightsError: the file is of an unknown format.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingWeights(
            f"weights of {KINDS[network].title} are missing: there is no file '{path}'; "
            f"name a checkpoint with --{option} FILE, or train one: {KINDS[network].how_to_train}"
        )
    if path.suffix not in FORMATS:
        raise WeightsError(f"{path}: {path.suffix or 'no suffix'} is not one of {', '.join(FORMATS)}")
    card = read_card(path, network)
    try:
        sha256 = file_sha256(path)
    except OSError as error:
        raise WeightsError(f"{path}: {error.strerror}") from None
    if card.sha256 and card.sha256 != sha256:
        raise CardError(
            f"{path}: is not the file that its card describes (sha256 {sha256[:12]}..., the card has "
            f"{card.sha256[:12]}...); fetch it again, or remove the card if you changed the weights yourself"
        )
    return NetworkWeights(path, network, sha256, card)


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
