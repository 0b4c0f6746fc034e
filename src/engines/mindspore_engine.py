"""MindSpore as an engine, on the device that it was set to (Ascend, GPU or CPU)."""

from collections.abc import Callable

import mindspore as ms
import numpy as np
from mindspore import nn

from src.common.errors import UserError
from src.crnn.crnn import Crnn
from src.crnn.topology import HEAD
from src.ctpn.ctpn import Ctpn
from src.ctpn.topology import HEADS, NUM_CLASSES
from src.weights.network_weights import NetworkWeights
from src.weights.network_width import network_width
from src.weights.weights_file import load_weights


def _ctpn(weights: NetworkWeights) -> nn.Cell:
    params = weights.params
    width_mult = weights.card.backbone_width or network_width("ctpn", params)
    return Ctpn(width_mult, len(params[f"{HEADS}rpn_cls.bias"]) // NUM_CLASSES)


def _crnn(weights: NetworkWeights) -> nn.Cell:
    params = weights.params
    width_mult = weights.card.network_width or network_width("crnn", params)
    return Crnn(len(params[f"{HEAD}.bias"]), width_mult)


_NETWORKS: dict[str, Callable[[NetworkWeights], nn.Cell]] = {"ctpn": _ctpn, "crnn": _crnn}


class MindSporeEngine:
    """The network itself. A graph is compiled for every shape of input, so callers keep to a few.

    Raises:
        UserError: the weights do not fit the network.
    """

    name = "mindspore"

    def __init__(self, weights: NetworkWeights):
        try:
            network = _NETWORKS[weights.network](weights)
            load_weights(network, weights.params)
        except KeyError as error:
            raise UserError(f"{weights.path}: parameter {error} is missing") from None
        except UserError as error:
            raise UserError(f"{weights.path}: {error}") from None
        self._network = network.set_train(False)
        self.device = ms.get_context("device_target")

    def run(self, image: np.ndarray) -> list[np.ndarray]:
        outputs = self._network(ms.Tensor(image))
        return [output.asnumpy() for output in (outputs if isinstance(outputs, tuple) else (outputs,))]
