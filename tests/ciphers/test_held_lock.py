"""One lock on ciphertexts: all of them in turn are the cipher."""

import numpy as np
import plain_cipher
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from views import BitsView

from sklearn_homeo.ciphers.held_lock import HeldLock
from sklearn_homeo.ciphers.lattice import Lattice
from sklearn_homeo.ciphers.view_cipher import ViewCipher

BINDING = bytes(range(32))


def lock_keys(depth):
    return [bytes([i + 1]) * 32 for i in range(depth)]


def made(n, depth, **options):
    lattice = Lattice(np.zeros(n), np.ones(n), **options)
    view = BitsView(lattice.width)
    return ViewCipher(lattice, view, lock_keys(depth), BINDING)


def encrypted(cipher, X, context=None):
    Z = np.empty((len(X), cipher.width))
    cipher.encrypt(X, Z, context)
    return Z


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(1, 40),
    depth=st.integers(2, 4),
    n_rows=st.integers(1, 40),
    context=st.none() | st.binary(max_size=8),
    seed=st.integers(0, 2**32 - 1),
)
def test_all_locks_in_turn_are_the_cipher(n, depth, n_rows, context, seed):
    X = np.random.default_rng(seed).normal(size=(n_rows, n))
    first, whole = made(n, 1), made(n, depth)
    Z, expected = encrypted(first, X, context), encrypted(whole, X, context)
    held = [
        HeldLock(key, i, whole.width, BINDING) for i, key in enumerate(lock_keys(depth))
    ]
    start = Z.copy()
    for lock in held[1:]:
        assert lock.set(Z, Z, context).all()
    np.testing.assert_array_equal(Z, expected)
    for lock in held[:0:-1]:
        assert lock.open(Z, Z, context).all()
    np.testing.assert_array_equal(Z, start)


def test_a_lock_is_the_plain_one():
    cipher = made(7, 1)
    Z = encrypted(cipher, np.random.default_rng(0).normal(size=(5, 7)))
    found = np.empty_like(Z)
    key = bytes(range(32))
    HeldLock(key, 3, 7, BINDING).set(Z, found, b"ward")
    for before, after in zip(Z * 2.0**50, found * 2.0**50, strict=True):
        numbers = [int(z) for z in before]
        codes = [z >> 47 for z in numbers]
        left, right = [z % 2**47 >> 23 for z in numbers], [z % 2**23 for z in numbers]
        tweak = plain_cipher.tweak_halves(codes, b"ward")
        lock = plain_cipher.Lock(key, 3, BINDING)
        left, right = lock.forward(left, right, tweak)
        expected = [
            code * 2**47 + (a << 23) + b
            for code, a, b in zip(codes, left, right, strict=True)
        ]
        assert [int(z) for z in after] == expected


def test_wrong_numbers_are_told():
    Z = np.full((3, 5), 0.25)
    Z[1, 2] = 1 / 3
    Z[2, 0] = np.nan
    out = np.empty_like(Z)
    assert (
        HeldLock(bytes(32), 0, 5, BINDING).set(Z, out).tolist() == [True] + [False] * 2
    )
    assert repr(HeldLock(bytes(32), 0, 5, BINDING)) == "HeldLock(<secret>)"


@settings(max_examples=30, deadline=None)
@given(
    n=st.integers(1, 30),
    added=st.integers(0, 9),
    randomized=st.booleans(),
    n_rows=st.integers(1, 50),
    seed=st.integers(0, 2**32 - 1),
)
def test_reencrypting_is_decrypting_and_encrypting(n, added, randomized, n_rows, seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, n))
    old = made(n, 2, randomized=randomized)
    lattice = Lattice(np.zeros(n), np.ones(n), randomized, n_added=added)
    new = ViewCipher(lattice, BitsView(lattice.width, 20), [bytes(32)], b"new")
    Z = encrypted(old, X)
    changed = rng.uniform(size=n_rows) < 0.2
    Z[changed, 0] = np.where(Z[changed, 0] < 0, 3.5, -3.5)
    out = np.empty((n_rows, new.width))
    valid = new.reencrypt(Z, old, out, keeps_view=False)
    np.testing.assert_array_equal(valid, ~changed)
    assert np.isnan(out[changed]).all()
    back = np.empty_like(X)
    assert new.decrypt(out, back)[valid].all()
    kept = np.empty_like(X)
    old.decrypt(Z, kept)
    np.testing.assert_array_equal(back[valid], kept[valid])
    if not randomized:
        np.testing.assert_array_equal(out[valid], encrypted(new, X)[valid])


@pytest.mark.parametrize("n", [1, 6])
def test_views_that_are_kept_are_taken_over(n):
    X = np.random.default_rng(0).normal(size=(20, n))
    old = made(n, 1)
    new = ViewCipher(old.lattice, None, [bytes(32)], b"new")
    Z, out = encrypted(old, X), np.empty((20, old.width))
    assert new.reencrypt(Z, old, out, keeps_view=True).all()
    np.testing.assert_array_equal(np.floor(out * 8), np.floor(Z * 8))
