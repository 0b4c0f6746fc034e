import json

import pytest

from src.common.errors import UserError
from src.training.loss_scale import LossScaler


def test_overflow_halves_and_is_counted_and_good_steps_double():
    scaler = LossScaler.from_option("dynamic")
    scaler.growth_interval = 3
    assert scaler.scale == 65536
    assert scaler.after_step(True)
    assert scaler.after_step(True)
    assert (scaler.scale, scaler.overflows) == (16384, 2)
    assert all(scaler.after_step(False) for _ in range(2))
    assert scaler.scale == 16384
    scaler.after_step(False)
    assert scaler.scale == 32768


def test_growth_counts_good_steps_in_a_row_and_has_a_ceiling():
    scaler = LossScaler(scale=2.0**23, dynamic=True, enabled=True, growth_interval=2)
    scaler.after_step(False)
    scaler.after_step(True)
    scaler.after_step(False)
    assert scaler.scale == 2.0**22
    for _ in range(20):
        scaler.after_step(False)
    assert scaler.scale == scaler.highest


def test_dynamic_gives_up_when_the_scale_is_one():
    scaler = LossScaler(scale=4.0, dynamic=True, enabled=True)
    assert [scaler.after_step(True) for _ in range(3)] == [True, True, False]


def test_fixed_stays_and_gives_up_after_patience():
    scaler = LossScaler.from_option(128)
    answers = [scaler.after_step(True) for _ in range(scaler.patience)]
    assert answers == [True] * (scaler.patience - 1) + [False]
    assert scaler.scale == 128


@pytest.mark.parametrize("option", [None, 1, 1.0])
def test_without_a_scale_nothing_is_tolerated(option):
    scaler = LossScaler.from_option(option)
    assert not scaler.enabled
    assert not scaler.after_step(True)


def test_state_round_trip_through_json():
    scaler = LossScaler.from_option("dynamic")
    for overflowed in (True, False, True, False, False):
        scaler.after_step(overflowed)
    fresh = LossScaler.from_option("dynamic")
    fresh.restore(json.loads(json.dumps(scaler.state())))
    assert fresh == scaler


@pytest.mark.parametrize("option", ["auto", 0, -1, float("inf"), True])
def test_bad_option(option):
    with pytest.raises(UserError, match="loss_scale"):
        LossScaler.from_option(option)
