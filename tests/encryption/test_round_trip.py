"""Decryption gives back what was encrypted, at any depth, width and scale."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import StandardScaler

from problems import (
    CIPHERS,
    KEY,
    correlated,
    error_in_deviations,
    ignore_no_protection,
    wine,
    with_outliers,
)
from sklearn_homeo import HomeomorphicEncryptor


@pytest.mark.parametrize("n_features", [2, 64, 512, 1280])
def test_round_trip_is_the_same_at_all_depths(n_features):
    X, y = correlated(300, n_features)
    rows, errors = with_outliers(X), []
    for depth in (1, 3, 16, 64):
        encryptor = HomeomorphicEncryptor(depth, n_preserved=1, key=KEY).fit(X, y)
        back = encryptor.inverse_transform(encryptor.transform(rows))
        errors.append((np.abs(back - rows) / X.std(axis=0)).max())
    assert max(errors) <= 4e-9
    assert max(errors) == min(errors)


@pytest.mark.filterwarnings("ignore::sklearn_homeo.exceptions.LeakageWarning")
@given(
    n_features=st.integers(1, 300),
    depth=st.integers(1, 64),
    exponent=st.floats(-6, 6),
    n_samples=st.integers(4, 40),
    # Settled, so that nothing is searched for: what comes back does not depend on it.
    options=st.sampled_from(
        [
            {"leakage": "scores", "n_preserved": 2},
            {"leakage": "scores", "n_preserved": 2, "randomized": True},
            {"leakage": "cells", "n_cells": 4, "min_cell_size": 2},
            {"leakage": "space"},
        ]
    ),
    seed=st.integers(0, 2**20),
)
@settings(max_examples=25, deadline=None)
@ignore_no_protection
def test_round_trip_of_anything_in_range(
    n_features, depth, exponent, n_samples, options, seed
):
    X, y = correlated(n_samples, n_features, seed, (exponent, exponent))
    options = dict(options)
    if "n_preserved" in options:
        options["n_preserved"] = min(2, n_features)
    encryptor = HomeomorphicEncryptor(depth, key=KEY, **options).fit(X, y)
    rng = np.random.default_rng(seed)
    rows = X.mean(axis=0) + X.std(axis=0) * rng.normal(size=X.shape) * 8
    back = encryptor.inverse_transform(encryptor.transform(rows))
    assert (np.abs(back - rows) / X.std(axis=0)).max() <= 4e-9


@pytest.fixture(scope="module")
def six_features():
    X, y = wine()
    X = StandardScaler().fit_transform(X)[:, :6]
    return HomeomorphicEncryptor(key=KEY, n_preserved=1).fit(X, y)


@given(values=st.lists(st.floats(-1e5, 1e5), min_size=6, max_size=6))
@settings(max_examples=50, deadline=None)
def test_finite_floats_come_back_or_are_refused(six_features, values):
    encryptor = six_features
    row = np.array([values])
    try:
        Z = encryptor.transform(row)
    except ValueError as error:
        assert "Row 0 of X" in str(error)
    else:
        np.testing.assert_allclose(encryptor.inverse_transform(Z), row, atol=4e-9)


@pytest.mark.parametrize("options", CIPHERS)
@pytest.mark.parametrize(
    "case",
    ["constant", "collinear", "all constant but one", "wide", "integer", "float32"],
)
def test_round_trip_of_awkward_columns(case, options):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 8))
    y = np.arange(60) % 3
    X[:, 0] += y
    if case == "constant":
        X[:, 3], X[:, 4] = 7.0, 0.0
    elif case == "collinear":
        X[:, 5:] = X[:, :1] * [1.0, -2.0, 1e5]
    elif case == "all constant but one":
        X[:, 1:] = 1e6
    elif case == "wide":
        X, y = np.hstack([X, rng.normal(size=(60, 200))])[:20], y[:20]
    elif case == "integer":
        X = np.round(X * 100).astype(np.int32)
    elif case == "float32":
        X = X.astype(np.float32)
    encryptor = HomeomorphicEncryptor(key=KEY, **options).fit(X, y)
    Z = encryptor.transform(X)
    assert Z.dtype == np.float64
    assert error_in_deviations(encryptor.inverse_transform(Z), X).max() <= 1e-6


@ignore_no_protection
@pytest.mark.parametrize("n_features", [1, 2, 3])
@pytest.mark.parametrize(
    "options", [options for options in CIPHERS if "n_preserved" not in options]
)
def test_very_few_features(n_features, options):
    X, y = correlated(50, n_features)
    encryptor = HomeomorphicEncryptor(key=KEY, **options).fit(X, y)
    Z = encryptor.transform(X)
    assert error_in_deviations(encryptor.inverse_transform(Z), X).max() <= 4e-9
    assert Z.shape == (50, 7 if options.get("randomized") else 5)


def test_25000_features_fit_into_memory():
    """In a process of its own, so that the peak is this job's."""
    script = """
        import resource, numpy as np
        from sklearn_homeo import HomeomorphicEncryptor, SecretKey
        rng = np.random.default_rng(0)
        y = np.arange(60) % 2
        X = rng.normal(size=(60, 25_000)) + y[:, None] * (rng.random(25_000) < 0.01)
        key = SecretKey.from_bytes(bytes(32))
        encryptor = HomeomorphicEncryptor(2, n_preserved=1, key=key).fit(X, y)
        Z = encryptor.transform(X)
        back = encryptor.inverse_transform(Z)
        assert np.abs(back - X).max() < 1e-6, np.abs(back - X).max()
        one = encryptor.transform(X[7:8])
        assert np.abs(one - Z[7]).max() < 1e-9
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 6, "GiB at the peak"


@pytest.mark.parametrize("kind", ["zero", "one direction", "few rows"])
def test_wide_data_of_low_rank(kind):
    """Above the width of dense matrices, with fewer axes than directions to find."""
    rng = np.random.default_rng(0)
    y = np.arange(12) % 2
    X = {
        "zero": np.zeros((12, 5000)),
        "one direction": np.outer(y + 0.1 * rng.normal(size=12), rng.normal(size=5000)),
        "few rows": rng.normal(size=(12, 5000)) + 3 * y[:, None],
    }[kind]
    encryptor = HomeomorphicEncryptor(key=KEY).fit(X, y)
    assert encryptor.n_preserved_ == 1
    scale = np.where(X.std(axis=0) > 0, X.std(axis=0), 1.0)
    rows = X + scale * rng.normal(size=X.shape)
    back = encryptor.inverse_transform(encryptor.transform(rows))
    assert np.abs((back - rows) / scale).max() <= 1e-6


@pytest.mark.parametrize("constant", [1_700_000_000.0, 7.0, -1e-6, 0.0])
def test_constant_columns_may_vary_later(constant):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 5))
    X[:, 2] = constant
    encryptor = HomeomorphicEncryptor(key=KEY).fit(X, X[:, 0] > 0)
    rows, size = X[:3].copy(), min(abs(constant), 1.0) or 1.0
    rows[:, 2] += np.array([1, 5, 3600]) * size
    back = encryptor.inverse_transform(encryptor.transform(rows))
    np.testing.assert_allclose(back[:, 2], rows[:, 2], atol=1e-6 * size, rtol=0)


def test_little_variation_beside_a_large_mean_is_kept():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 5))
    X[:, 2] = 1e6 + 1e-7 * X[:, 2]
    encryptor = HomeomorphicEncryptor(key=KEY).fit(X, X[:, 0] > 0)
    back = encryptor.inverse_transform(encryptor.transform(X))
    # The spacing of doubles there is 1.2e-10.
    assert np.abs(back[:, 2] - X[:, 2]).max() <= 2.4e-10
