"""Training data of the recognition network: mixed, shuffled, sharded, resumable batches of words.

B batch, H W input height and width, L label places (the time steps of the widest input).
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

import numpy as np

from src.common.errors import UserError
from src.common.options import OptionError
from src.data.loading.prefetch import work_ahead
from src.data.loading.workers import BatchWorkers
from src.data.recognition.batches import BatchMaker, BatchTask, WordBatch
from src.data.recognition.labels import LabelRules
from src.data.recognition.options import WordAugment
from src.data.recognition.preprocess import normalize
from src.data.recognition.sampling import EpochPlan, SourcePool, epoch_shares, plan_epoch, scan_source
from src.data.recognition.word_images import Weighted, WordSamples

_NAMED = 100  # bad samples that a report names


class CrnnTrainData:
    """Batches (images (B, 1, H, W) f32, labels (B, L) i32 padded with 0, label_lengths (B,) i32).

    Args:
        sources: of words, or pairs (source, weight). Without weights each usable sample comes once per epoch.
        characters, label_policy: the alphabet and what to do with texts outside it (see LabelRules).
        encode: text -> class indices.
        time_steps: input width -> time steps of the network; texts that CTC cannot fit into them are left out and
            counted.
        widths: one input width (images are stretched to it), or several ascending ones (proportions are kept,
            a batch has one width, and all ranks have the same width at the same step).
        samples_per_epoch: default, the usable samples of all finite sources.
        num_workers: 0 makes batches on a background thread, more in so many processes.
        max_bad_ratio: share of broken samples (not of ones left out by the label rules) that stops the run.

    The order, the mixture and the random changes are a function of (seed, epoch, step, rank), whatever
    `num_workers`. Ranks get disjoint parts of every epoch.

    Raises:
        UserError: an option or data set that cannot be used.
    """

    def __init__(
        self,
        sources: Sequence[WordSamples | Weighted],
        *,
        characters: str,
        encode: Callable[[str], Sequence[int]],
        time_steps: Callable[[int], int],
        batch_size: int,
        height: int,
        widths: Sequence[int],
        label_policy: str = "drop",
        augment: WordAugment | None = None,
        samples_per_epoch: int | None = None,
        seed: int = 1234,
        rank_id: int = 0,
        rank_size: int = 1,
        num_workers: int = 0,
        max_bad_ratio: float = 0.05,
    ):
        if list(widths) != sorted(set(widths)) or not widths or min(widths) < 1:
            raise OptionError(f"input widths {list(widths)}; expected one or more, ascending")
        if batch_size < 1 or not 0 <= rank_id < rank_size:
            raise ValueError(f"batch size {batch_size}, rank {rank_id} of {rank_size}: not usable")
        self.batch_size = batch_size
        self._sources, self._weights = _split_weights(sources)
        self._encode = encode
        self._rank_id, self._rank_size = rank_id, rank_size
        self._num_workers = num_workers
        self._max_bad_ratio = max_bad_ratio
        max_steps = tuple(time_steps(width) for width in widths)
        self.max_label_length = max_steps[-1]
        self._maker = BatchMaker(
            sources=self._sources,
            rules=LabelRules(characters, label_policy),
            augment=augment or WordAugment(),
            height=height,
            widths=tuple(widths),
            max_steps=max_steps,
            seed=seed,
        )
        self._pools: list[SourcePool] = [
            scan_source(source, self._maker.rules, height=height, widths=self._maker.widths, max_steps=max_steps)
            for source in self._sources
        ]
        self._replaced: dict[tuple[int, int], tuple[str, str, bool]] = {}
        self._served = 0
        samples = sum(len(pool) for pool in self._pools) if samples_per_epoch is None else samples_per_epoch
        self.steps_per_epoch = samples // (batch_size * rank_size)
        if not self.steps_per_epoch:
            raise UserError(
                f"{samples} samples per epoch are fewer than one batch of {batch_size} on {rank_size} rank(s)"
                f"{'; give samples_per_epoch for an endless source' if not samples else ''} ({self._losses()})"
            )
        self._shares = epoch_shares(self._pools, self._weights, samples)
        self._check_bad()
        self._workers: BatchWorkers[BatchTask, WordBatch] | None = None

    def _plan(self, epoch: int) -> EpochPlan:
        return plan_epoch(
            self._pools,
            self._shares,
            seed=self._maker.seed,
            epoch=epoch,
            global_batch=self.batch_size * self._rank_size,
            num_widths=len(self._maker.widths),
        )

    def epoch(self, epoch: int, first_step: int = 0) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """The batches of `epoch` (any number from 0) from `first_step` on, made ahead in the background."""
        if self._workers is None:
            self._workers = BatchWorkers(self._maker, self._num_workers)
        plan = self._plan(epoch)
        tasks = (self._task(plan, epoch, step) for step in range(first_step, self.steps_per_epoch))
        depth = 2 * max(1, self._num_workers) + 1
        with closing(work_ahead(self._workers.submit, tasks, depth)) as batches:
            for _, batch in batches:
                yield self._finish(batch)

    def _task(self, plan: EpochPlan, epoch: int, step: int) -> BatchTask:
        """This rank's part of a step."""
        mine = slice(self._rank_id * self.batch_size, (self._rank_id + 1) * self.batch_size)
        global_batch = plan.indices.shape[1]
        positions = np.arange(step * global_batch, (step + 1) * global_batch)[mine]
        width = int(plan.widths[step])
        return BatchTask(epoch, width, plan.sources[step, mine], plan.indices[step, mine], positions)

    def _finish(self, batch: WordBatch) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Count what was replaced; pixels to numbers; texts to classes."""
        self._served += len(batch.texts)
        for problem in batch.problems:
            self._replaced[problem.source, problem.index] = (problem.reason, problem.message, problem.broken)
        if batch.problems:
            self._check_bad()
        labels = np.zeros((len(batch.texts), self.max_label_length), np.int32)
        lengths = np.zeros(len(batch.texts), np.int32)
        for row, text in enumerate(batch.texts):
            classes = self._encode(text)
            labels[row, : len(classes)] = classes
            lengths[row] = len(classes)
        return normalize(batch.images)[:, None], labels, lengths  # (B, H, W) -> (B, 1, H, W)

    def _check_bad(self) -> None:
        bad = sum(pool.bad.total() for pool in self._pools)
        bad += sum(broken for _, _, broken in self._replaced.values())
        examined = max(sum(pool.total for pool in self._pools), self._served)
        if bad > self._max_bad_ratio * examined:
            raise UserError(
                f"{bad} broken samples of {examined}, more than max_bad_ratio {self._max_bad_ratio}: {self._losses()}"
            )

    def _losses(self) -> str:
        counts: Counter = Counter()
        for pool in self._pools:
            counts += pool.dropped + pool.bad
        counts += Counter(reason for reason, _, _ in self._replaced.values())
        return "; ".join(f"{reason}: {count}" for reason, count in counts.most_common()) or "no word was left out"

    @property
    def report(self) -> dict[str, Any]:
        """What was left out and why, so far (JSON): per source the scan, over all what was replaced later."""
        replaced = list(self._replaced.values())
        names = [name for pool in self._pools for name in pool.bad_names] + [m for _, m, broken in replaced if broken]
        return {
            "sources": [
                {
                    "source": str(getattr(source, "path", type(source).__name__)),
                    "samples": pool.total or None,
                    "usable": len(pool) or None,
                    "samples_per_epoch": share,
                    "dropped": dict(pool.dropped),
                    "bad": dict(pool.bad),
                }
                for source, pool, share in zip(self._sources, self._pools, self._shares, strict=True)
            ],
            "replaced": dict(Counter(reason for reason, _, _ in replaced)),
            "bad_samples": names[:_NAMED],
        }

    def close(self) -> None:
        """Stop the workers (they start again with the next epoch)."""
        if self._workers is not None:
            self._workers.close()
            self._workers = None


def _split_weights(sources: Sequence[WordSamples | Weighted]) -> tuple[list[WordSamples], list[float] | None]:
    """Sources and weights from a list of sources, or of pairs (source, weight)."""
    if not sources:
        raise UserError("no word source was given")
    alone = [source for source in sources if not isinstance(source, tuple)]
    pairs = [source for source in sources if isinstance(source, tuple)]
    if alone and pairs:
        raise UserError(f"mixing weights {[weight for _, weight in pairs]}: give all of them or none")
    return alone or [source for source, _ in pairs], [weight for _, weight in pairs] or None
