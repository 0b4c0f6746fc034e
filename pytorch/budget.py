"""How far a training is, as a fraction of its time or of its steps, and what follows from it.

A training on borrowed time must end cleanly whatever the speed turns out to be, so the learning rate follows the
clock: at the end of the minutes it is 0.
"""

import math
import time
from collections.abc import Callable

from src.common.errors import UserError


class Budget:
    """Counts time or steps down; one of `minutes` and `steps` says how long the whole training is.

    used_seconds: time that earlier parts of this training took. stop_after: minutes after which this part stops,
    0 for at the end. clock: seconds, for tests.
    """

    def __init__(
        self,
        minutes: float,
        steps: int,
        used_seconds: float = 0.0,
        stop_after: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ):
        if bool(minutes) == bool(steps) or minutes < 0 or steps < 0:
            raise UserError(f"minutes {minutes} and steps {steps}: give one of them, above 0")
        self._minutes, self._steps = minutes, steps
        self._clock = clock
        self._start = clock() - used_seconds
        self._stop_at = used_seconds + 60 * stop_after if stop_after else math.inf

    @property
    def seconds(self) -> float:
        """Seconds of training so far, those of earlier parts included."""
        return self._clock() - self._start

    def fraction(self, step: int) -> float:
        """Part of the training that is done before `step` (from 0): 0 at its beginning, 1 or more at its end."""
        return step / self._steps if self._steps else self.seconds / (60 * self._minutes)

    def pauses(self) -> bool:
        """Whether this part has had its time."""
        return self.seconds >= self._stop_at


def learning_rate(fraction: float, base: float, warmup: float) -> float:
    """Linear from 0 to `base` over the fraction `warmup` of the training, then a half cosine to 0 at its end."""
    if fraction < warmup:
        return base * fraction / warmup
    done = min(max((fraction - warmup) / (1 - warmup), 0.0), 1.0)
    return base * 0.5 * (1 + math.cos(math.pi * done))
