"""Whitened rows do not tell by their length that the frame was fitted to them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from problems import axes_of_falling_variance
from sklearn_homeo.encryption.label_space.whitening import (
    QUIET_AUC,
    QUIET_GAIN,
    RIDGES,
    PrincipalAxes,
    _quiet_ridge,
)


@given(seed=st.integers(0, 1000), n_samples=st.sampled_from([41, 199, 997]))
@settings(max_examples=20, deadline=None)
def test_the_ridge_is_the_least_that_is_quiet(seed, n_samples):
    rng = np.random.default_rng(seed)
    variances = rng.exponential(size=60) ** 2
    squares = rng.normal(size=(n_samples, 60)) ** 2 * variances

    def told(ridge):
        lengths = squares @ (1 / (variances + ridge))
        elsewhere = lengths / np.maximum(1 - lengths / n_samples, 1e-12)
        return roc_auc_score(
            np.repeat([1, 0], n_samples), np.append(elsewhere, lengths)
        )

    ridge = _quiet_ridge(squares, variances, n_samples, 0.0)
    most = max(QUIET_AUC, min(map(told, RIDGES)) + QUIET_GAIN)
    assert told(ridge) <= most
    assert all(told(less) > most - 1e-9 for less in RIDGES[RIDGES < ridge])


@pytest.mark.parametrize("shrinkage", [0.01, 0.5, 0.9, 1.0])
def test_the_ridge_is_not_less_than_the_shrinkage(shrinkage):
    squares = np.random.default_rng(0).normal(size=(5000, 3)) ** 2
    ridge = _quiet_ridge(squares, np.ones(3), 5000, shrinkage)
    assert ridge == RIDGES[-1] or ridge / (1 + ridge) >= shrinkage
    assert ridge <= max(RIDGES[0], 1.2 * shrinkage / (1 - min(shrinkage, 0.9)))


def test_no_axis_exceeds_unit_variance():
    # Or it would stick out of its mask.
    X = axes_of_falling_variance(300)
    units = (X - X.mean(axis=0)) / X.std(axis=0)
    axes = PrincipalAxes.from_data(units)
    assert (units @ axes.vectors * axes.gains).std(axis=0).max() <= 1 + 1e-9
