import math

import numpy as np
import pytest

from src.training.lr_schedule import constant, warmup_cosine


def plain(base, total, warmup, ratio):
    rates = []
    for i in range(total):
        if i < warmup:
            rates.append(base * (ratio + (1 - ratio) * i / warmup))
        else:
            part = (i - warmup) / (total - 1 - warmup)
            rates.append(base * 0.5 * (1 + math.cos(math.pi * part)))
    return rates


def test_equals_a_plain_loop():
    rates = warmup_cosine(0.009, 1000, warmup_steps=300, warmup_ratio=1 / 3)
    assert rates.dtype == np.float32
    np.testing.assert_allclose(rates, plain(0.009, 1000, 300, 1 / 3), rtol=1e-6, atol=1e-9)


def test_starts_peaks_and_ends_where_it_says():
    rates = warmup_cosine(0.005, 11450, warmup_steps=300, warmup_ratio=1 / 3)
    assert rates[0] == pytest.approx(0.005 / 3)
    assert rates[300] == rates.max() == np.float32(0.005)
    assert rates[-1] == 0
    assert (np.diff(rates[:301]) > 0).all()
    assert (np.diff(rates[300:]) <= 0).all()


def test_warm_up_longer_than_half_of_the_run_is_shortened():
    # The published pre-training schedule warms up for 30000 steps, whatever the run's length.
    rates = warmup_cosine(0.009, 1000, warmup_steps=30000)
    assert rates.argmax() == 100
    assert rates.max() == np.float32(0.009)
    assert rates[-1] == 0


@pytest.mark.parametrize("total", [1, 2, 3])
def test_very_short_runs(total):
    rates = warmup_cosine(0.1, total, warmup_steps=2)
    assert rates.shape == (total,)
    assert rates[0] == np.float32(0.1)
    assert np.isfinite(rates).all()


def test_constant():
    np.testing.assert_array_equal(constant(1.0, 4), np.ones(4, np.float32))


@pytest.mark.parametrize("options", [{"total_steps": 0}, {"warmup_steps": -1}, {"warmup_ratio": 1.5}])
def test_bad_values_are_named(options):
    with pytest.raises(ValueError):
        warmup_cosine(**{"base_lr": 0.1, "total_steps": 10, **options})
