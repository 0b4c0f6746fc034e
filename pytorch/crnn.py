"""CRNN in PyTorch: the function, the parameters and the gradients of src/crnn/crnn.py.

Shapes: B batch, W image width (a multiple of 4), T = W / 4 + 1 time steps, C classes (class 0 is the CTC blank).

The state is named as the published "classic" networks name theirs, except that the convolutions before a batch
norm (2, 4 and 6) have no bias: it would have no effect, no gradient, and an adaptive optimizer would let it drift.
"""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from pytorch.winograd import Convolution
from src.crnn.checkpoint_formats import HEAD_NAMES
from src.crnn.topology import CHANNELS, HIDDEN_SIZE, NUM_CLASSES, POOLS
from src.layers.parameter_shapes import scale_channels


class ConvStack(nn.Module):
    """Seven convolutions: (B, 1, 32, W) -> (B, 512, 1, T). They follow autocast; batch norm computes in float32."""

    def __init__(self, channels: list[int]):
        super().__init__()
        self.conv0 = nn.Conv2d(1, channels[0], 3, padding=1)
        self.conv1 = nn.Conv2d(channels[0], channels[1], 3, padding=1)
        self.conv2 = Convolution(channels[1], channels[2], bias=False)
        self.batchnorm2 = nn.BatchNorm2d(channels[2])
        self.conv3 = Convolution(channels[2], channels[3])
        self.conv4 = Convolution(channels[3], channels[4], bias=False)
        self.batchnorm4 = nn.BatchNorm2d(channels[4])
        self.conv5 = Convolution(channels[4], channels[5])
        self.conv6 = nn.Conv2d(channels[5], channels[6], 2, bias=False)
        self.batchnorm6 = nn.BatchNorm2d(channels[6])

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        # ReLU after the pool: they commute, and the pool leaves less to do.
        x = _pool_relu(self.conv0(images), *POOLS[0])
        x = _pool_relu(self.conv1(x), *POOLS[1])  # (B, 128, 8, W/4)
        x = functional.relu(self.batchnorm2(self.conv2(x)), inplace=True)
        x = _pool_relu(self.conv3(x), *POOLS[3])  # (B, 256, 4, W/4 + 1)
        x = functional.relu(self.batchnorm4(self.conv4(x)), inplace=True)
        x = _pool_relu(self.conv5(x), *POOLS[5])  # (B, 512, 2, W/4 + 2)
        return functional.relu(self.batchnorm6(self.conv6(x)), inplace=True)  # (B, 512, 1, T)


class BidirectionalLstm(nn.Module):
    """LSTM over time in both directions and a linear layer: (T, B, in) -> (T, B, out)."""

    def __init__(self, in_size: int, hidden_size: int, out_size: int):
        super().__init__()
        self.rnn = nn.LSTM(in_size, hidden_size, bidirectional=True)
        self.embedding = nn.Linear(2 * hidden_size, out_size)

    def forward(self, sequence: torch.Tensor) -> torch.Tensor:
        return self.embedding(self.rnn(sequence)[0])


class Crnn(nn.Module):
    """The network.

    Args:
        num_classes: classes C, the blank included.
        width_mult: factor on the published channel and hidden sizes (rounded to multiples of 8).

    `forward` takes gray images (B, 1, 32, W) and returns log-probabilities (T, B, C), float32 also under autocast:
    only the convolutions take part in it, as with `compute_type` in MindSpore.
    """

    def __init__(self, num_classes: int = NUM_CLASSES, width_mult: float = 1.0):
        super().__init__()
        if num_classes < 2:
            raise ValueError(f"num_classes {num_classes}: a blank and at least one character are needed")
        if width_mult <= 0:
            raise ValueError(f"width_mult {width_mult}: a positive fraction of the published size is needed")
        channels = [scale_channels(size, width_mult) for size in CHANNELS]
        hidden_size = scale_channels(HIDDEN_SIZE, width_mult)
        self.num_classes = num_classes
        self.cnn = ConvStack(channels)
        self.rnn = nn.Sequential(
            BidirectionalLstm(channels[-1], hidden_size, hidden_size),
            BidirectionalLstm(hidden_size, hidden_size, num_classes),
        )

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """Scores (T, B, C) before the softmax."""
        features = self.cnn(images)  # (B, 512, 1, T)
        with torch.autocast(features.device.type, enabled=False):
            sequence = features.float().squeeze(2).permute(2, 0, 1).contiguous()  # (T, B, 512)
            return self.rnn(sequence)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.logits(images).log_softmax(-1)


class SharedCrnn(Crnn):
    """One network that reads several alphabets: its last layer holds the classes of all of them, one after the other.

    Args:
        classes: number of classes of each alphabet, the blanks included.
        width_mult: as of `Crnn`.

    `forward` returns log-probabilities (T, B, C) for each alphabet.
    """

    def __init__(self, classes: Sequence[int], width_mult: float = 1.0):
        super().__init__(sum(classes), width_mult)
        self.classes = tuple(classes)

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(part.log_softmax(-1) for part in self.logits(images).split(self.classes, dim=-1))

    def state_of(self, number: int) -> dict[str, torch.Tensor]:
        """State dict of the `Crnn` that reads alphabet `number` alone."""
        first = sum(self.classes[:number])
        rows = slice(first, first + self.classes[number])
        return {name: value[rows] if name in HEAD_NAMES else value for name, value in self.state_dict().items()}


def _pool_relu(x: torch.Tensor, stride: tuple[int, int], padding: tuple[int, int]) -> torch.Tensor:
    return functional.relu(functional.max_pool2d(x, (2, 2), stride, padding), inplace=True)
