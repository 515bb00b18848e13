"""Attacks by somebody who may encrypt, or who hopes for a weak key."""

import numpy as np
import pytest
from attacked import check_fields

from problems import KEY
from sklearn_homeo import HomeomorphicEncryptor, SecretKey, TanhEncryptor
from sklearn_homeo.audit import chosen_plaintext_attack, seed_search

insecure = pytest.mark.filterwarnings(
    "ignore::sklearn_homeo.exceptions.InsecureKeyWarning"
)


def records(n_samples=1800, n_features=8, seed=0):
    X = np.random.default_rng(seed).normal(size=(n_samples, n_features))
    return X, (X[:, 0] + 0.1 * X[:, 1] > 0).astype(int)


def fitted(X, y=None, depth=3, key=KEY, **options):
    return HomeomorphicEncryptor(depth, n_preserved=1, key=key, **options).fit(X, y)


@pytest.mark.parametrize("cipher", ["linear", "tanh", "space", "scores"])
@pytest.mark.filterwarnings("ignore::sklearn_homeo.exceptions.BrokenCipherWarning")
def test_chosen_plaintexts(cipher):
    X, y = records(300)
    if cipher == "linear":
        turn = np.linalg.qr(np.random.default_rng(1).normal(size=(8, 8)))[0]
        result = chosen_plaintext_attack(lambda X: X @ turn, X[:200], X[200:])
    else:
        if cipher == "tanh":
            encrypt = TanhEncryptor(key=KEY).fit(X).transform
        else:
            encrypt = fitted(X, y, leakage=cipher).transform
        result = chosen_plaintext_attack(encrypt, X[:200], X[200:])
    assert result.measure == "R2" and result.rate == result.r2
    assert result.queries == 9
    if cipher == "scores":
        assert result.r2 <= 0.3
    else:
        assert result.r2 > (0.7 if cipher == "space" else 0.99)
        assert result.local_r2 > 0.99


def test_oracle_attacks_refuse_wrong_shapes():
    X, _ = records(50)
    with pytest.raises(ValueError, match="8 columns, targets 7"):
        chosen_plaintext_attack(np.asarray, X, X[:, :7])


@insecure
def test_seed_search_finds_seeds_and_no_real_keys():
    X, _ = records(200, 16)
    weak = fitted(X, key=SecretKey.insecure_from_seed(150))
    z = weak.transform(X[:1])[0]
    found = seed_search(weak, X[0], z, seeds=range(300))
    check_fields(found)
    assert (found.rate, found.seed, found.tried) == (1.0, 150, 151)
    # A key of 20 bits; whoever has a quarter of an hour tries the other ones too.
    weak = fitted(X, key=SecretKey.insecure_from_seed(2**20 - 7))
    z = weak.transform(X[:1])[0]
    assert seed_search(weak, X[0], z, seeds=range(2**20 - 99, 2**20)).rate == 1.0
    real = fitted(X, key=SecretKey.generate())
    missed = seed_search(real, X[0], real.transform(X[:1])[0], seeds=range(300))
    assert (missed.rate, missed.seed, missed.tried) == (0.0, None, 300)
    with pytest.raises(ValueError, match="expected 16"):
        seed_search(weak, X[0, :5], z)
