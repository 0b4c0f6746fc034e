"""How fast training is: time of steps with data loading, without compilation, saving and evaluation."""

import time
from collections.abc import Callable

WARMUP_STEPS = 10


class Throughput:
    """Times steps from the end of one to the end of the next.

    Args:
        images_per_step: over all ranks.
        warmup_steps: first steps that `images_per_second` leaves out. The first one compiles the graph and is
            always left out; a run shorter than the warm-up leaves out just that one.
        clock: seconds, replaced in tests.
    """

    def __init__(
        self,
        images_per_step: int,
        warmup_steps: int = WARMUP_STEPS,
        clock: Callable[[], float] = time.perf_counter,
    ):
        self.images_per_step = images_per_step
        self.warmup_steps = warmup_steps
        self.clock = clock
        self.compile_seconds = 0.0
        self._mark = clock()
        self._steps = 0
        self._all = [0, 0.0]  # steps and seconds, without the first
        self._warm = [0, 0.0]
        self._window = [0, 0.0]

    def restart_clock(self) -> None:
        """Forget the time since the last step: it went into something else."""
        self._mark = self.clock()

    def step_done(self) -> None:
        """A step ended now."""
        now = self.clock()
        seconds, self._mark = now - self._mark, now
        self._steps += 1
        if self._steps == 1:
            self.compile_seconds = seconds
            return
        for total in (self._all, self._window, *([self._warm] if self._steps > self.warmup_steps else [])):
            total[0] += 1
            total[1] += seconds

    def window(self) -> float | None:
        """Images per second since the last call of this function; None before a step was timed."""
        rate, self._window = self._rate(self._window), [0, 0.0]
        return rate

    @property
    def images_per_second(self) -> float | None:
        """Mean over the steps after the warm-up; None if no step was timed."""
        return self._rate(self._warm) or self._rate(self._all)

    @property
    def seconds_per_step(self) -> float | None:
        rate = self.images_per_second
        return self.images_per_step / rate if rate else None

    def _rate(self, total: list) -> float | None:
        return total[0] * self.images_per_step / total[1] if total[1] > 0 else None
