"""The detection network as its options describe it."""

from typing import TypeVar

from mindspore import nn

from src.ctpn.ctpn import Ctpn, use_mixed_precision
from src.ctpn.loss import CtpnLoss
from src.ctpn.options import LearningOptions, NetworkOptions
from src.ctpn.vgg16 import freeze_first_stages

DROPOUT = 0.3  # of the published training
LearningT = TypeVar("LearningT", bound=LearningOptions)
AUTO_KEYS = ("bn_statistics", "first_stages")


def build_ctpn(options: NetworkOptions) -> Ctpn:
    """The network for evaluation and export, in float32; batch statistics play no part there."""
    return Ctpn(width_mult=options.backbone_width, num_anchors=len(options.anchor_height))


def settle_auto(options: LearningT, has_backbone: bool) -> LearningT:
    """`options` with `auto` replaced by what it stands for.

    Args:
        has_backbone: trained weights will be loaded; batch-norm statistics and the first two stages then stay
            as they are, as in the published training. From scratch both must learn.
    """
    chosen = "frozen" if has_backbone else "learned"
    return options.replace(**{key: chosen for key in AUTO_KEYS if getattr(options, key) == "auto"})


def build_training_ctpn(options: LearningOptions, seed: int, mixed_precision: bool) -> tuple[Ctpn, nn.Cell]:
    """Network and loss for training; `auto` must be settled."""
    network = Ctpn(
        width_mult=options.backbone_width,
        num_anchors=len(options.anchor_height),
        bn_statistics=options.bn_statistics,
        dropout=DROPOUT if options.use_dropout else 0.0,
        seed=seed,
    )
    if options.first_stages == "frozen":
        freeze_first_stages(network)
    if mixed_precision:
        use_mixed_precision(network)
    return network, CtpnLoss(
        network, options.rpn_loss_cls_weight, options.rpn_loss_reg_weight, options.hard_negatives
    )
