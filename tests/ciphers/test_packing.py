"""Numbers of a ciphertext."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_homeo.ciphers.base import Workspace
from sklearn_homeo.ciphers.packing import join, pack, split, unpack


def halves(shape):
    return np.empty(shape, np.uint32), np.empty(shape, np.uint32)


def unpacked(Z):
    codes, (left, right) = np.empty(Z.shape, np.int8), halves(Z.shape)
    valid = unpack(Z, codes, left, right, Workspace())
    return valid, codes, left, right


@given(u=st.integers(-(2**46), 2**46 - 1), code=st.integers(-32, 31))
@settings(max_examples=300, deadline=None)
def test_the_number_is_what_the_table_says(u, code):
    u, codes = np.array([[u]]), np.array([[code]], np.int8)
    left, right = halves((1, 1))
    split(u, left, right, Workspace())
    residue = int(u[0, 0]) % 2**47
    assert int(left[0, 0]) >> 8 == residue >> 23
    assert int(right[0, 0]) >> 9 == residue % 2**23
    Z = np.empty((1, 1))
    pack(codes, left.copy(), right.copy(), Z, Workspace())
    assert Z[0, 0] * 2**50 == code * 2**47 + residue
    assert not np.signbit(Z[0, 0]) or Z[0, 0] < 0
    valid, *again = unpacked(Z)
    assert valid.all()
    np.testing.assert_array_equal(again[0], codes)
    np.testing.assert_array_equal(again[1:], [left, right])
    back = np.empty((1, 1), np.int64)
    join(left, right, back, Workspace())
    assert back == u


@pytest.mark.parametrize(
    "number",
    [np.nan, -np.nan, np.inf, -np.inf, -0.0, 4.0, -4.0 - 2**-48, 1e300, -8192.0, 8192.0]
    + [2.0**-51, 1 + 2**-51, 5e-324, 0.1, -0.3],
)
def test_what_cannot_be_a_number_of_a_ciphertext(number):
    Z = np.array([[0.0, 1.0], [number, 1.0], [0.0, -4.0]])
    valid, codes, left, right = unpacked(Z)
    np.testing.assert_array_equal(valid, [True, False, True])
    assert (codes[1, 0], left[1, 0], right[1, 0]) == (0, 0, 0)


def test_rows_need_not_be_contiguous():
    rng = np.random.default_rng(0)
    Z = rng.integers(-(2**52), 2**52, (20, 6)) * 2.0**-50
    assert unpacked(Z[:, ::2])[0].all()
    assert unpacked(np.asfortranarray(Z))[0].all()
