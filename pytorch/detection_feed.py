"""Batches of detection samples on the training device, made ahead by worker processes.

B images of a batch, H W input height and width, N anchors.
"""

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from typing import NamedTuple

import numpy as np
import torch

from pytorch.detection_samples import DetectionMaker, DetectionSample, DetectionTask
from src.data.detection.preprocess import MEAN, STD
from src.data.loading.workers import BatchWorkers


class DetectionBatch(NamedTuple):
    """images float32 (B, 3, H, W) normalized; labels (B, N) int64; targets and weights float32 (B, N, 4)."""

    images: torch.Tensor
    labels: torch.Tensor
    targets: torch.Tensor
    weights: torch.Tensor


class DetectionFeed:
    """Gives batches in the order of their numbers; a function of the seed and the number.

    first: number of the first sample, for a training that goes on.
    """

    def __init__(
        self,
        maker: DetectionMaker,
        *,
        batch_size: int,
        workers: int,
        image_shape: tuple[int, int],
        device: torch.device,
        first: int = 0,
    ):
        self._batch_size, self._image_shape, self._device = batch_size, image_shape, device
        self._next = first
        self.position = first
        self._workers = BatchWorkers(maker, workers)
        self._pending: deque[Future] = deque()
        self._depth = batch_size + 2 * max(1, workers)

    def batch(self, stage: int) -> DetectionBatch:
        """The next batch; what is asked for ahead from now on is of `stage`."""
        while len(self._pending) < self._depth:
            self._pending.append(self._workers.submit(DetectionTask(stage, self._next, 1)))
            self._next += 1
        samples = [sample for _ in range(self._batch_size) for sample in self._pending.popleft().result()]
        self.position += self._batch_size
        return to_device(samples, self._image_shape, self._device)

    def close(self) -> None:
        self._workers.close()


def to_device(
    samples: Sequence[DetectionSample], image_shape: tuple[int, int], device: torch.device
) -> DetectionBatch:
    """Samples as tensors; pixels beyond a smaller image are the mean color."""
    batch, anchors = len(samples), len(samples[0].labels)
    pixels = torch.stack([_filled(sample.image, image_shape) for sample in samples]).to(device)  # (B, H, W, 3)
    labels = torch.from_numpy(np.stack([sample.labels for sample in samples])).to(device).long()
    targets = torch.zeros((batch * anchors, 4), device=device)
    weights = torch.zeros((batch * anchors, 4), device=device)
    where = np.concatenate([row * anchors + sample.anchors.astype(np.int64) for row, sample in enumerate(samples)])
    where = torch.from_numpy(where).to(device)
    targets[where] = torch.from_numpy(np.concatenate([sample.targets for sample in samples])).to(device)
    weights[where] = torch.from_numpy(np.concatenate([sample.weights for sample in samples])).to(device)
    shape = (batch, anchors, 4)
    return DetectionBatch(_normalized(pixels), labels, targets.view(shape), weights.view(shape))


def _filled(image: np.ndarray, image_shape: tuple[int, int]) -> torch.Tensor:
    if image.shape[:2] != image_shape:
        filled = np.empty((*image_shape, 3), np.uint8)
        filled[:] = np.rint(MEAN)
        filled[: image.shape[0], : image.shape[1]] = image
        image = filled
    return torch.from_numpy(np.ascontiguousarray(image))


def _normalized(pixels: torch.Tensor) -> torch.Tensor:
    """(B, H, W, 3) uint8 -> (B, 3, H, W) float32 in channels-last memory."""
    mean, std = (torch.tensor(values, device=pixels.device) for values in (MEAN, STD))
    return ((pixels.float() - mean) / std).permute(0, 3, 1, 2)
