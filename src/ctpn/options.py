"""The options of the detection path."""

from src.common.options import Options, option
from src.ctpn.topology import MAX_PROPOSALS, NMS_PRE, NMS_THRESHOLD


class ProposalOptions(Options):
    """From the network's maps to text proposals."""

    rpn_nms_pre: int = option(NMS_PRE, "proposals kept by score before suppression", low=1)
    rpn_nms_thr: float = option(
        NMS_THRESHOLD, "overlap from which the weaker of two proposals of a column is dropped", low=0, high=1
    )
    rpn_max_num: int = option(MAX_PROPOSALS, "proposals per image at most", low=1)
