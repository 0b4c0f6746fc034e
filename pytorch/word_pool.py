"""Words of one input width in the memory of the training device, drawn at random.

N places, B words of a batch, H W input height and width, K alphabets, L label places.
"""

import numpy as np
import torch

from pytorch.word_chunks import RealWords, WordChunk


class WordPool:
    """A ring of `capacity` words; when it is full, the oldest give way.

    Rendering a word takes a processor core as long as a GPU needs to train on thirty, so words are drawn several
    times before newer ones replace them, each time changed at random (see `batch_augment`).
    """

    def __init__(self, capacity: int, height: int, width: int, label_shape: tuple[int, int], device: torch.device):
        self.images = torch.zeros((capacity, height, width), dtype=torch.uint8, device=device)
        self.labels = torch.zeros((capacity, *label_shape), dtype=torch.int32, device=device)
        self.lengths = torch.zeros((capacity, label_shape[0]), dtype=torch.int32, device=device)
        self.added = 0  # words ever
        self._cumulative: np.ndarray | None = None

    @classmethod
    def of(cls, words: RealWords, device: torch.device) -> "WordPool":
        """A pool that holds exactly these words and draws them by their weights."""
        chunk = words.chunk
        capacity, height, width = chunk.images.shape
        _, alphabets, places = chunk.labels.shape
        pool = cls(capacity, height, width, (alphabets, places), device)
        pool.add(chunk)
        pool._cumulative = np.cumsum(words.weights) / words.weights.sum()
        return pool

    @property
    def capacity(self) -> int:
        return len(self.images)

    def __len__(self) -> int:
        return min(self.added, self.capacity)

    def add(self, chunk: WordChunk) -> None:
        """Put the words of `chunk` (at most as many as there are places) into the ring."""
        places = (self.added + np.arange(len(chunk.images))) % self.capacity
        where = torch.from_numpy(places).to(self.images.device)
        for target, values in zip((self.images, self.labels, self.lengths), chunk, strict=True):
            target[where] = torch.from_numpy(values).to(target.device, target.dtype)
        self.added += len(chunk.images)

    def draw(self, count: int, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """`count` words with repetition: images (B, H, W) uint8, labels (B, K, L), lengths (B, K) int32."""
        if self._cumulative is None:
            rows = rng.integers(0, len(self), count)
        else:
            rows = np.minimum(np.searchsorted(self._cumulative, rng.random(count), side="right"), len(self) - 1)
        where = torch.from_numpy(rows).to(self.images.device)
        return self.images[where], self.labels[where], self.lengths[where]
