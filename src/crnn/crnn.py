"""CRNN (Shi, Bai and Yao, 2015): a line of text in, log-probabilities of characters per time step out.

Shapes: B batch, W image width in pixels, T = W / 4 + 1 time steps, C classes (class 0 is the CTC blank).

Parameter names, which saved checkpoints rely on:
    cnn.conv{0,1,3,5}.{weight,bias}
    cnn.conv{2,4,6}.weight                 no bias: the batch norm that follows would take it out again
    cnn.batchnorm{2,4,6}.{gamma,beta,moving_mean,moving_variance}
    rnn.{0,1}.rnn.{weight_ih,weight_hh,bias_ih,bias_hh}_l0 and the same with "_reverse"; gate order i, f, g, o
    rnn.{0,1}.embedding.{weight,bias}      rnn.1.embedding is the head, the only part that knows the alphabet
"""

from collections.abc import Sequence

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops

from src.crnn.topology import CHANNELS, HIDDEN_SIZE, NUM_CLASSES, POOLS
from src.layers.bidirectional_lstm import BidirectionalLstm
from src.layers.max_pool import MaxPool
from src.layers.parameter_shapes import scale_channels

Pair = tuple[int, int]


class PooledConv(nn.Cell):
    """3x3 convolution, 2x2 max-pool, bias, ReLU.

    The published order is convolution, bias, ReLU, pool. A maximum commutes with adding a constant to a
    channel and with ReLU, so pooling first is the same function with less elementwise work.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: Pair, padding: Pair, compute_type: ms.Type):
        super().__init__()
        self.weight = ms.Parameter(np.zeros((out_channels, in_channels, 3, 3), np.float32))
        self.bias = ms.Parameter(np.zeros(out_channels, np.float32))
        self.conv = ops.Conv2D(out_channels, 3, pad_mode="pad", pad=1)
        self.pool = MaxPool(stride, padding)
        self.bias_add = ops.BiasAdd()
        self.relu = ops.ReLU()
        self.compute_type = compute_type

    def construct(self, x: Tensor) -> Tensor:
        x = self.conv(x.astype(self.compute_type), self.weight.astype(self.compute_type))
        return self.relu(self.bias_add(self.pool(x), self.bias.astype(self.compute_type)))


class ConvStack(nn.Cell):
    """Seven convolutions: (B, 1, 32, W) -> (B, 512, 1, T)."""

    def __init__(self, channels: Sequence[int], compute_type: ms.Type):
        super().__init__()
        self.conv0 = PooledConv(1, channels[0], *POOLS[0], compute_type)
        self.conv1 = PooledConv(channels[0], channels[1], *POOLS[1], compute_type)
        self.conv2 = nn.Conv2d(channels[1], channels[2], 3, pad_mode="pad", padding=1)
        self.batchnorm2 = nn.BatchNorm2d(channels[2])
        self.conv3 = PooledConv(channels[2], channels[3], *POOLS[3], compute_type)
        self.conv4 = nn.Conv2d(channels[3], channels[4], 3, pad_mode="pad", padding=1)
        self.batchnorm4 = nn.BatchNorm2d(channels[4])
        self.conv5 = PooledConv(channels[4], channels[5], *POOLS[5], compute_type)
        self.conv6 = nn.Conv2d(channels[5], channels[6], 2, pad_mode="valid")
        self.batchnorm6 = nn.BatchNorm2d(channels[6])
        self.relu = ops.ReLU()
        for conv in (self.conv2, self.conv4, self.conv6):
            conv.to_float(compute_type)

    def construct(self, image: Tensor) -> Tensor:
        x = self.conv1(self.conv0(image))  # (B, 128, 8, W/4)
        x = self.relu(self.batchnorm2(self.conv2(x).astype(ms.float32)))
        x = self.conv3(x)  # (B, 256, 4, W/4 + 1)
        x = self.relu(self.batchnorm4(self.conv4(x).astype(ms.float32)))
        x = self.conv5(x)  # (B, 512, 2, W/4 + 2)
        return self.relu(self.batchnorm6(self.conv6(x).astype(ms.float32)))  # (B, 512, 1, T)


class RecurrentLayer(nn.Cell):
    """LSTM over time in both directions and a linear layer: (T, B, in) -> (T, B, out), float32."""

    def __init__(self, in_size: int, hidden_size: int, out_size: int):
        super().__init__()
        self.rnn = BidirectionalLstm(in_size, hidden_size)
        self.embedding = nn.Dense(2 * hidden_size, out_size)

    def construct(self, sequence: Tensor) -> Tensor:
        return self.embedding(self.rnn(sequence))


class Crnn(nn.Cell):
    """The network.

    Args:
        num_classes: classes C, the blank included.
        width_mult: factor on the published channel and hidden sizes (rounded to multiples of 8).
        compute_type: type of the convolutions, ms.float32 or ms.float16. Batch norm, LSTM, linear layers
            and the softmax are float32 in either case.

    Inputs:
        image (B, 1, 32, W): gray, normalized; W a multiple of 4.

    Outputs:
        log_probs (T, B, C) float32: natural logarithms.

    All weights are zero after construction except batch norm's and the LSTM's: see `weight_init`.
    """

    def __init__(self, num_classes: int = NUM_CLASSES, width_mult: float = 1.0, compute_type: ms.Type = ms.float32):
        super().__init__()
        if num_classes < 2:
            raise ValueError(f"num_classes {num_classes}: a blank and at least one character are needed")
        if width_mult <= 0:
            raise ValueError(f"width_mult {width_mult}: a positive fraction of the published size is needed")
        channels = [scale_channels(size, width_mult) for size in CHANNELS]
        hidden_size = scale_channels(HIDDEN_SIZE, width_mult)
        self.num_classes = num_classes
        self.cnn = ConvStack(channels, compute_type)
        self.rnn = nn.CellList(
            [
                RecurrentLayer(channels[-1], hidden_size, hidden_size),
                RecurrentLayer(hidden_size, hidden_size, num_classes),
            ]
        )
        self.log_softmax = ops.LogSoftmax(axis=-1)

    def construct(self, image: Tensor) -> Tensor:
        features = self.cnn(image)  # (B, 512, 1, T)
        sequence = features.squeeze(2).transpose(2, 0, 1)  # (T, B, 512)
        return self.log_softmax(self.rnn[1](self.rnn[0](sequence)))
