"""How wide a network is, by the arrays of its weights: no option has to say it again."""

from collections.abc import Mapping

import numpy as np

from src.crnn import topology as crnn
from src.ctpn import topology as ctpn

# the last convolution of each network, and its channels at the published size
LAST_CONVOLUTION = {
    "ctpn": (f"{ctpn.BACKBONE}{ctpn.CONVOLUTIONS[-1]}.0.weight", ctpn.STAGES[-1][-1]),
    "crnn": (f"cnn.conv{len(crnn.CHANNELS) - 1}.weight", crnn.CHANNELS[-1]),
}


def network_width(network: str, params: Mapping[str, np.ndarray]) -> float:
    """The factor on the published channels. Raises KeyError for weights without the convolution that tells it."""
    name, published = LAST_CONVOLUTION[network]
    return len(params[name]) / published
