"""What labels of numbers tell of rows, and what predictions of them tell."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from problems import KEY
from sklearn_homeo import HomeomorphicEncryptor
from sklearn_homeo.encryption._number_floors import number_floors


def rows(n_samples=400):
    X, noise = np.split(np.random.default_rng(0).normal(size=(n_samples, 3)), [2], 1)
    return X, X[:, 0] + noise[:, 0]


def test_the_better_a_prediction_can_be_the_more_it_tells():
    X, y = rows(800)
    # The label correlates by the root of a half with one column of two.
    floors = number_floors(X, y)
    assert floors.label == pytest.approx(0.25, abs=0.04)
    assert floors.prediction_r2 == pytest.approx(0.5, abs=0.04)
    # The label's floor divided by the prediction's R2.
    assert floors.prediction == pytest.approx(0.5, abs=0.04)
    several = number_floors(X, np.column_stack([y, X[:, 1]]))
    assert several.label == pytest.approx(0.75, abs=0.05)


@pytest.mark.parametrize("seed", range(3))
def test_predictions_that_see_nothing_have_no_floor_of_their_own(seed):
    rng = np.random.default_rng(seed)
    # Any direction of such rows tells much of them.
    X = rng.normal(size=(300, 6)) + 2 * rng.normal(size=(300, 1))
    floors = number_floors(X, rng.normal(size=300))
    assert floors.prediction == floors.label < 0.03


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 2), st.floats(0, 2), st.floats(0, 1))
def test_lemma_of_the_predictions_floor(seed, curved, spared, noise):
    """On a finite population, where the best prediction is known exactly."""
    rng = np.random.default_rng(seed)
    X = whitened(rng.normal(size=(60, 5))) @ rng.normal(size=(5, 5))
    X /= X.std(axis=0)
    m = X @ rng.normal(size=5)
    m += curved * centred(rng.normal(size=60)) * m.std()
    surprise = rng.uniform(0.1, 2) * m.std()
    # Every row twice: the label's mean in a row is the prediction.
    y, X, m = np.r_[m + surprise, m - surprise], np.r_[X, X], np.r_[m, m]
    y, m = y / y.std(), m / y.std()
    R, c, covariance = (m**2).mean(), X.T @ y / len(y), X.T @ X / len(y)
    assert explained(X, m) == pytest.approx((c**2).mean() / R)

    def least(kept, weight):
        shrunk = np.linalg.solve(np.eye(5) + weight * covariance, c)
        return (kept / (R - weight * c @ shrunk) - 1) / (weight * 5)

    linear = np.linalg.solve(covariance, c)
    sparing = m - X @ linear
    sparing += X @ np.linalg.solve(np.eye(5) + spared * covariance, linear)
    p = sparing + noise * np.tile(centred(rng.normal(size=60)), 2)
    kept = (y @ p / len(y)) ** 2 / (p**2).mean()
    for weight in (0.01, 0.1, max(spared, 1e-3), 10.0):
        assert explained(X, p) >= least(kept, weight) - 1e-9
    # No bound could be higher: these predictions reach it.
    if spared > 0.01:
        kept = (y @ sparing / len(y)) ** 2 / (sparing**2).mean()
        assert explained(X, sparing) == pytest.approx(least(kept, spared), abs=1e-9)


def centred(values):
    return values - values.mean(axis=0)


def whitened(X):
    return np.linalg.qr(centred(X))[0]


def explained(X, p):
    """Share of the variance of ``X`` that a regression on ``p`` explains."""
    p = centred(p)
    return ((X.T @ p) ** 2).sum() / (p @ p) / (X**2).sum()


def test_few_rows_have_no_floors():
    X, y = rows(11)
    assert np.isnan(number_floors(X, y).label)


@pytest.mark.parametrize("options", [
    {"leakage": "cells", "n_cells": 4},
    {"leakage": "scores", "n_preserved": 2, "linkage_noise": 0.1},
])  # fmt: skip
@pytest.mark.filterwarnings("ignore::sklearn_homeo.exceptions.LossOfAccuracyWarning")
def test_certificates_show_them_beside_what_cells_explain(options):
    X, y = rows(200)
    encryptor = HomeomorphicEncryptor(key=KEY, **options).fit(X, y)
    assert encryptor.certificate(X).linking.number_floors is None
    certificate = encryptor.certificate(X, y)
    # A number is a class of its own in each row: no floor of linking.
    assert np.isnan(certificate.linking.label_floor)
    floors = certificate.linking.number_floors
    assert 0 < floors.label < floors.prediction
    assert f"variance by the label alone    {floors.label:.1%}" in str(certificate)
    assert f"{floors.prediction:.1%} (of an R2 of" in str(certificate)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        encryptor.certificate(X, y[:-1])
