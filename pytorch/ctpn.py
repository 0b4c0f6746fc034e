"""CTPN in PyTorch: the function, the parameters and the gradients of src/ctpn/{vgg16,rpn,ctpn}.py.

Shapes: B batch, H and W feature rows and columns (image size / 16), A anchors per position, C channels.
The state is named as in MindSpore, with PyTorch's names of the batch-norm parameters.
"""

import torch
from torch import nn
from torch.nn import functional

from pytorch.winograd import Convolution
from src.ctpn.topology import BACKBONE, BN_STATISTICS, LSTM_HIDDEN, NUM_CLASSES, NUM_COORDINATES, RPN_CHANNELS, STAGES
from src.layers.parameter_shapes import scale_channels

_POOLED = tuple(f"conv{stage}_{len(sizes)}" for stage, sizes in enumerate(STAGES[:-1], start=1))


class FrozenStatisticsNorm(nn.BatchNorm2d):
    """Batch norm that uses its stored statistics in training too; scale and shift learn."""

    def __init__(self, channels: int):
        super().__init__(channels)
        self.training = False

    def train(self, mode: bool = True) -> "FrozenStatisticsNorm":
        return super().train(False)


class Vgg16(nn.Module):
    """The 13 convolutions of VGG16, four max-pools between the stages and none after the last."""

    def __init__(self, width_mult: float, bn_statistics: str):
        super().__init__()
        if bn_statistics not in BN_STATISTICS:
            raise ValueError(f"bn_statistics {bn_statistics!r}: choose one of {', '.join(BN_STATISTICS)}")
        norm = nn.BatchNorm2d if bn_statistics == "learned" else FrozenStatisticsNorm
        channels = 3
        for stage, sizes in enumerate(STAGES, start=1):
            for index, size in enumerate(sizes, start=1):
                outputs = scale_channels(size, width_mult)
                convolution = Convolution(channels, outputs, bias=False)
                block = nn.Sequential(convolution, norm(outputs), nn.ReLU(inplace=True))
                self.add_module(f"conv{stage}_{index}", block)
                channels = outputs
        self.out_channels = channels

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) normalized RGB -> conv5_3 after ReLU, (B, C, H // 16, W // 16)."""
        return self.after("", image)

    def until(self, layer: str, image: torch.Tensor) -> torch.Tensor:
        """What goes into the convolution after `layer` ("conv4_3", ...); the image itself for ""."""
        return self._run(self.split(layer)[0], image)

    def after(self, layer: str, x: torch.Tensor) -> torch.Tensor:
        """From the output of `until` to that of conv5_3."""
        return self._run(self.split(layer)[1], x)

    def split(self, layer: str) -> tuple[list[str], list[str]]:
        """Names of the convolutions up to `layer`, and of the others."""
        names = [name for name, _ in self.named_children()]
        if layer and layer not in names:
            raise ValueError(f"layer {layer!r}: choose one of {', '.join(names)}")
        first = names.index(layer) + 1 if layer else 0
        return names[:first], names[first:]

    def _run(self, names: list[str], x: torch.Tensor) -> torch.Tensor:
        for name in names:
            x = getattr(self, name)(x)
            if name in _POOLED:
                x = functional.max_pool2d(x, 2)
        return x


class RpnRegClsBlock(nn.Module):
    """A shared linear layer (without activation, as published), then a linear layer for each output."""

    def __init__(self, in_channels: int, hidden_channels: int, num_anchors: int):
        super().__init__()
        self.lstm_fc = nn.Linear(in_channels, hidden_channels)
        self.rpn_cls = nn.Linear(hidden_channels, NUM_CLASSES * num_anchors)
        self.rpn_reg = nn.Linear(hidden_channels, NUM_COORDINATES * num_anchors)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(..., C) -> scores (..., 2A), deltas (..., 4A)."""
        x = self.lstm_fc(x)
        return self.rpn_cls(x), self.rpn_reg(x)


class Ctpn(nn.Module):
    """The detection network, for any batch size and any image size.

    Args:
        width_mult: factor on every number of channels (rounded to multiples of 8); 1.0 is the published topology.
        num_anchors: anchors at each position (A).
        bn_statistics: "learned" (batch statistics in training; needed from scratch) or "frozen".
        dropout: probability of dropping a recurrent feature in training; 0 is none.

    `forward` takes normalized RGB images (B, 3, 16 H, 16 W) and returns score_map (B, 2A, H, W), channel =
    anchor * 2 + class, class 1 is text, and delta_map (B, 4A, H, W), channel = anchor * 4 + coordinate (dx, dy,
    log dw, log dh). Both are float32 also under autocast: only the convolutions take part in it.
    """

    def __init__(
        self, width_mult: float = 1.0, num_anchors: int = 14, bn_statistics: str = "learned", dropout: float = 0.0
    ):
        super().__init__()
        if not 0 < width_mult <= 4:
            raise ValueError(f"width_mult {width_mult}: choose a factor above 0 and at most 4")
        if num_anchors < 1:
            raise ValueError(f"num_anchors {num_anchors}: at least 1")
        rpn_channels, hidden = scale_channels(RPN_CHANNELS, width_mult), scale_channels(LSTM_HIDDEN, width_mult)
        self.num_anchors = num_anchors
        self.vgg16_feature_extractor = Vgg16(width_mult, bn_statistics)
        channels = self.vgg16_feature_extractor.out_channels
        self.conv = Convolution(channels, rpn_channels, bias=False)
        self.rnn2 = nn.LSTM(rpn_channels, hidden, bidirectional=True)
        self.dropout = nn.Dropout(dropout)
        heads = RpnRegClsBlock(2 * hidden, rpn_channels, num_anchors)
        self.rpn_with_loss = nn.ModuleDict({"rpn_convs_list": heads})  # the published nesting of names

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.from_features("", images)

    def from_features(self, layer: str, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """As a call, from the output of `vgg16_feature_extractor.until(layer, images)`."""
        features = self.conv(self.vgg16_feature_extractor.after(layer, features))  # B x C x H x W
        batch, channels, rows, columns = features.shape
        with torch.autocast(features.device.type, enabled=False):
            # Every row of every image is a sequence of its own: images of a batch never mix.
            sequences = features.float().permute(3, 0, 2, 1)  # W x B x H x C
            sequences = sequences.reshape(columns, batch * rows, channels).contiguous()
            sequences = self.dropout(self.rnn2(sequences)[0])  # W x B*H x 2 hidden
            maps = self.rpn_with_loss["rpn_convs_list"](sequences)
            score_map, delta_map = (
                x.reshape(columns, batch, rows, -1).permute(1, 3, 2, 0).contiguous() for x in maps
            )
        return score_map, delta_map


def freeze_first_stages(network: Ctpn) -> list[str]:
    """Stop training the convolution weights of conv1_x and conv2_x; their batch norms go on learning.

    Returns:
        The names of the parameters that were frozen.
    """
    prefixes = (f"{BACKBONE}conv1_", f"{BACKBONE}conv2_")
    frozen = []
    for name, parameter in network.named_parameters():
        if name.startswith(prefixes) and name.endswith(".0.weight"):
            parameter.requires_grad_(False)
            frozen.append(name)
    return frozen


def backbone_blocks(network: Ctpn, until: str) -> list[nn.Sequential]:
    """The blocks conv1_1 .. `until` of the backbone; none for ""."""
    backbone = network.vgg16_feature_extractor
    return [getattr(backbone, name) for name in backbone.split(until)[0]]


def freeze_until(network: Ctpn, layer: str) -> None:
    """Stop training conv1_1 .. `layer` altogether, their batch norms and statistics too."""
    freeze_statistics(network, layer)
    for block in backbone_blocks(network, layer):
        block.requires_grad_(False)


def freeze_statistics(network: Ctpn, until: str) -> None:
    """Use the stored statistics of the batch norms of conv1_1 .. `until` in training too."""
    for block in backbone_blocks(network, until):
        frozen = FrozenStatisticsNorm(block[1].num_features)
        frozen.load_state_dict(block[1].state_dict())
        block[1] = frozen
