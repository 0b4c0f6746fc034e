"""What a weights file of another size has instead, in the words of the options that would fit it."""

from collections.abc import Mapping

import numpy as np

from src.crnn import topology as crnn
from src.weights.network_width import LAST_CONVOLUTION, network_width

_CTPN_LAST, _CRNN_LAST = (LAST_CONVOLUTION[network][0] for network in ("ctpn", "crnn"))
_CTPN_SCORES = "rpn_with_loss.rpn_convs_list.rpn_cls.weight"
_CRNN_CLASSES = f"{crnn.HEAD}.weight"

Shape = tuple[int, ...]


def size_differences(params: Mapping[str, np.ndarray], wanted: Mapping[str, Shape]) -> list[str]:
    """For a file whose arrays `params` are not of the shapes `wanted`: what it is, and which option says so."""
    found = {
        name: int(params[name].shape[0])
        for name in (_CTPN_LAST, _CTPN_SCORES, _CRNN_LAST, _CRNN_CLASSES)
        if name in params and name in wanted and params[name].ndim > 0 and params[name].shape[0] != wanted[name][0]
    }
    differences = []
    for network, option in (("ctpn", "backbone_width"), ("crnn", "network_width")):
        if LAST_CONVOLUTION[network][0] in found:
            share = round(network_width(network, params), 3)
            differences.append(f"the file has {share:g} of the published channels (--{option} {share:g})")
    if _CTPN_SCORES in found:
        differences.append(f"the file has {found[_CTPN_SCORES] // 2} anchors (--anchor_height has their heights)")
    if _CRNN_CLASSES in found:
        differences.append(f"the file has {found[_CRNN_CLASSES] - 1} characters (--alphabet names them)")
    return differences
