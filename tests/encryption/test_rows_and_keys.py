"""Ciphertexts depend on the key and the row, on nothing else."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import SplineTransformer

from problems import CIPHERS, KEY, OTHER, correlated, wine
from sklearn_homeo import HomeomorphicEncryptor, SecretKey
from sklearn_homeo._utils.arrays import to_device


def residual(Z, S):
    """What of the ciphertexts the preserved coordinates do not explain."""
    S = SplineTransformer(40, knots="quantile").fit_transform(S)
    Z = Z - S @ np.linalg.lstsq(S, Z, rcond=None)[0]
    return (Z - Z.mean(axis=0)) / Z.std(axis=0)


@pytest.mark.parametrize("depth", [1, 3, 10])
def test_keys_share_nothing_but_the_preserved_coordinates(depth):
    X, y = correlated(2000, 30)
    parts = []
    for key in (KEY, OTHER):
        encryptor = HomeomorphicEncryptor(
            depth, n_preserved=1, linkage_noise=0.0, key=key
        ).fit(X, y)
        parts.append(residual(encryptor.transform(X), encryptor.preserve(X)))
    between = parts[0].T @ parts[1] / len(X)
    # The largest of 900 correlations of independent columns is about 0.075.
    assert np.abs(between).max() < 0.11


def test_smooth_keys_differ():
    X, y = correlated(500, 30)
    Z = [
        HomeomorphicEncryptor(cipher="smooth", key=key).fit(X).transform(X)
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


@pytest.mark.parametrize("options", CIPHERS)
def test_rows_do_not_depend_on_their_batch_or_order(options):
    X, y = load_breast_cancer(return_X_y=True)
    encryptor = HomeomorphicEncryptor(10, key=KEY, **options).fit(X, y)
    Z = encryptor.transform(X)
    order = np.random.default_rng(0).permutation(len(X))
    np.testing.assert_allclose(encryptor.transform(X[order]), Z[order], atol=1e-11)
    np.testing.assert_allclose(encryptor.transform(X[5:6])[0], Z[5], atol=1e-11)
    encryptor.set_params(batch_size=7)
    np.testing.assert_allclose(encryptor.transform(X), Z, atol=1e-11)
    np.testing.assert_allclose(encryptor.transform(np.asfortranarray(X)), Z, atol=1e-11)


def test_lattice_points_do_not_depend_on_threads_batches_or_device():
    from threadpoolctl import threadpool_limits

    X, y = correlated(200, 300)
    cipher = HomeomorphicEncryptor(key=KEY, n_preserved=3).fit(X, y)._cipher

    def points(rows):
        lattice = cipher.frame.forward(rows)
        for lock in cipher.locks:
            lattice = lock.forward(lattice)
        return lattice

    whole = points(X)
    for n_threads in (1, 2):
        with threadpool_limits(n_threads):
            np.testing.assert_array_equal(points(X), whole)
    np.testing.assert_array_equal(
        np.vstack([points(X[i : i + 3]) for i in range(0, 200, 3)]), whole
    )
    cipher = to_device(cipher, "cpu")
    np.testing.assert_array_equal(points(torch.tensor(X)).numpy(), whole)


def test_torch_gives_the_same_ciphertexts():
    X, y = wine()
    encryptor = HomeomorphicEncryptor(key=KEY).fit(X, y)
    Z = encryptor.transform(X)
    encryptor.set_params(device="cpu")
    np.testing.assert_allclose(encryptor.transform(X), Z, atol=1e-11)
    np.testing.assert_allclose(encryptor.inverse_transform(Z), X, rtol=1e-6)
    encryptor.set_params(device="no such device")
    with pytest.raises(ValueError, match="device='no such device' cannot be used"):
        encryptor.transform(X)
