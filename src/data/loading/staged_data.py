"""Training data whose first epochs come from another object, for a training that begins with cheaper batches."""

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from src.common.errors import UserError


class EpochData(Protocol):
    """Training data that can be staged."""

    batch_size: int
    steps_per_epoch: int

    def epoch(self, epoch: int, first_step: int = 0) -> Iterator[tuple[np.ndarray, ...]]:
        """The batches of `epoch` from `first_step` on."""
        ...

    @property
    def report(self) -> dict[str, Any]:
        """What was left out or replaced."""
        ...

    def close(self) -> None:
        """Stop the workers."""


class StagedData:
    """`first` gives the epochs 1 to `first_epochs`, `then` all later ones; epochs count from 1, as in the loop.

    Progressive resizing (Howard, DAWNBench 2018) is what it is for: narrower images while the network learns
    what letters are, the full width while it learns to distinguish them.

    Raises:
        UserError: the two differ in their batches or in their number of steps.
    """

    def __init__(self, first: EpochData, first_epochs: int, then: EpochData):
        for name in ("batch_size", "steps_per_epoch"):
            if getattr(first, name) != getattr(then, name):
                raise UserError(f"{name}: {getattr(first, name)} in the first epochs, {getattr(then, name)} later")
        self.first, self.first_epochs, self.then = first, first_epochs, then
        self.batch_size = then.batch_size
        self.steps_per_epoch = then.steps_per_epoch

    def epoch(self, epoch: int, first_step: int = 0) -> Iterator[tuple[np.ndarray, ...]]:
        """The batches of `epoch` from `first_step` on."""
        if epoch <= self.first_epochs:
            return self.first.epoch(epoch, first_step)
        self.first.close()
        return self.then.epoch(epoch, first_step)

    @property
    def report(self) -> dict[str, Any]:
        """What was left out: the scan of the later data, and what either replaced while training."""
        early, late = self.first.report, self.then.report
        reasons = sorted({*early["replaced"], *late["replaced"]})
        replaced = {reason: sum(part["replaced"].get(reason, 0) for part in (early, late)) for reason in reasons}
        names = list(dict.fromkeys([*late["bad_samples"], *early["bad_samples"]]))
        return {**late, "replaced": replaced, "bad_samples": names}

    def close(self) -> None:
        """Stop the workers of both."""
        self.first.close()
        self.then.close()
