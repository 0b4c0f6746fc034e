"""The detection network as a configuration describes it."""

from __future__ import annotations

from typing import Any

from mindspore import nn

from src.ctpn.ctpn import Ctpn, use_mixed_precision
from src.ctpn.loss import CtpnLoss
from src.ctpn.vgg16 import freeze_first_stages

DROPOUT = 0.3  # of the published training
AUTO_KEYS = ("bn_statistics", "first_stages")


def build_ctpn(config: Any) -> Ctpn:
    """The network for evaluation and export, in float32; batch statistics play no part there."""
    return Ctpn(width_mult=config.backbone_width, num_anchors=len(config.anchor_height))


def settle_auto(config: Any, has_backbone: bool) -> Any:
    """`config` with `auto` replaced by what it stands for.

    Args:
        has_backbone: trained weights will be loaded; batch-norm statistics and the first two stages then stay
            as they are, as in the published training. From scratch both must learn.
    """
    chosen = "frozen" if has_backbone else "learned"
    return config.replace(**{key: chosen for key in AUTO_KEYS if getattr(config, key) == "auto"})


def build_training_ctpn(config: Any) -> tuple[Ctpn, nn.Cell]:
    """Network and loss for training; `auto` must be settled."""
    network = Ctpn(
        width_mult=config.backbone_width,
        num_anchors=len(config.anchor_height),
        bn_statistics=config.bn_statistics,
        dropout=DROPOUT if config.use_dropout else 0.0,
        seed=config.seed,
    )
    if config.first_stages == "frozen":
        freeze_first_stages(network)
    if config.mixed_precision:
        use_mixed_precision(network)
    return network, CtpnLoss(network, config.rpn_loss_cls_weight, config.rpn_loss_reg_weight, config.hard_negatives)
