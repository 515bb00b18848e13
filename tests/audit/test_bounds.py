"""The linkage bound: its densities, what it says, and that no attack exceeds it."""

import warnings

import numpy as np
import pytest
from attacked import features
from scipy.stats import kstest
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import NotFittedError

from sklearn_homeo import HomeomorphicEncryptor, SecretKey, TanhEncryptor
from sklearn_homeo.audit import (
    clopper_pearson,
    forward_linkage_attack,
    linkage_bound,
    measured_linkage,
    preserved_linkage_bound,
)
from sklearn_homeo.audit._bounds import _noisy_coordinates

N_KEYS = 5


def fitted(noise, seed=0):
    X, y = load_breast_cancer(return_X_y=True)
    key = SecretKey.from_bytes(bytes([seed]) * 32)
    return (
        HomeomorphicEncryptor(leakage="scores", linkage_noise=noise, key=key).fit(X, y),
        X,
        y,
    )


def test_the_cipher_has_that_noise():
    encryptor, X, _ = fitted(0.3)
    noise = (_noisy_coordinates(encryptor, X) - encryptor.preserve(X)).ravel()
    assert noise.std() == pytest.approx(0.3, rel=0.1)
    assert kstest(noise / 0.3, "norm").pvalue > 1e-3


def test_values_far_apart_are_given_away_and_equal_ones_are_not():
    assert preserved_linkage_bound(10.0 * np.arange(50)[:, None], 0.1).bound == 1.0
    same = preserved_linkage_bound(np.zeros((50, 2)), 0.1)
    assert same.bound == pytest.approx(same.chance) == 0.02


def test_the_bound_is_the_success_of_the_best_guess():
    rng = np.random.default_rng(0)
    S = rng.normal(size=(200, 1))
    noise = 0.1 * rng.normal(size=(200, 200))
    seen = S + noise
    hits = (
        np.abs(seen[:, :, None] - S.ravel()).argmin(axis=2) == np.arange(200)[:, None]
    )
    bound = preserved_linkage_bound(S, 0.1).bound
    assert bound == pytest.approx(hits.mean(), rel=0.05)


def test_the_bound_holds_in_several_dimensions_and_is_within_that_of_the_range():
    rng = np.random.default_rng(0)
    S = rng.normal(size=(300, 2))
    seen = S + 0.5 * rng.normal(size=(300, 2))
    distances = ((seen[:, None] - S) ** 2).sum(axis=2)
    result = preserved_linkage_bound(S, 0.5)
    assert (distances.argmin(axis=1) == np.arange(300)).mean() <= result.bound
    assert result.bound <= result.range_bound


def test_more_noise_and_groups_lower_the_bound():
    X, y = features(400)
    bounds = [preserved_linkage_bound(X[:, :1], noise).bound for noise in (0.1, 0.3, 1)]
    assert bounds == sorted(bounds, reverse=True)
    S = X[:, :1] + 1000 * y[:, None]
    grouped = preserved_linkage_bound(S, 0.3, y=y)
    assert grouped.bound <= preserved_linkage_bound(S, 0.3).bound


@pytest.mark.parametrize("noise", [0.03, 0.1, 0.3])
def test_measured_linkage_does_not_exceed_the_bound(noise):
    bounds, given, regressed = [], [], []
    for seed in range(N_KEYS):
        encryptor, X, y = fitted(noise, seed)
        order = np.random.default_rng(seed).permutation(len(X))
        known, targets = order[:400], order[400:]
        bounds.append(linkage_bound(encryptor, X[targets], y[targets]).bound)
        given.append(measured_linkage(encryptor, X[targets]))
        Z = encryptor.transform(X)
        regressed.append(
            forward_linkage_attack(
                Z[known], X[known], Z[targets], X[targets], random_state=0
            )
        )
    # With one preserved direction the best attack's expected rate is the bound, so
    # that a measured one lies above it as often as below.
    for attacks in (given, regressed):
        hits, n = (
            sum(column)
            for column in zip(*((a.hits, a.n) for a in attacks), strict=True)
        )
        assert clopper_pearson(hits, n, 0.998)[0] <= np.mean(bounds)
        assert clopper_pearson(hits, n, 0.998)[1] >= 0.5 * np.mean(bounds)


def test_ciphers_without_noise_have_no_bound():
    X, y = features(200)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        encryptors = [
            HomeomorphicEncryptor(
                leakage="scores", linkage_noise=0.0, n_preserved=2
            ).fit(X, y),
            HomeomorphicEncryptor(leakage="space").fit(X, y),
            TanhEncryptor().fit(X, y),
        ]
    for encryptor in encryptors:
        assert linkage_bound(encryptor, X).bound == 1.0
        with pytest.raises(ValueError, match="no linkage noise to measure"):
            measured_linkage(encryptor, X)


def test_bad_input():
    encryptor, X, y = fitted(0.1)
    with pytest.raises(NotFittedError):
        linkage_bound(HomeomorphicEncryptor(), X)
    with pytest.raises(ValueError, match="y has 3 labels"):
        linkage_bound(encryptor, X, y[:3])
    with pytest.raises(ValueError, match="linkage_noise must be a number >= 0, got -1"):
        preserved_linkage_bound(X, -1)
    assert preserved_linkage_bound(X[:1], 0.1).bound == 1.0
