"""Records and encodings of which the attacks' success is known."""

import numpy as np

from sklearn_homeo.audit import AttackResult

CIPHERS = ("identity", "rotation", "smooth", "noise")


def features(n_samples=300, n_features=12, seed=0):
    """Rows like those of a network: correlated, skewed, many zeros, two classes."""
    rng = np.random.default_rng(seed)
    y = np.arange(n_samples) % 2
    hidden = rng.exponential(size=(n_samples, n_features)) + 0.5 * y[:, None]
    mixing = rng.normal(size=(n_features, n_features)) * 0.4 + np.eye(n_features)
    return np.maximum(hidden @ mixing, 0.0), y


def rotation(n, seed=1):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(n, n)))[0]


def units(X):
    scale = X.std(axis=0)
    return (X - X.mean(axis=0)) / np.where(scale > 0, scale, 1.0)


def encrypted(cipher, X, seed=1):
    if cipher == "identity":
        return X
    if cipher == "rotation":
        return units(X) @ rotation(X.shape[1], seed)
    if cipher == "smooth":
        return np.arcsinh(units(X) @ rotation(X.shape[1], seed) + 0.3)
    return np.random.default_rng(seed).normal(size=X.shape)


def within_chance(result):
    """Whether a rate is no more than 3.3 standard errors above chance."""
    error = (result.interval[1] - result.interval[0]) / 3.92
    return result.rate - 3.3 * error <= result.chance


def check_fields(result):
    assert isinstance(result, AttackResult)
    low, high = result.interval
    assert 0 <= low <= result.rate + 1e-12 and result.rate - 1e-12 <= high <= 1
    assert result.seconds > 0
