"""How far a training is, as a fraction of its time or of its steps, and what follows from it.

A training on borrowed time must end cleanly whatever the speed turns out to be, so the learning rate follows the
clock: at the end of the minutes it is 0. One whose length nobody knows yet keeps its rate until it is asked to cool
down.
"""

import math
import time
from collections.abc import Callable

from src.common.options import OptionError


class Budget:
    """Counts time or steps down; one of `minutes` and `steps` is the length of the whole training.

    Args:
        warmup: fraction of the training in which the learning rate rises.
        used_seconds: time that earlier parts of this training took.
        stop_after: minutes after which this part stops, 0 for at the end.
        clock: seconds, for tests.
    """

    def __init__(
        self,
        minutes: float,
        steps: int,
        used_seconds: float = 0.0,
        stop_after: float = 0.0,
        *,
        warmup: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ):
        if bool(minutes) == bool(steps) or minutes < 0 or steps < 0:
            raise OptionError(f"minutes {minutes} and steps {steps}: give one of them, above 0")
        self._minutes, self._steps, self._warmup = minutes, steps, warmup
        self._clock = clock
        self._start = clock() - used_seconds
        self._stop_at = used_seconds + 60 * stop_after if stop_after else math.inf

    has_end = True

    @property
    def seconds(self) -> float:
        """Seconds of training so far, those of earlier parts included."""
        return self._clock() - self._start

    def fraction(self, step: int) -> float:
        """Part of the training that is done before `step` (from 0): 0 at its beginning, 1 or more at its end."""
        return step / self._steps if self._steps else self.seconds / (60 * self._minutes)

    def rate(self, step: int, base: float) -> float:
        """Learning rate of `step`, `base` being the highest."""
        return learning_rate(self.fraction(step), base, self._warmup)

    def pauses(self) -> bool:
        """Whether this part has had its time."""
        return self.seconds >= self._stop_at

    def state(self) -> dict[str, float]:
        """What another part of the training needs to go on."""
        return {"seconds": self.seconds}


class OpenBudget:
    """A training without a known end: the rate rises over `warmup_steps`, stays, and falls on request.

    Args:
        cooldown: minutes in which the rate falls linearly to 0, which ends the training; 0 goes on at the full rate.
        state: of an earlier part, as `state` gave it.
        stop_after, clock: as in `Budget`.
    """

    def __init__(
        self,
        warmup_steps: int,
        cooldown: float,
        state: dict[str, float] | None = None,
        stop_after: float = 0.0,
        *,
        clock: Callable[[], float] = time.monotonic,
    ):
        state = state or {"seconds": 0.0}
        self._warmup_steps, self._cooldown, self._clock = warmup_steps, 60 * cooldown, clock
        self._start = clock() - state["seconds"]
        self._cools_from = state.get("cools_from", state["seconds"]) if cooldown else math.inf
        self._stop_at = state["seconds"] + 60 * stop_after if stop_after else math.inf

    @property
    def has_end(self) -> bool:
        """Whether it cools down."""
        return self._cooldown > 0

    @property
    def seconds(self) -> float:
        """Seconds of training so far, those of earlier parts included."""
        return self._clock() - self._start

    def fraction(self, step: int) -> float:
        """Part of the cooling down that is done; 0 before it."""
        return (self.seconds - self._cools_from) / self._cooldown if self._cooldown else 0.0

    def rate(self, step: int, base: float) -> float:
        """Learning rate of `step`."""
        return base * min(1.0, (step + 1) / max(self._warmup_steps, 1)) * max(0.0, 1 - self.fraction(step))

    def pauses(self) -> bool:
        """Whether this part has had its time."""
        return self.seconds >= self._stop_at

    def state(self) -> dict[str, float]:
        """What another part of the training needs to go on."""
        return {"seconds": self.seconds, **({"cools_from": self._cools_from} if self._cooldown else {})}


def learning_rate(fraction: float, base: float, warmup: float) -> float:
    """Linear from 0 to `base` over the fraction `warmup` of the training, then a half cosine to 0 at its end."""
    if fraction < warmup:
        return base * fraction / warmup
    done = min(max((fraction - warmup) / (1 - warmup), 0.0), 1.0)
    return base * 0.5 * (1 + math.cos(math.pi * done))
