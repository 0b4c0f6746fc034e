"""The options of the detection network and of the way to and from it."""

from typing import Literal

from pydantic import model_validator
from typing_extensions import Self

from src.common.options import Numbers, Options, option
from src.ctpn.topology import ANCHOR_HEIGHTS, IMAGE_SIZE, MAX_PROPOSALS, NMS_PRE, NMS_THRESHOLD, STRIDE
from src.text_connector.options import ConnectorOptions, SideOptions

Statistics = Literal["auto", "learned", "frozen"]


class InputOptions(Options):
    """The image as the network sees it."""

    img_width: int = option(IMAGE_SIZE[1], "width the image is resized to; a multiple of 16", low=32)
    img_height: int = option(IMAGE_SIZE[0], "height the image is resized to; a multiple of 16", low=32)
    keep_ratio: bool = option(False, "keep the image's shape and fill right and bottom, instead of stretching")

    @model_validator(mode="after")
    def _whole_strides(self) -> Self:
        for key in ("img_height", "img_width"):
            if getattr(self, key) % STRIDE:
                raise ValueError(f"{key}: {getattr(self, key)} is not a multiple of {STRIDE}")
        return self

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) of the network's input."""
        return self.img_height, self.img_width


class NetworkOptions(Options):
    """The network for evaluation and export."""

    anchor_height: Numbers = option(
        ANCHOR_HEIGHTS, "heights of the anchors at each position, in pixels of the resized image"
    )
    backbone_width: float = option(
        1.0,
        "scale of all channel counts; 1.0 is the published network, smaller ones are for quick starts",
        low=0.05,
        high=4,
    )
    lstm_branch: Literal["auto", "rnn2", "rnn"] = option(
        "auto",
        "which LSTM of a published checkpoint to load; rnn2 of GPU and CPU, rnn of Ascend, auto the one that was "
        "trained",
    )

    @model_validator(mode="after")
    def _positive_heights(self) -> Self:
        if not self.anchor_height or min(self.anchor_height) <= 0:
            raise ValueError(f"anchor_height: {list(self.anchor_height)} is not a list of positive numbers")
        return self


class LearningOptions(NetworkOptions):
    """The network and its loss in training."""

    use_dropout: bool = option(False, "dropout of 0.3 behind the LSTM while training")
    bn_statistics: Statistics = option(
        "auto",
        "frozen uses the stored batch-norm statistics, learned learns them; auto freezes with a pre-trained backbone",
    )
    first_stages: Statistics = option(
        "auto",
        "frozen keeps the weights of conv1_x and conv2_x as they are, learned trains them; auto as for bn_statistics",
    )
    rpn_loss_cls_weight: float = option(1.0, "weight of the score loss")
    rpn_loss_reg_weight: float = option(3.0, "weight of the box loss")
    hard_negatives: int = option(
        0,
        "background anchors per image that count, those with the largest loss; 0 counts all that were sampled",
        low=0,
    )


class AssignOptions(Options):
    """Which anchors are text, which are background, and which are trained."""

    neg_iou_thr: float = option(
        0.5, "anchors whose overlap with every text is below this are background", low=0, high=1
    )
    pos_iou_thr: float = option(0.7, "anchors whose overlap with a text is at least this are text", low=0, high=1)
    min_pos_iou: float = option(
        0.001,
        "the anchors that overlap a text slice most are text too if they overlap it by at least this",
        low=0,
        high=1,
    )
    ignore_overlap_thr: float = option(
        0.5,
        "background anchors of which more than this share lies on ignored text are not trained",
        low=0,
        high=1,
    )
    num_expected_neg: int = option(512, "anchors sampled per image, background and text together", low=1)
    num_expected_pos: int = option(256, "text anchors sampled per image at most", low=1)


class ProposalOptions(Options):
    """From the network's maps to text proposals."""

    rpn_nms_pre: int = option(NMS_PRE, "proposals kept by score before suppression", low=1)
    rpn_nms_thr: float = option(
        NMS_THRESHOLD, "overlap from which the weaker of two proposals of a column is dropped", low=0, high=1
    )
    rpn_max_num: int = option(MAX_PROPOSALS, "proposals per image at most", low=1)


class DetectionOptions(InputOptions, NetworkOptions, ProposalOptions, ConnectorOptions, SideOptions):
    """Everything between an image and its text lines."""
