"""VGG16 with batch normalization, up to conv5_3 (stride 16): the backbone of CTPN.

Shapes: B batch, H and W image height and width, C channels.
Parameter names are `conv{stage}_{index}.0.weight` and `conv{stage}_{index}.1.{gamma,beta,moving_mean,
moving_variance}`, those of the published MindSpore checkpoints.
"""

from mindspore import Tensor, nn

from src.ctpn.topology import BN_STATISTICS, STAGES
from src.layers.max_pool import MaxPool
from src.layers.parameter_shapes import scale_channels


def conv_bn_relu(in_channels: int, out_channels: int, bn_statistics: str) -> nn.SequentialCell:
    """3x3 convolution without bias, batch normalization, ReLU.

    "learned": batch statistics in training, their running mean in evaluation.
    "frozen": the stored statistics always (a pretrained backbone with small batches).
    """
    return nn.SequentialCell(
        nn.Conv2d(in_channels, out_channels, 3, pad_mode="pad", padding=1, has_bias=False),
        nn.BatchNorm2d(
            out_channels, momentum=0.9, use_batch_statistics=None if bn_statistics == "learned" else False
        ),
        nn.ReLU(),
    )


class Vgg16(nn.Cell):
    """The 13 convolutions of VGG16, four max-pools between the stages and none after the last.

    Args:
        width_mult: factor on every number of channels; 1.0 is the published topology.
        bn_statistics: "learned" or "frozen", see `conv_bn_relu`.
    """

    def __init__(self, width_mult: float = 1.0, bn_statistics: str = "learned"):
        super().__init__()
        if bn_statistics not in BN_STATISTICS:
            raise ValueError(f"bn_statistics {bn_statistics!r}: choose one of {', '.join(BN_STATISTICS)}")
        # The attribute names below become the parameter names, so the cells are set one by one.
        channels = 3
        for stage, sizes in enumerate(STAGES, start=1):
            for index, size in enumerate(sizes, start=1):
                out_channels = scale_channels(size, width_mult)
                setattr(self, f"conv{stage}_{index}", conv_bn_relu(channels, out_channels, bn_statistics))
                channels = out_channels
        self.out_channels = channels
        self.pool = MaxPool()

    def construct(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) normalized RGB -> conv5_3 after ReLU, (B, C, H // 16, W // 16)."""
        x = self.conv1_2(self.conv1_1(image))
        x = self.pool(x)  # (B, 64, H/2, W/2)
        x = self.conv2_2(self.conv2_1(x))
        x = self.pool(x)  # (B, 128, H/4, W/4)
        x = self.conv3_3(self.conv3_2(self.conv3_1(x)))
        x = self.pool(x)  # (B, 256, H/8, W/8)
        x = self.conv4_3(self.conv4_2(self.conv4_1(x)))
        x = self.pool(x)  # (B, 512, H/16, W/16)
        return self.conv5_3(self.conv5_2(self.conv5_1(x)))


class VGG16(nn.Cell):
    """A classifier on the backbone, to train it on ImageNet: its checkpoint is what `pre_trained` takes.

    The backbone's parameters have the names that they have in CTPN, `vgg16_feature_extractor.conv1_1.0.weight` and
    so on. In place of the three dense layers of the original, which CTPN has no use for, stands one behind an average
    over the image.

    Args:
        num_classes: of the data set.
        width_mult: factor on every number of channels; 1.0 is the published topology.
    """

    def __init__(self, num_classes: int = 1000, width_mult: float = 1.0):
        super().__init__()
        self.vgg16_feature_extractor = Vgg16(width_mult)
        self.classifier = nn.Dense(self.vgg16_feature_extractor.out_channels, num_classes)

    def construct(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) normalized RGB -> logits (B, num_classes)."""
        features = self.vgg16_feature_extractor(image)  # (B, C, H/16, W/16)
        return self.classifier(features.mean((2, 3)))


def freeze_first_stages(network: nn.Cell) -> list[str]:
    """Stop training the convolution weights of conv1_x and conv2_x; call it before making the optimizer.

    Their batch-norm scale and shift stay trainable, as in the published recipe: the edge filters of an
    ImageNet backbone are good as they are, their gain is not.

    Returns:
        The names of the parameters that were frozen.
    """
    frozen = []
    for parameter in network.get_parameters():
        layer = parameter.name.rpartition("vgg16_feature_extractor.")[2]
        if layer.startswith(("conv1_", "conv2_")) and layer.endswith(".0.weight"):
            parameter.requires_grad = False
            frozen.append(parameter.name)
    return frozen
