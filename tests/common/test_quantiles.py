"""Quantiles without NumPy's overhead."""

import numpy as np
import pytest

from src.common.quantiles import counted_quantile, quantile


@pytest.mark.parametrize("count", [1, 2, 7, 48])
@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 0.9, 1.0])
def test_they_are_those_of_numpy(count, share):
    values = np.random.default_rng(count).normal(size=count)
    assert quantile(np.sort(values), share) == pytest.approx(float(np.quantile(values, share)))


@pytest.mark.parametrize("counts", [[1], [0, 3, 0, 1], [5, 0, 0, 2, 9]])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.97, 1.0])
def test_of_counted_values_they_are_those_of_all(counts, share):
    values = np.arange(len(counts)) ** 2.0
    whole = float(np.quantile(np.repeat(values, counts), share))
    assert counted_quantile(values, np.array(counts), share) == pytest.approx(whole)
