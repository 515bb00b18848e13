"""Ciphertexts depend on the key and the row, on nothing else."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

from problems import CIPHERS, KEY, OTHER, correlated, wine
from sklearn_homeo import HomeomorphicEncryptor, SecretKey


def residues(Z):
    """The low 47 bits, from -1/2 to 1/2."""
    return np.mod(Z * 8, 1.0) - 0.5


@pytest.mark.parametrize("depth", [1, 3, 10])
def test_residues_of_two_keys_and_of_a_row_are_unrelated(depth):
    X, y = correlated(2000, 30)
    parts = [(X - X.mean(axis=0)) / X.std(axis=0)]
    for key in (KEY, OTHER):
        encryptor = HomeomorphicEncryptor(depth, n_preserved=1, key=key).fit(X, y)
        found = residues(encryptor.transform(X))
        assert found.std() == pytest.approx(12**-0.5, rel=0.01)
        parts.append(found * 12**0.5)
    for i, j in [(0, 1), (0, 2), (1, 2)]:
        # The largest of 900 correlations of independent columns is about 0.075.
        assert np.abs(parts[i].T @ parts[j] / len(X)).max() < 0.11


def test_smooth_keys_differ():
    X, y = correlated(500, 30)
    Z = [
        HomeomorphicEncryptor(leakage="space", key=key).fit(X).transform(X)
        for key in (KEY, OTHER)
    ]
    diagonal = (Z[0] * Z[1]).mean(axis=0) / (Z[0].std(axis=0) * Z[1].std(axis=0))
    assert np.abs(diagonal).mean() < 0.5


def test_one_flipped_key_bit_changes_every_value():
    X, y = wine()
    flipped = bytearray(KEY.to_bytes())
    flipped[31] ^= 1
    Z = [
        HomeomorphicEncryptor(key=key).fit(X, y).transform(X)
        for key in (KEY, SecretKey.from_bytes(bytes(flipped)))
    ]
    assert np.mean(np.isclose(Z[0], Z[1], atol=1e-6)) < 0.001
    residues = [np.mod(z * 2**50, 2**47) for z in Z]
    assert (residues[0] != residues[1]).all()


def test_same_key_same_ciphertexts_and_fresh_keys_differ():
    X, y = wine()
    a, b = (HomeomorphicEncryptor(key=KEY).fit(X, y) for _ in range(2))
    np.testing.assert_array_equal(a.transform(X), b.transform(X))
    first, second = (HomeomorphicEncryptor().fit(X, y) for _ in range(2))
    assert first.key_ != second.key_
    assert first.key is None
    assert first.key_fingerprint_ == first.key_.fingerprint


@pytest.mark.parametrize("target_type", ["discrete", "continuous"])
def test_random_state_of_numpy_is_left_alone_and_does_not_matter(target_type):
    X, y = wine()
    np.random.seed(0)
    before = np.random.get_state()
    a = HomeomorphicEncryptor(target_type=target_type, key=KEY).fit(X, y).transform(X)
    np.testing.assert_equal(np.random.get_state(), before)
    np.random.seed(1)
    b = HomeomorphicEncryptor(target_type=target_type, key=KEY).fit(X, y).transform(X)
    np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("options", [o for o in CIPHERS if "randomized" not in o])
def test_rows_do_not_depend_on_their_batch_or_order(options):
    X, y = load_breast_cancer(return_X_y=True)
    encryptor = HomeomorphicEncryptor(10, key=KEY, **options).fit(X, y)
    Z = encryptor.transform(X)
    order = np.random.default_rng(0).permutation(len(X))
    np.testing.assert_array_equal(encryptor.transform(X[order]), Z[order])
    np.testing.assert_array_equal(encryptor.transform(X[5:6])[0], Z[5])
    np.testing.assert_array_equal(encryptor.transform(np.asfortranarray(X)), Z)


def test_device_is_checked():
    X, y = wine()
    with pytest.raises(ValueError, match="device='no such device' cannot be used"):
        HomeomorphicEncryptor(device="no such device").fit(X, y)
