"""Quantiles without NumPy's overhead."""

import numpy as np
import pytest

from src.common.quantiles import quantile


@pytest.mark.parametrize("count", [1, 2, 7, 48])
@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 0.9, 1.0])
def test_they_are_those_of_numpy(count, share):
    values = np.random.default_rng(count).normal(size=count)
    assert quantile(np.sort(values), share) == pytest.approx(float(np.quantile(values, share)))
