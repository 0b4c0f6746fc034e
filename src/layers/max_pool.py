"""The 2x2 max-pool of both networks."""

import mindspore as ms
from mindspore import Tensor, nn, ops


class MaxPool(nn.Cell):
    """2x2 max-pool, (B, C, H, W) -> (B, C, (H + 2p - 2) // s + 1, (W + 2q - 2) // t + 1), by the fastest operator.

    On CPU the backward pass of MindSpore's pool in the mode "valid" takes several times as long as its forward pass,
    and in the mode "pad" it is the other way round. The adaptive pool, which halves even sides in the same way, is
    fast in both, so it is what trains.

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
        halves = tuple(stride) == (2, 2) and not any(padding)
        self.can_adapt = halves and ms.get_context("device_target") == "CPU"

    def construct(self, x: Tensor) -> Tensor:
        rows, columns = x.shape[2], x.shape[3]
        if self.training and self.can_adapt and rows % 2 == 0 and columns % 2 == 0:
            return ops.adaptive_max_pool2d(x, (rows // 2, columns // 2))
        return self.pool(x)
