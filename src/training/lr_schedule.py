"""Learning rates as one float32 table with an entry per step.

The optimizers of MindSpore look the entry up by their own step counter, so a resumed run continues the curve
exactly. Tables are made for the whole training; stopping earlier uses a prefix of them.
"""

import math

import numpy as np

from src.common.options import OptionError


def warmup_cosine(
    base_lr: float,
    total_steps: int,
    *,
    warmup_steps: int = 0,
    warmup_ratio: float = 1 / 3,
) -> np.ndarray:
    """Linear warm-up, then half a cosine from `base_lr` down to 0 at the last step.

    lr[i] = base * (ratio + (1 - ratio) * i / warmup)                               for i < warmup
    lr[i] = base * (1 + cos(pi * (i - warmup) / (rest - 1))) / 2                    after it,
    where rest = total - warmup steps remain, so lr[warmup] = base and lr[total - 1] = 0.

    Args:
        base_lr: the highest rate, reached when the warm-up ends.
        total_steps: entries of the table, at least 1.
        warmup_steps: entries of the warm-up. A run too short for it gets a warm-up of a tenth of its steps,
            because a warm-up that never ends would never train at the given rate.
        warmup_ratio: where the warm-up starts, as a share of `base_lr`.

    Returns:
        (total_steps,) float32.
    """
    _check_steps(total_steps)
    if warmup_steps < 0 or not 0.0 <= warmup_ratio <= 1.0:
        raise OptionError(f"warm-up: {warmup_steps} steps from {warmup_ratio}; steps >= 0, ratio in 0..1 expected")
    warmup = usable_warmup(warmup_steps, total_steps)
    step = np.arange(total_steps, dtype=np.float64)
    rising = base_lr * (warmup_ratio + (1.0 - warmup_ratio) * step / max(warmup, 1))
    # A single step after the warm-up runs at the base rate: there is no room for a descent.
    progress = (step - warmup) / max(total_steps - warmup - 1, 1)
    falling = base_lr * (1.0 + np.cos(math.pi * progress)) / 2.0
    return np.where(step < warmup, rising, falling).astype(np.float32)


def usable_warmup(warmup_steps: int, total_steps: int) -> int:
    """`warmup_steps`, or a tenth of the run where it would take half of the run or more."""
    return warmup_steps if 2 * warmup_steps < total_steps else total_steps // 10


def constant(base_lr: float, total_steps: int) -> np.ndarray:
    """(total_steps,) float32 of `base_lr` (Adadelta scales its own steps)."""
    _check_steps(total_steps)
    return np.full(total_steps, base_lr, np.float32)


def _check_steps(total_steps: int) -> None:
    if total_steps < 1:
        raise ValueError(f"learning rate schedule: {total_steps} steps given, at least 1 expected")
