"""The 2x2 max-pool of both networks. Beside `errors` one of the modules that every layer may import."""

import mindspore as ms
from mindspore import nn, ops


class MaxPool(nn.Cell):
    """2x2 max-pool, (B, C, H, W) -> (B, C, (H + 2p - 2) // s + 1, (W + 2q - 2) // t + 1), by the fastest operator.

    All compute the same. On CPU the backward pass of "valid" takes several times as long as its forward pass, and
    the forward pass of "pad" several times as long as its backward pass; `MaxPoolWithArgmax`, which keeps the places
    of the maxima and cannot pad, does well in both.

    Args:
        stride: (s, t) in rows and columns.
        padding: (p, q) rows and columns on either side that are never the maximum.
    """

    def __init__(self, stride: tuple[int, int] = (2, 2), padding: tuple[int, int] = (0, 0)):
        super().__init__()
        if any(padding):
            self.pool = nn.MaxPool2d((2, 2), stride, pad_mode="pad", padding=padding)
        else:
            self.pool = nn.MaxPool2d((2, 2), stride, pad_mode="valid")
        self.keeps_places = not any(padding) and ms.get_context("device_target") == "CPU"
        self.pool_in_training = ops.MaxPoolWithArgmax(kernel_size=(2, 2), strides=stride, pad_mode="valid")

    def construct(self, x):
        if self.training and self.keeps_places:
            return self.pool_in_training(x)[0]
        return self.pool(x)
