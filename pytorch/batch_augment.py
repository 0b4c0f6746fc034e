"""The random changes of src/data/recognition/augment.py for a whole batch at once, on the training device.

A GPU takes more words per second than processor cores could change one by one. Probabilities and strengths mean the
same as there; a batch has one size, so a crop that moves out or in is scaled back to it.

B words, H W height and width of the images.
"""

import math

import numpy as np
import torch
from torch.nn import functional

from src.data.recognition.options import WordAugment

_BLUR_REACH = 4  # pixels to each side of the widest blur: three times its sigma of 1.3


def augment_batch(images: torch.Tensor, options: WordAugment, rng: np.random.Generator) -> torch.Tensor:
    """Changed copy of images (B, H, W), float32 gray levels 0 to 255.

    What happens to which image is drawn from `rng` on the host, so a GPU is never waited for; the grains of the
    noise come from the device's own generator.
    """
    if not options.active or not len(images):
        return images
    draw = rng.random((len(images), 24), dtype=np.float32)
    # Gray levels need float32, also inside the autocast of a training: its convolutions blur, too.
    with torch.autocast(images.device.type, enabled=False):
        images = _change_view(images, options, draw[:, :16])
        images = _blur(images, options, draw[:, 16:18])
        images = _change_tone(images, options, draw[:, 18:23])
    noisy = np.flatnonzero(draw[:, 23] < options.noise_prob)
    if len(noisy):
        strength = _column(rng.random(len(noisy), dtype=np.float32) * options.noise_max, images)
        rows = torch.from_numpy(noisy).to(images.device)
        images[rows] = (images[rows] + torch.randn_like(images[rows]) * strength).clamp(0, 255)
    return images


def _column(values: np.ndarray, like: torch.Tensor) -> torch.Tensor:
    """(n,) -> (n, 1, 1) on the device of the images."""
    return torch.from_numpy(np.ascontiguousarray(values, np.float32)).to(like.device)[:, None, None]


def _change_view(images: torch.Tensor, options: WordAugment, draw: np.ndarray) -> torch.Tensor:
    """Crop jitter, perspective and rotation as a single warp; outside, the border pixels continue."""
    chosen = draw[:, :3] < (options.crop_prob, options.perspective_prob, options.rotate_prob)
    rows = np.flatnonzero(chosen.any(axis=1))
    if not len(rows):
        return images.clone()
    height, width = images.shape[1:]
    corners = view_corners(height, width, options, chosen[rows], 2 * draw[rows] - 1)
    grid = homography_grid(corners, height, width, images.device)
    where = torch.from_numpy(rows).to(images.device)
    changed = images.clone()
    changed[where] = functional.grid_sample(
        images[where][:, None], grid, mode="bilinear", padding_mode="border", align_corners=False
    )[:, 0]
    return changed


def view_corners(height: int, width: int, options: WordAugment, chosen: np.ndarray, signed: np.ndarray) -> np.ndarray:
    """Where each image's corners are taken from, float64 (B, 4, 2), clockwise from the top left, pixel edges.

    Args:
        chosen (B, 3): crop, perspective, rotation. signed (B, 16): numbers from -1 to 1.
    """
    crop, perspective, rotate = (chosen[:, column, None] for column in range(3))
    short = min(height, width)
    move = signed[:, 3:7] * options.crop_max * np.array([short, height, short, height]) * crop
    left, top = move[:, 0], move[:, 1]
    right, bottom = width - move[:, 2], height - move[:, 3]
    corners = np.stack(
        [np.stack(pair, -1) for pair in ((left, top), (right, top), (right, bottom), (left, bottom))], axis=1
    ).astype(np.float64)
    corners += (signed[:, 7:15] * options.perspective_max * height * perspective).reshape(-1, 4, 2)
    angle = signed[:, 15] * math.radians(options.rotate_max) * rotate[:, 0]
    cosine, sine = np.cos(angle), np.sin(angle)
    turn = np.stack([np.stack([cosine, -sine], -1), np.stack([sine, cosine], -1)], axis=1)  # (B, 2, 2)
    center = corners.mean(axis=1, keepdims=True)
    return (corners - center) @ turn.transpose(0, 2, 1) + center


def homography_grid(corners: np.ndarray, height: int, width: int, device: torch.device) -> torch.Tensor:
    """Sampling grid (B, height, width, 2) for `grid_sample` that takes an image from the quadrilaterals `corners`.

    The projective map of the unit square to a quadrilateral in closed form (Heckbert 1989, section 2.2.3). What there
    is of each image is computed on the host in float64, what there is of each pixel on `device`.
    """
    p0, p1, p2, p3 = (corners * (2.0 / width, 2.0 / height) - 1).transpose(1, 0, 2)  # each (B, 2), -1 to 1
    right, down, rest = p1 - p2, p3 - p2, p0 - p1 + p2 - p3
    determinant = right[:, 0] * down[:, 1] - right[:, 1] * down[:, 0]
    g = (rest[:, 0] * down[:, 1] - rest[:, 1] * down[:, 0]) / determinant
    h = (right[:, 0] * rest[:, 1] - right[:, 1] * rest[:, 0]) / determinant
    along, across = p1 - p0 + g[:, None] * p1, p3 - p0 + h[:, None] * p3
    terms = np.concatenate([along, across, p0, g[:, None], h[:, None]], axis=1)  # (B, 8)
    terms = torch.from_numpy(terms.astype(np.float32)).to(device)[:, None, None]  # (B, 1, 1, 8)
    along, across, p0, g, h = terms.split([2, 2, 2, 1, 1], dim=-1)
    u = ((torch.arange(width, device=device) + 0.5) / width)[:, None]
    v = ((torch.arange(height, device=device) + 0.5) / height)[:, None, None]
    return (along * u + across * v + p0) / (g * u + h * v + 1)


def _blur(images: torch.Tensor, options: WordAugment, draw: np.ndarray) -> torch.Tensor:
    """Gaussian blur, its sigma in pixels of an image 32 high."""
    sigma = draw[:, 1] * options.blur_max * images.shape[1] / 32
    rows = np.flatnonzero((draw[:, 0] < options.blur_prob) & (sigma > 0.1))
    if not len(rows):
        return images
    offsets = np.arange(-_BLUR_REACH, _BLUR_REACH + 1)
    kernels = np.exp(-0.5 * (offsets / sigma[rows, None]) ** 2)
    kernels = torch.from_numpy((kernels / kernels.sum(1, keepdims=True)).astype(np.float32)).to(images.device)
    where = torch.from_numpy(rows).to(images.device)
    padded = functional.pad(images[where][None], [_BLUR_REACH] * 4, mode="replicate")[0]  # (n, H, W)
    # Not a convolution: cuDNN would look for the fastest one anew for every number of blurred images.
    across = torch.einsum("nhwk,nk->nhw", padded.unfold(2, len(offsets), 1), kernels)
    images[where] = torch.einsum("nhwk,nk->nhw", across.unfold(1, len(offsets), 1), kernels)
    return images


def _change_tone(images: torch.Tensor, options: WordAugment, draw: np.ndarray) -> torch.Tensor:
    """Contrast, brightness, gamma and inversion. `draw` (B, 5)."""
    tone, invert = draw[:, 0] < options.tone_prob, draw[:, 1] < options.invert_prob
    rows = np.flatnonzero(tone | invert)
    if not len(rows):
        return images
    tone, invert, draw = tone[rows], invert[rows], draw[rows]
    gamma = np.where(tone, (1 + options.gamma_max) ** (2 * draw[:, 2] - 1), 1)
    contrast = np.where(tone, 1 + (2 * draw[:, 3] - 1) * min(options.contrast_max, 0.95), 1)
    shift = np.where(tone, (2 * draw[:, 4] - 1) * options.brightness_max, 0)
    sign = np.where(invert, -1, 1)  # white - x, about the middle
    where = torch.from_numpy(rows).to(images.device)
    levels = (images[where] / 255).clamp(0, 1) ** _column(gamma, images)
    levels = ((levels - 0.5) * _column(contrast, images) + _column(shift, images)) * _column(sign, images) + 0.5
    images[where] = (levels * 255).clamp(0, 255)
    return images
