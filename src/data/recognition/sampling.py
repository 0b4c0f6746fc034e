"""Which sample stands at which place of an epoch: a pure function of (seed, epoch), whatever runs it.

A source is any `WordSamples`. One with `__len__` is finite; of a finite one with `labels()` (an LMDB) all texts are
looked at once, before training, so that an epoch holds exactly the usable samples. One without `__len__` is endless,
and every epoch takes new indices; it may give by `aspect` (least, most) how wide its images are for their height.
"""

from collections import Counter
from collections.abc import Sequence, Sized
from dataclasses import dataclass, field

import numpy as np

from src.common.errors import UserError
from src.data.recognition.labels import LabelRejected, LabelRules, ctc_steps
from src.data.recognition.preprocess import bucket_width, kept_ratio_width
from src.data.recognition.word_images import SampleError, WordSamples

TOO_LONG = "label longer than the time steps"


@dataclass
class SourcePool:
    """One source as the sampler sees it.

    Attributes:
        usable: indices of its usable samples, None for an endless source.
        buckets: which of the input widths each usable sample needs; None when all go to `bucket`.
        bucket: number of that input width.
        total: number of samples before any was left out (0 for an endless source).
        dropped: how many the label policy leaves out, by reason.
        bad: how many are broken, by reason.
    """

    usable: np.ndarray | None
    buckets: np.ndarray | None = None
    total: int = 0
    dropped: Counter = field(default_factory=Counter)
    bad: Counter = field(default_factory=Counter)
    bad_names: list[str] = field(default_factory=list)
    bucket: int = 0

    def __len__(self) -> int:
        return 0 if self.usable is None else len(self.usable)


def scan_source(
    source: WordSamples, rules: LabelRules, *, height: int, widths: Sequence[int], max_steps: Sequence[int]
) -> SourcePool:
    """Look at every label (and, for several widths, every image's header) of one source.

    Args:
        widths: ascending input widths.
        max_steps: the time steps that each of them gives.
    """
    widest = len(widths) - 1
    if not isinstance(source, Sized):
        aspect = getattr(source, "aspect", None)
        fitting = bucket_width(int(aspect[1] * height), widths) if aspect else widths[-1]
        return SourcePool(usable=None, bucket=widths.index(fitting))
    total = len(source)
    if not hasattr(source, "labels"):
        return SourcePool(usable=np.arange(total, dtype=np.int32), total=total, bucket=widest)
    pool = SourcePool(usable=None, total=total, bucket=widest)
    usable, steps = [], []
    for index, text in enumerate(source.labels()):
        if isinstance(text, SampleError):
            pool.bad[text.reason] += 1
            pool.bad_names.append(str(text))
            continue
        try:
            needed = ctc_steps(rules.apply(text))
        except LabelRejected as rejected:
            pool.dropped[rejected.reason] += 1
            continue
        if needed > max_steps[-1]:
            pool.dropped[TOO_LONG] += 1
            continue
        usable.append(index)
        steps.append(needed)
    pool.usable = np.array(usable, np.int32)
    if len(widths) > 1 and hasattr(source, "image_sizes"):
        sizes = source.image_sizes()[pool.usable]
        by_shape = [
            widths.index(bucket_width(kept_ratio_width(max(h, 1), w, height), widths)) for h, w in sizes.tolist()
        ]
        by_steps = np.searchsorted(np.asarray(max_steps), np.asarray(steps))
        pool.buckets = np.maximum(by_shape, by_steps).astype(np.uint8).reshape(-1)
    return pool


def epoch_shares(pools: Sequence[SourcePool], weights: Sequence[float] | None, samples: int) -> list[int]:
    """How many samples of an epoch of `samples` come from each source.

    In proportion to the weights; without any, to the numbers of usable samples (in equal parts when all sources
    are endless). Largest remainders are rounded up, so the numbers add up and are the same in every epoch.
    """
    if weights is None:
        endless = [pool.usable is None for pool in pools]
        if any(endless) and not all(endless):
            raise UserError("an endless source beside finite ones needs weights: (source, weight) for each")
        weights = [1 if pool.usable is None else len(pool) for pool in pools]
    parts = np.array(weights, np.float64)
    if not (np.isfinite(parts).all() and (parts >= 0).all() and parts.sum() > 0):
        raise UserError(f"mixing weights {parts.tolist()}; expected numbers from 0, not all of them 0")
    exact = parts / parts.sum() * samples
    counts = np.floor(exact + 1e-9).astype(np.int64)
    rest = samples - int(counts.sum())
    counts[np.argsort(counts - exact, kind="stable")[:rest]] += 1
    for number, (pool, count) in enumerate(zip(pools, counts, strict=True)):
        if count and pool.usable is not None and not len(pool):
            raise UserError(f"source {number} has no usable sample: {dict(pool.dropped + pool.bad)}")
    return counts.tolist()


@dataclass(frozen=True)
class EpochPlan:
    """Batches of one epoch over all ranks together: G = batch size x ranks.

    sources (steps, G) uint8, indices (steps, G) int64, widths (steps,): number of the input width.
    """

    sources: np.ndarray
    indices: np.ndarray
    widths: np.ndarray


def plan_epoch(
    pools: Sequence[SourcePool],
    shares: Sequence[int],
    *,
    seed: int,
    epoch: int,
    global_batch: int,
    num_widths: int,
) -> EpochPlan:
    """Shuffle, mix and cut one epoch; the fewer than `global_batch` samples left over wait for another epoch.

    A finite source is walked through in a fresh permutation each time it begins again, also across epochs, so
    each of its samples comes equally often. Batches hold one input width each: what is left of a width joins
    the next wider one, so there are always floor(samples / global_batch) steps.
    """
    rng = np.random.default_rng([seed, 1, epoch])
    order = rng.permutation(sum(shares))
    sources = np.repeat(np.arange(len(pools), dtype=np.uint8), shares)[order]
    drawn = [
        _draw(pool, share, seed, number, epoch)
        for number, (pool, share) in enumerate(zip(pools, shares, strict=True))
    ]
    indices = np.concatenate([indices for indices, _ in drawn])[order]
    buckets = np.concatenate(
        [
            buckets if buckets is not None else np.full(len(i), pool.bucket, np.uint8)
            for pool, (i, buckets) in zip(pools, drawn, strict=True)
        ]
    )[order]
    groups, widths, carried = [], [], np.empty(0, np.int64)
    for width in range(num_widths):
        places = np.concatenate([carried, np.flatnonzero(buckets == width)])
        whole = len(places) // global_batch * global_batch
        groups.append(places[:whole].reshape(-1, global_batch))
        widths += [width] * (whole // global_batch)
        carried = places[whole:]
    batches = np.concatenate(groups)
    if num_widths > 1:
        shuffled = rng.permutation(len(batches))
        batches, widths = batches[shuffled], np.asarray(widths)[shuffled]
    return EpochPlan(sources[batches], indices[batches], np.asarray(widths, np.int64))


def _draw(pool: SourcePool, count: int, seed: int, number: int, epoch: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Indices of the `count` samples that this epoch takes from one source, and their buckets."""
    first = epoch * count
    if pool.usable is None:
        return np.arange(first, first + count, dtype=np.int64), None
    if not count:
        return np.empty(0, np.int64), np.empty(0, np.uint8)
    rounds = range(first // len(pool), (first + count - 1) // len(pool) + 1)
    walks = [np.random.default_rng([seed, 2, number, turn]).permutation(len(pool)) for turn in rounds]
    picks = np.concatenate(walks)[first - rounds[0] * len(pool) :][:count]
    return pool.usable[picks].astype(np.int64), None if pool.buckets is None else pool.buckets[picks]
