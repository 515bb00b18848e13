"""Keys, settings and data that several test files share."""

import contextlib
import io

import numpy as np
import pytest
from sklearn.datasets import load_wine
from sklearn.utils import Bunch

from sklearn_homeo import SecretKey
from sklearn_homeo.__main__ import main

KEY = SecretKey.from_bytes(bytes(range(32)))
OTHER = SecretKey.from_bytes(bytes(range(1, 33)))
CIPHERS = [
    {},
    {"n_preserved": 2},
    {"linkage_noise": 0.0},
    {"randomized": True},
    {"leakage": "space"},
]
ignore_no_protection = pytest.mark.filterwarnings(
    "ignore::sklearn_homeo.exceptions.NoProtectionWarning"
)


def wine():
    return load_wine(return_X_y=True)


def error_in_deviations(found, X):
    scale = X.std(axis=0)
    return np.abs(found - X).max(axis=0) / np.where(scale > 0, scale, 1.0)


def correlated(n_samples, n_features, seed=0, scales=(-6, 6)):
    """Rows with mixed scales, and a label in one direction of many."""
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(n_features, n_features)) / n_features**0.5
    X = rng.normal(size=(n_samples, n_features)) @ (mixing + 0.3 * np.eye(n_features))
    y = (X[:, 0] > np.median(X[:, 0])).astype(int)
    return X * 10.0 ** rng.uniform(*scales, size=n_features), y


def with_outliers(X, seed=0):
    rng = np.random.default_rng(seed)
    far = X[:20].copy()
    far[:10] = X.mean(axis=0) + 50 * X.std(axis=0) * rng.choice([-1, 1], (10, 1))
    far[10:, 0] = X[:, 0].mean() + 50 * X[:, 0].std()
    return np.vstack([X, far])


def run(*argv):
    """Run the command line in process; its exit status and what it prints."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main([str(part) for part in argv])
    return Bunch(status=status, out=out.getvalue(), err=err.getvalue())


def axes_of_falling_variance(n_samples, n=200, seed=0):
    """Rows on axes of falling variance."""
    rng = np.random.default_rng(seed)
    turn = np.linalg.qr(np.random.default_rng(7).normal(size=(n, n)))[0]
    return rng.normal(size=(n_samples, n)) / np.sqrt(1 + np.arange(n)) @ turn


def two_classes(n_samples=1500, n=128, gap=1.0, rare=2, seed=0):
    """Classes apart along twenty axes; one row of ``rare`` is of the second."""
    X = axes_of_falling_variance(n_samples, n, seed)
    turn = np.linalg.svd(X, full_matrices=False)[2]
    y = (np.arange(n_samples) % rare == 0).astype(int)
    F = X @ turn.T
    F[:, 10:30] += gap * y[:, None] * F[:, 10:30].std(axis=0)
    return F @ turn, y
