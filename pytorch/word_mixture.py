"""Batches of rendered and real words: rendered ahead by worker processes, kept in pools, drawn at random.

B words of a batch, H W input height and width, K alphabets, L label places.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import NamedTuple

import numpy as np
import torch

from pytorch.word_chunks import RealWords, RenderTask, WordRenderer
from pytorch.word_pool import WordPool
from src.common.options import OptionError
from src.crnn.topology import IMAGE_HEIGHT, time_steps
from src.data.loading.workers import BatchWorkers

_CHUNK_PIXELS = 256 * 32 * 100  # of one rendering task: some tenths of a second of one core
_FIRST, _MOST_FIRST = 4, 64  # batches of rendered words, but at most so many words, before training begins


class WordBatch(NamedTuple):
    """images (B, H, W) uint8, labels (B, K, L), lengths (B, K) int32; the first `real` words are real ones.

    Attributes:
        flat_start: the words are short and fill their images, so that each letter can be learned at its place.
    """

    images: torch.Tensor
    labels: torch.Tensor
    lengths: torch.Tensor
    real: int
    flat_start: bool = False


def fill_up(images: torch.Tensor, width: int) -> torch.Tensor:
    """Images (B, H, W) with more columns on the right, as `resize_word` fills an image that is not as wide."""
    filling = images[:, [0, -1]].flatten(1).float().median(1).values.to(images.dtype)  # of upper and lower edge
    more = filling[:, None, None].expand(-1, images.shape[1], width - images.shape[2])
    return torch.cat([images, more], dim=2)


class WidthShare(NamedTuple):
    """What the batches of one input width are.

    Attributes:
        batch_size: words of one; wide ones have fewer, so that all cost about the same.
        real: part of the words that are real ones.
        probability: part of all batches.
    """

    batch_size: int
    real: float
    probability: float


def width_shares(rendered: Mapping[int, float], real: Mapping[int, float], batch_size: int) -> dict[int, WidthShare]:
    """The batches of each width, ascending, so that words come in these parts.

    Args:
        rendered, real: part of all words that are rendered and real ones of a width.
        batch_size: words of a batch of the narrowest width.
    """
    widths = sorted({*rendered, *real})
    shares = {}
    for width in widths:
        theirs = real.get(width, 0.0)
        both = rendered.get(width, 0.0) + theirs
        size = max(2, round(batch_size * widths[0] / width))
        shares[width] = WidthShare(size, theirs / both if both else 0.0, both / size)
    total = sum(share.probability for share in shares.values())
    return {width: share._replace(probability=share.probability / total) for width, share in shares.items()}


class WordMixture:
    """Draws batches of one width each, wide ones with fewer words, so that all cost about the same.

    Args:
        renderer, shares: sources by width and the part of the rendered words that each gives.
        real: real words by width.
        rendered_share: part of all words that are rendered, 0 to 1.
        padded_share: part of the batches that are filled up to a wider width, one or two steps on, as a network sees
            them that is used with fewer widths than it was trained with.
        batch_size: words of a batch of the narrowest width.
        pool_size: rendered words kept per width; of a wide one as many as take the same memory.
        max_reuse: how often a rendered word is drawn at most, on average, before training waits for more.
        first: number of rendered words to pass over, those of an earlier part of the training.

    Which words a batch holds depends on the speed of the workers; what is rendered depends on the seed alone.
    """

    def __init__(
        self,
        renderer: WordRenderer,
        shares: Sequence[float],
        real: Mapping[int, RealWords],
        *,
        rendered_share: float,
        padded_share: float = 0.0,
        batch_size: int,
        pool_size: int,
        max_reuse: float,
        workers: int,
        device: torch.device,
        seed: int,
        first: int = 0,
    ):
        real_total = sum(float(words.weights.sum()) for words in real.values())
        if rendered_share < 1 and not real_total:
            raise OptionError(f"rendered_share {rendered_share}: there are no real words; give 1")
        self._shares = width_shares(
            {width: rendered_share * share for width, share in zip(renderer.widths, shares, strict=True)},
            {width: (1 - rendered_share) * (words.weights.sum() / real_total) for width, words in real.items()},
            batch_size,
        )
        widths = list(self._shares)
        self._wider = {width: widths[place + 1 : place + 3] for place, width in enumerate(widths)}
        self._padded_share = padded_share
        self._real = {width: WordPool.of(words, device) for width, words in real.items()}
        self._rendered = {
            width: WordPool(
                max(_CHUNK_PIXELS // (IMAGE_HEIGHT * width), pool_size * widths[0] // width),
                IMAGE_HEIGHT,
                width,
                (len(renderer.alphabets), time_steps(width)),
                device,
            )
            for width in (renderer.widths if rendered_share > 0 else ())
        }
        self._widths = list(renderer.widths)
        self._max_reuse, self._ahead = max_reuse, 2 * pool_size
        self._rng = np.random.default_rng([seed, first])
        self._next = [first] * len(self._widths)
        self.drawn = 0  # rendered words in batches
        self.rendered = 0
        self.first = first
        self._source_shares = list(shares)
        self._workers = BatchWorkers(renderer, workers)
        self._pending: deque[tuple[int, Future]] = deque()
        if self._rendered:
            for _ in range(2 * max(1, workers) + 1):
                self._submit()
            self._fill(batch_size)

    def batch(self) -> WordBatch:
        """The next batch; takes in what has been rendered meanwhile."""
        self._absorb()
        width = int(self._rng.choice(list(self._shares), p=[share.probability for share in self._shares.values()]))
        count = self._shares[width].batch_size
        real = int(count * self._shares[width].real + self._rng.random()) if width in self._real else 0
        parts = [self._real[width].draw(real, self._rng)] if real else []
        if count - real:
            parts.append(self._rendered[width].draw(count - real, self._rng))
            self.drawn += count - real
        images, labels, lengths = (torch.cat(tensors) for tensors in zip(*parts, strict=True))
        if self._wider[width] and self._rng.random() < self._padded_share:
            images = fill_up(images, int(self._rng.choice(self._wider[width])))
        return WordBatch(images, labels, lengths, real)

    @property
    def reuse(self) -> float:
        """How often a rendered word was drawn so far, on average."""
        return self.drawn / max(self.rendered, 1)

    @property
    def position(self) -> int:
        """The `first` of a training that goes on after this one: beyond every word rendered so far."""
        return max(self._next, default=0)

    def close(self) -> None:
        self._workers.close()

    def _submit(self) -> None:
        """Request words of the source that has the least for its share."""
        behind = [count / share for count, share in zip(self._requested(), self._source_shares, strict=True)]
        source = int(np.argmin(behind))
        count = _CHUNK_PIXELS // (IMAGE_HEIGHT * self._widths[source])
        self._pending.append((source, self._workers.submit(RenderTask(source, self._next[source], count))))
        self._next[source] += count

    def _requested(self) -> list[int]:
        return [following - self.first for following in self._next]

    def _absorb(self) -> None:
        """Take in finished chunks, but not far more than are drawn; wait when words are drawn too often."""
        while self._pending and self.rendered < self.drawn + self._ahead:
            must_wait = self.drawn > self._max_reuse * self.rendered
            if not must_wait and not self._pending[0][1].done():
                return
            self._take()

    def _take(self) -> None:
        source, future = self._pending.popleft()
        chunk = future.result()
        self._submit()
        self._rendered[self._widths[source]].add(chunk)
        self.rendered += len(chunk.images)

    def _fill(self, batch_size: int) -> None:
        """Enough of every width for a beginning; a small pool holds less than that."""
        enough = min(_FIRST * batch_size, _MOST_FIRST)
        while any(len(pool) < min(enough, pool.capacity) for pool in self._rendered.values()):
            self._take()
