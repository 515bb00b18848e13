"""The lock, against its definition and against what it must not be."""

import pickle

import numpy as np
import plain_cipher
import pytest

from sklearn_homeo.ciphers.base import Workspace
from sklearn_homeo.ciphers.lock import Lock
from sklearn_homeo.ciphers.prf import Inputs

KEY, DIGEST = bytes(range(32)), b"d" * 32


def rows(n_rows, width, seed=0):
    drawn = np.random.default_rng(seed).integers(0, 2**32, (2, n_rows, width))
    left, right = drawn.astype(np.uint32)
    return left & np.uint32(0xFFFFFF00), right & np.uint32(0xFFFFFE00)


def tweaks(n_rows, n_tweaks, seed=1):
    drawn = np.random.default_rng(seed).integers(-(2**23), 2**23, (n_rows, n_tweaks))
    return drawn * 256.0


def forward(lock, left, right, tweak):
    left, right, workspace = left.copy(), right.copy(), Workspace()
    inputs = Inputs(left.shape[1], tweak, workspace)
    lock.forward(left, right, inputs, workspace)
    return left, right


@pytest.mark.parametrize("width", [1, 5, 6, 7, 40])
def test_lock_equals_python_integers(width):
    left, right = rows(3, width)
    tweak = tweaks(3, 2)
    lock = Lock(KEY, 4, width, 2, DIGEST)
    found = forward(lock, left, right, tweak)
    for i in range(3):
        expected = plain_cipher.Lock(KEY, 4, DIGEST).forward(
            (left[i] >> np.uint32(8)).tolist(),
            (right[i] >> np.uint32(9)).tolist(),
            (tweak[i].astype(int) >> 8 & 0xFFFFFF).tolist(),
        )
        assert (found[0][i] >> np.uint32(8)).tolist() == expected[0]
        assert (found[1][i] >> np.uint32(9)).tolist() == expected[1]
    workspace = Workspace()
    lock.inverse(*found, Inputs(width, tweak, workspace), workspace)
    np.testing.assert_array_equal(found, (left, right))


def changed_bits(a, b):
    bits = sum(np.bitwise_count(x ^ y).sum() for x, y in zip(a, b, strict=True))
    return bits / (47 * a[0].size)


@pytest.mark.parametrize("where", ["left", "right", "tweak", "key", "index", "binding"])
def test_one_bit_changes_half_of_all_bits_both_ways(where):
    left, right = rows(200, 12)
    tweak = tweaks(200, 3)
    other = [left.copy(), right.copy(), tweak.copy()]
    arguments, i = [KEY, 0, 12, 3, DIGEST], None
    if where == "left":
        other[0][:, 11] ^= np.uint32(1 << 8)
    elif where == "right":
        other[1][:, 11] ^= np.uint32(1 << 9)
    elif where == "tweak":
        other[2][:, 2] += 256.0
    else:
        i = ["key", "index", None, None, "binding"].index(where)
        arguments[i] = {"key": bytes(32), "index": 1, "binding": b"e" * 32}[where]
    lock, second = Lock(KEY, 0, 12, 3, DIGEST), Lock(*arguments)
    deviation = 0.5 / (47 * 200 * 12) ** 0.5
    for way in ("forward", "inverse"):
        a, b = (left.copy(), right.copy()), (other[0].copy(), other[1].copy())
        workspace = Workspace()
        getattr(lock, way)(*a, Inputs(12, tweak, workspace), workspace)
        getattr(second, way)(*b, Inputs(12, other[2], workspace), workspace)
        assert abs(changed_bits(a, b) - 0.5) < 5 * deviation


def test_equal_left_halves_do_not_make_equal_masks():
    # Without the hash, R' - R would be the same for rows of one left half.
    left, right = rows(2, 8)
    left[1] = left[0]
    found = forward(Lock(KEY, 0, 8, 1, DIGEST), left, right, np.zeros((2, 1)))
    shifts = found[1] - right
    assert (shifts[0] != shifts[1]).all()


def test_swapped_columns_come_out_unlike():
    left, right = rows(1, 8)
    order = [1, 0, 2, 3, 4, 5, 6, 7]
    lock, tweak = Lock(KEY, 0, 8, 1, DIGEST), np.zeros((1, 1))
    a = forward(lock, left, right, tweak)
    b = forward(lock, left[:, order].copy(), right[:, order].copy(), tweak)
    assert (a[0] != b[0][:, order]).all()


def test_batches_do_not_matter():
    left, right = rows(33, 70)
    tweak = tweaks(33, 18)
    lock = Lock(KEY, 0, 70, 18, DIGEST)
    together = forward(lock, left, right, tweak)
    for i in range(33):
        alone = forward(lock, left[i : i + 1], right[i : i + 1], tweak[i : i + 1])
        np.testing.assert_array_equal(alone, [half[i : i + 1] for half in together])


def test_secrets_stay_out_of_the_repr_and_pickles_are_short():
    lock = Lock(KEY, 0, 3000, 750, DIGEST)
    assert repr(lock) == "Lock(<secret>)"
    pickled = pickle.dumps(lock)
    assert len(pickled) < 500
    left, right = rows(2, 3000)
    tweak = tweaks(2, 750)
    np.testing.assert_array_equal(
        forward(pickle.loads(pickled), left, right, tweak),
        forward(lock, left, right, tweak),
    )


def test_keys_of_other_lengths_are_refused():
    with pytest.raises(ValueError, match="must have 32 bytes, got 31"):
        Lock(bytes(31), 0, 5, 2, DIGEST)
