"""The schedule by the clock."""

import math

import pytest

from pytorch.budget import Budget, learning_rate
from src.common.errors import UserError


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def test_time_and_steps_run_out():
    clock = Clock()
    budget = Budget(2.0, 0, used_seconds=30.0, stop_after=0.5, clock=clock)
    assert budget.fraction(99) == pytest.approx(30 / 120)
    clock.now += 29
    assert not budget.pauses()
    clock.now += 1
    assert (budget.seconds, budget.fraction(0), budget.pauses()) == (60, 0.5, True)
    clock.now += 61
    assert budget.fraction(0) > 1
    by_steps = Budget(0.0, 8, clock=clock)
    clock.now += 1e6
    assert [by_steps.fraction(step) for step in (0, 4, 8)] == [0, 0.5, 1]
    assert not by_steps.pauses()


@pytest.mark.parametrize(("minutes", "steps"), [(0, 0), (1, 1), (-1, 0)])
def test_one_length_is_needed(minutes, steps):
    with pytest.raises(UserError, match="give one of them"):
        Budget(minutes, steps)


def test_learning_rate():
    rates = [learning_rate(fraction, 2.0, 0.2) for fraction in (0, 0.1, 0.2, 0.6, 1.0, 1.3)]
    assert rates == pytest.approx([0, 1, 2, 1, 0, 0], abs=1e-12)
    assert learning_rate(0.3, 1.0, 0.0) == pytest.approx(0.5 * (1 + math.cos(0.3 * math.pi)))
