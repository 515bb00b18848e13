"""The encryptor that benchmarks of speed and of memory use."""

import numpy as np

from sklearn_homeo import HomeomorphicEncryptor, SecretKey

__all__ = ["make_encryptor"]


def make_encryptor(width, depth=3):
    """A fitted encryptor; its speed does not depend on what it was fitted to."""
    X = np.random.default_rng(0).normal(size=(60, width))
    key = SecretKey.from_bytes(bytes(range(32)))
    encryptor = HomeomorphicEncryptor(depth, leakage="scores", n_preserved=2, key=key)
    return encryptor.fit(X)
