"""Rotations, skews, and the smooth homeomorphism made of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_homeo import SecretKey
from sklearn_homeo.ciphers.lattice import Lattice
from sklearn_homeo.ciphers.rotation import DenseRotation, WalkRotation
from sklearn_homeo.ciphers.skew import Skew
from sklearn_homeo.ciphers.smooth import SmoothCipher

KEY = SecretKey.from_bytes(bytes(range(32)))


def made(X, depth=3, digest=b"digest", key=KEY):
    return SmoothCipher.from_key(Lattice.from_data(X), key, depth, digest)


def encrypted(cipher, X):
    out = np.empty((len(X), cipher.width))
    cipher.encrypt(X, out)
    return out


@pytest.mark.parametrize("n", [1, 2, 3, 64, 257])
def test_rotation_is_orthogonal_and_the_same_dense_or_not(n):
    walk = WalkRotation.from_stream(KEY.stream("r"), n)
    dense = DenseRotation.from_stream(KEY.stream("r"), n)
    x = np.random.default_rng(0).normal(size=(6, n))
    np.testing.assert_allclose(dense.matrix @ dense.matrix.T, np.eye(n), atol=1e-13)
    np.testing.assert_allclose(walk.forward(x), dense.forward(x), atol=1e-12)
    np.testing.assert_allclose(walk.inverse(walk.forward(x)), x, atol=1e-12)
    np.testing.assert_allclose(dense.inverse(dense.forward(x)), x, atol=1e-12)


def test_rotation_spreads_every_coordinate():
    """Entries look like those of a Haar matrix: kurtosis near 3, no large one."""
    n = 512
    entries = DenseRotation.from_stream(KEY.stream("r"), n).matrix * np.sqrt(n)
    assert np.abs(entries).max() < 6.5
    assert (entries**4).mean() == pytest.approx(3.0, abs=0.1)
    assert np.all((entries**4).mean(axis=1) < 5)


@given(strength=st.floats(0, 3), seed=st.integers(0, 1000))
@settings(max_examples=50, deadline=None)
def test_skew_is_monotone_with_bounded_slope_and_inverts(strength, seed):
    skew = Skew.from_stream(KEY.stream(f"s/{seed}"), 4, strength, 2.0)
    x = np.sort(np.random.default_rng(seed).normal(size=(200, 4)) * 100, axis=0)
    y = skew.forward(x)
    np.testing.assert_allclose(skew.inverse(y), x, atol=1e-10, rtol=1e-10)
    np.testing.assert_allclose(skew.forward(np.zeros((1, 4))), 0, atol=1e-12)
    slope = np.diff(y, axis=0) / np.diff(x, axis=0)
    bound = np.exp(np.abs(skew.tilt))
    assert np.all(slope <= bound * 1.001) and np.all(slope >= 0.999 / bound)


@given(n=st.integers(1, 300), depth=st.integers(1, 64), seed=st.integers(0, 2**20))
@settings(max_examples=30, deadline=None)
def test_round_trip(n, depth, seed):
    X = np.random.default_rng(seed).normal(size=(20, n)) * 50
    cipher, back = made(X, depth), np.empty_like(X)
    assert cipher.decrypt(encrypted(cipher, X), back).all()
    assert (np.abs(back - X) / X.std(axis=0)).max() <= 4e-9


def test_near_rows_have_near_ciphertexts():
    X = np.random.default_rng(0).normal(size=(100, 8))
    cipher = made(X)
    step = np.linalg.norm(encrypted(cipher, X + 1e-3) - encrypted(cipher, X), axis=1)
    assert step.max() < 0.02


def test_what_is_no_ciphertext_is_refused():
    X = np.random.default_rng(0).normal(size=(500, 6))
    cipher, back = made(X), np.empty_like(X)
    Z = encrypted(cipher, X)
    for other in (
        np.zeros_like(Z),
        2 * Z,
        Z + Z[::-1],
        Z.astype(np.float32).astype(np.float64),
        Z[:, ::-1],
        encrypted(made(X, digest=b"other"), X),
        encrypted(made(X, key=SecretKey.from_bytes(bytes(32))), X),
        np.full_like(Z, np.nan),
        np.full_like(Z, np.inf),
        np.full_like(Z, 1e300),
    ):
        assert not cipher.decrypt(np.ascontiguousarray(other), back).any()


def test_a_context_is_refused():
    X = np.random.default_rng(0).normal(size=(5, 6))
    with pytest.raises(ValueError, match="A context cannot be bound"):
        made(X).encrypt(X, np.empty_like(X), b"context")


def test_parts_show_no_secret():
    cipher = made(np.random.default_rng(0).normal(size=(5, 6)))
    parts = [cipher, *cipher._locks, cipher._locks[0].rotation, cipher._locks[0].skew]
    for part in [*parts, cipher._locks[0].rotation.product]:
        assert repr(part).endswith("secret>)") or "secret locks" in repr(part)
