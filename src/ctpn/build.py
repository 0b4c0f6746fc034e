"""The detection network as a configuration describes it."""

from __future__ import annotations

from typing import Any

from mindspore import nn

from src.ctpn.ctpn import Ctpn, use_mixed_precision
from src.ctpn.loss import CtpnLoss
from src.ctpn.vgg16 import freeze_first_stages

DROPOUT = 0.3  # of the published training


def build_ctpn(config: Any) -> Ctpn:
    """The network for evaluation and export, in float32; batch statistics play no part there."""
    return Ctpn(width=config.backbone_width, num_anchors=len(config.anchor_height))


def build_training_ctpn(config: Any, has_backbone: bool) -> tuple[Ctpn, nn.Cell]:
    """Network and loss for training.

    Args:
        has_backbone: trained weights will be loaded; `auto` then keeps batch-norm statistics and the first two
            stages as they are, as the published training did. From scratch both must learn.
    """

    def learns(option: str) -> bool:
        return option == "learned" or (option == "auto" and not has_backbone)

    network = Ctpn(
        width=config.backbone_width,
        num_anchors=len(config.anchor_height),
        bn_statistics="learned" if learns(config.bn_statistics) else "frozen",
        dropout=DROPOUT if config.use_dropout else 0.0,
        seed=config.seed,
    )
    if not learns(config.first_stages):
        freeze_first_stages(network)
    if config.mixed_precision:
        use_mixed_precision(network)
    return network, CtpnLoss(network, config.rpn_loss_cls_weight, config.rpn_loss_reg_weight)
