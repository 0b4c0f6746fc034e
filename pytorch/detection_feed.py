"""Batches of detection samples on the training device, made ahead by worker processes.

B images of a batch, H W input height and width, N anchors.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch

from pytorch.detection_samples import DetectionMaker, DetectionSample, DetectionTask
from pytorch.feature_cache import FeatureCache
from src.data.detection.preprocess import MEAN, STD
from src.data.loading.prefetch import work_ahead
from src.data.loading.workers import BatchWorkers

_LEAST_CACHED = 8  # batches in the cache before training begins


class DetectionBatch(NamedTuple):
    """images float32 (B, 3, H, W) normalized, or features (B, C, h, w) of frozen layers; labels (B, N) int64; targets
    and weights float32 (B, N, 4)."""

    images: torch.Tensor
    labels: torch.Tensor
    targets: torch.Tensor
    weights: torch.Tensor


class DetectionFeed:
    """Gives batches of samples in the order of their numbers; a function of the seed and the number.

    Samples of several sizes wait until a batch of their size is full. first: number of the first sample, for a
    training that goes on; those that waited then are passed over.
    """

    def __init__(self, maker: DetectionMaker, *, batch_size: int, workers: int, device: torch.device, first: int = 0):
        self._batch_size, self._device = batch_size, device
        self.position = first
        self._stage = 0
        self._workers = BatchWorkers(maker, workers)
        self._made = work_ahead(self._workers.submit, self._tasks(first), batch_size + 2 * max(1, workers) - 1)
        self._waiting: dict[tuple[int, ...], list[DetectionSample]] = {}

    def batch(self, stage: int) -> DetectionBatch:
        """The next batch; what is asked for ahead from now on is of `stage`."""
        self._stage = stage
        while True:
            _, (sample,) = next(self._made)
            self.position += 1
            waiting = self._waiting.setdefault(sample.image.shape, [])
            waiting.append(sample)
            if len(waiting) == self._batch_size:
                return to_device(self._waiting.pop(sample.image.shape), self._device)

    def _tasks(self, first: int) -> Iterator[DetectionTask]:
        for number in itertools.count(first):
            yield DetectionTask(self._stage, number, 1)

    def state(self) -> dict[str, int]:
        """What another part of the training needs to go on."""
        return {"position": self.position}

    def close(self) -> None:
        self._made.close()
        self._workers.close()


class CachedFeed:
    """Gives batches of features of the frozen layers, from a cache to which new samples are added on the way.

    Args:
        features: (3, H, W) normalized -> (C, h, w) of the frozen layers.
        reuse: how often a sample is drawn on average: where the samples in the cache have been drawn so often, new
            ones are made first.
    """

    def __init__(
        self,
        maker: DetectionMaker,
        cache: FeatureCache,
        features: Callable[[torch.Tensor], torch.Tensor],
        *,
        batch_size: int,
        reuse: float,
        device: torch.device,
        state: Mapping[str, int],
    ):
        self._maker, self._cache, self._features = maker, cache, features
        self._batch_size, self._reuse, self._device = batch_size, reuse, device
        self._made, self._drawn = max(state["position"], len(cache)), state["drawn"]

    @property
    def to_make(self) -> int:
        """How many samples are made before the first batch."""
        return max(0, _LEAST_CACHED * self._batch_size - self._made)

    def batch(self, stage: int) -> DetectionBatch | None:
        """The next batch, or None after making one of the samples, of `stage`, that it needs first."""
        least = max(_LEAST_CACHED * self._batch_size, (self._drawn + self._batch_size) / self._reuse)
        if self._made < least:
            for sample in self._maker(DetectionTask(stage, self._made, 1)):
                image = to_device([sample], self._device).images
                self._cache.add(self._made, sample, self._features(image)[0].float().cpu().numpy())
            self._made += 1
            return None
        samples = self._cache.draw(np.random.default_rng([self._maker.seed, self._drawn]), self._batch_size)
        self._drawn += len(samples)
        return to_device(samples, self._device)

    def state(self) -> dict[str, int]:
        """What another part of the training needs to go on."""
        return {"position": self._made, "drawn": self._drawn}

    def close(self) -> None:
        pass


def to_device(samples: Sequence[DetectionSample], device: torch.device) -> DetectionBatch:
    """Samples of one size as tensors."""
    batch, anchors = len(samples), len(samples[0].labels)
    images = torch.from_numpy(np.stack([sample.image for sample in samples])).to(device)
    labels = torch.from_numpy(np.stack([sample.labels for sample in samples])).to(device).long()
    targets = torch.zeros((batch * anchors, 4), device=device)
    weights = torch.zeros((batch * anchors, 4), device=device)
    where = np.concatenate([row * anchors + sample.anchors.astype(np.int64) for row, sample in enumerate(samples)])
    where = torch.from_numpy(where).to(device)
    targets[where] = torch.from_numpy(np.concatenate([sample.targets for sample in samples])).to(device)
    weights[where] = torch.from_numpy(np.concatenate([sample.weights for sample in samples])).to(device)
    shape = (batch, anchors, 4)
    if images.dtype == torch.uint8:
        images = _normalized(images)
    else:
        images = images.float().contiguous(memory_format=torch.channels_last)
    return DetectionBatch(images, labels, targets.view(shape), weights.view(shape))


def _normalized(pixels: torch.Tensor) -> torch.Tensor:
    """(B, H, W, 3) uint8 -> (B, 3, H, W) float32 in channels-last memory."""
    mean, std = (torch.tensor(values, device=pixels.device) for values in (MEAN, STD))
    return ((pixels.float() - mean) / std).permute(0, 3, 1, 2)
