"""3x3 convolutions with a quarter of the multiplications: Winograd's F(4x4, 3x3), forward and backward.

On a processor without fast units for small number formats the convolutions of both networks run at the speed of its
multipliers, so that only fewer multiplications make them faster: those of VGG16 2 to 2.7 times from 64 channels up,
those of CRNN, whose images are small, 1.4 to 1.9 times from 128 up, at an error of 1e-4 of the values in float32.
An output tile y (4x4) of an input tile x (6x6) and a kernel w (3x3) is y = A' [(G w G') * (B' x B)] A, and the
product `*`, summed over the channels, is 36 matrix products (Lavin and Gray, "Fast Algorithms for Convolutional
Neural Networks", CVPR 2016).

Shapes: B images, H W rows and columns, C input and K output channels, R C tiles down and across an image.
Work is done strip by strip, a strip being some rows of tiles of an image, or N small images. Tensors inside are
channels-last, (N, H, W, C).
"""

from typing import Any

import torch
from torch import nn
from torch.nn import functional

_G = (
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)
_STRIP_BYTES = 5_500_000  # transformed inputs of a strip, so that they stay in the cache
_LEAST_TILES = 200  # of a strip, so that the 36 matrices of weights are not read too often

Tensors = list[torch.Tensor]


class Convolution(nn.Conv2d):
    """3x3, padded; computed by Winograd's method once `use_winograd` chose it."""

    winograd = False

    def __init__(self, in_channels: int, out_channels: int, *, bias: bool = True):
        super().__init__(in_channels, out_channels, 3, padding=1, bias=bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.winograd:
            return super().forward(x)
        y = winograd_conv(x, self.weight)
        return y if self.bias is None else y + self.bias[:, None, None]


def use_winograd(network: nn.Module, least_channels: int) -> list[str]:
    """Compute the convolutions of at least so many input channels by Winograd's method.

    Returns:
        The names of these convolutions.
    """
    chosen = []
    for name, module in network.named_modules():
        if isinstance(module, Convolution) and module.in_channels >= least_channels:
            module.winograd = True
            chosen.append(name)
    return chosen


def winograd_conv(images: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """What `conv2d(images, weight, padding=1)` gives: (B, C, H, W), (K, C, 3, 3) -> (B, K, H, W), channels-last."""
    return _WinogradConv.apply(images, weight)


def transformed_weight(weight: torch.Tensor) -> torch.Tensor:
    """G w G' as matrices: (K, C, 3, 3) -> (36, C, K)."""
    by_place = weight.permute(2, 3, 1, 0).reshape(9, -1)
    return (_kernel_matrix(weight) @ by_place).view(36, weight.shape[1], weight.shape[0])


def _kernel_matrix(like: torch.Tensor) -> torch.Tensor:
    """G w G' as one matrix product over the nine places of a kernel, (36, 9)."""
    g = torch.tensor(_G, dtype=like.dtype)
    return torch.kron(g, g)


class _WinogradConv(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, images: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(images, weight)
        return _convolve(images, transformed_weight(weight))

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        images, weight = ctx.saved_tensors
        to_images = to_weight = None
        if ctx.needs_input_grad[0]:
            to_images = _convolve(gradient, transformed_weight(weight.flip(2, 3).transpose(0, 1)))
        if ctx.needs_input_grad[1]:
            to_weight = _weight_gradient(images, gradient)
        return to_images, to_weight


def _convolve(images: torch.Tensor, matrices: torch.Tensor) -> torch.Tensor:
    batch, _, height, width = images.shape
    down, across = -(-height // 4), -(-width // 4)
    outputs = torch.empty(batch, down, 4, across, 4, matrices.shape[2])
    padded = _padded(images)
    for some, first, last in _strips(batch, down, across, images.shape[1]):
        tiles = _input_tiles(padded[some, 4 * first : 4 * last + 2], last - first, across)
        products = torch.bmm(tiles.view(36, -1, tiles.shape[-1]), matrices).view(*tiles.shape[:-1], -1)
        rows = products.new_empty(4, *products.shape[1:])
        _combine_outputs(list(products), list(rows))
        strip = outputs[some, first:last].permute(2, 4, 0, 1, 3, 5)  # 4 x 4 x N x R x C x K, a view
        _combine_outputs([rows[:, j] for j in range(6)], [strip[:, j] for j in range(4)])
    outputs = outputs.view(batch, 4 * down, 4 * across, -1)[:, :height, :width]
    return outputs.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)


def _weight_gradient(images: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
    """(B, C, H, W) and (B, K, H, W) -> (K, C, 3, 3)."""
    (batch, channels), (outputs, height, width) = images.shape[:2], gradient.shape[1:]
    down, across = -(-height // 4), -(-width // 4)
    total = gradient.new_zeros(36, channels, outputs)
    filled = functional.pad(gradient.permute(0, 2, 3, 1), (0, 0, 0, 4 * across - width, 0, 4 * down - height))
    padded = _padded(images)
    for some, first, last in _strips(batch, down, across, channels):
        tiles = _input_tiles(padded[some, 4 * first : 4 * last + 2], last - first, across)
        of_tiles = _output_gradient_tiles(filled[some, 4 * first : 4 * last], last - first, across)
        total.baddbmm_(tiles.view(36, -1, channels).transpose(1, 2), of_tiles.view(36, -1, outputs))
    by_place = _kernel_matrix(total).t() @ total.view(36, -1)
    return by_place.view(3, 3, channels, outputs).permute(3, 2, 0, 1).contiguous()


def _padded(images: torch.Tensor) -> torch.Tensor:
    """A border of one pixel, and what fills the last tiles: (B, C, H, W) -> (B, 4 R + 2, 4 C + 2, C)."""
    height, width = images.shape[2:]
    return functional.pad(images.permute(0, 2, 3, 1), (0, 0, 1, 1 + -width % 4, 1, 1 + -height % 4))


def _strips(batch: int, down: int, across: int, channels: int) -> list[tuple[slice, int, int]]:
    """(images, first row of tiles, row after the last) of each strip."""
    rows = max(_STRIP_BYTES // (36 * 4 * across * channels), -(-_LEAST_TILES // across), 1)
    together = max(rows // down, 1)
    return [
        (slice(image, image + together), first, min(first + rows, down))
        for image in range(0, batch, together)
        for first in range(0, down, rows)
    ]


def _input_tiles(strip: torch.Tensor, down: int, across: int) -> torch.Tensor:
    """B' x B of the tiles of a strip: (N, 4 R + 2, 4 C + 2, channels) -> (6, 6, N, R, C, channels)."""
    images, _, columns, channels = strip.shape
    rows = strip.new_empty(6, images, down, columns, channels)
    _combine_inputs([strip[:, i : i + 4 * down - 3 : 4] for i in range(6)], list(rows))
    tiles = strip.new_empty(6, 6, images, down, across, channels)
    _combine_inputs([rows[:, :, :, j : j + 4 * across - 3 : 4] for j in range(6)], [tiles[:, j] for j in range(6)])
    return tiles


def _output_gradient_tiles(strip: torch.Tensor, down: int, across: int) -> torch.Tensor:
    """A y A' of the tiles of a strip: (N, 4 R, 4 C, channels) -> (6, 6, N, R, C, channels)."""
    images, _, columns, channels = strip.shape
    rows = strip.new_empty(6, images, down, columns, channels)
    _spread_outputs([strip[:, i::4] for i in range(4)], list(rows))
    tiles = strip.new_empty(6, 6, images, down, across, channels)
    _spread_outputs([rows[:, :, :, j::4] for j in range(4)], [tiles[:, j] for j in range(6)])
    return tiles


def _combine_inputs(x: Tensors, out: Tensors) -> None:
    """B' along one axis."""
    even, odd = torch.sub(x[4], x[2], alpha=4), torch.sub(x[3], x[1], alpha=4)
    torch.add(even, odd, out=out[1])
    torch.sub(even, odd, out=out[2])
    torch.sub(x[4], x[2], out=even)
    torch.sub(x[3], x[1], out=odd)
    torch.add(even, odd, alpha=2, out=out[3])
    torch.sub(even, odd, alpha=2, out=out[4])
    torch.add(x[4], x[0], alpha=4, out=even)
    torch.sub(even, x[2], alpha=5, out=out[0])
    torch.add(x[5], x[1], alpha=4, out=odd)
    torch.sub(odd, x[3], alpha=5, out=out[5])


def _combine_outputs(m: Tensors, out: Tensors) -> None:
    """A' along one axis."""
    sums, differences = (m[1] + m[2], m[3] + m[4]), (m[1] - m[2], m[3] - m[4])
    torch.add(m[0], sums[0], out=out[0]).add_(sums[1])
    torch.add(differences[0], differences[1], alpha=2, out=out[1])
    torch.add(sums[0], sums[1], alpha=4, out=out[2])
    torch.add(differences[0], differences[1], alpha=8, out=out[3]).add_(m[5])


def _spread_outputs(y: Tensors, out: Tensors) -> None:
    """A along one axis."""
    out[0].copy_(y[0])
    out[5].copy_(y[3])
    even, odd = y[0] + y[2], y[1] + y[3]
    torch.add(even, odd, out=out[1])
    torch.sub(even, odd, out=out[2])
    even, odd = torch.add(y[0], y[2], alpha=4), torch.add(y[1], y[3], alpha=4)
    torch.add(even, odd, alpha=2, out=out[3])
    torch.sub(even, odd, alpha=2, out=out[4])
