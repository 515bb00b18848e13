"""Rows to integers and back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_homeo.ciphers.base import RowOutOfRange, Workspace
from sklearn_homeo.ciphers.lattice import Lattice

STEP = 2.0**-27


def plain(n, **settings):
    return Lattice(np.zeros(n), np.ones(n), **settings)


def restored(lattice, u):
    out = np.empty(u.shape)
    lattice.restore(u, out)
    return out


def test_steps_are_2_to_the_minus_27_standard_deviations():
    X = np.random.default_rng(0).normal(3.0, 5.0, (1000, 2))
    lattice = Lattice.from_data(X)
    u = lattice.round(X, Workspace())
    assert u.dtype == np.int64
    np.testing.assert_allclose(u.mean(axis=0), 0, atol=1)
    np.testing.assert_allclose(u.std(axis=0) * STEP, 1, rtol=1e-9)
    assert np.abs(restored(lattice, u) - X).max() <= 0.51 * STEP * X.std(axis=0).max()


@given(
    u=st.integers(-(2**40), 2**40 - 1),
    mean=st.floats(-1e6, 1e6),
    scale=st.floats(1.0, 1e6),
)
@settings(max_examples=300, deadline=None)
def test_restoring_is_undone_exactly(u, mean, scale):
    lattice = Lattice(np.array([mean]), np.array([scale]))
    X = restored(lattice, np.array([[u]]))
    assert lattice.round(X, Workspace())[0, 0] == u


@pytest.mark.parametrize("size", [1e-320, 1e-300, 1e-5, 1.0, 1e12, 1e150, 1e306])
def test_all_magnitudes_come_back(size):
    unit = np.random.default_rng(0).normal(size=(50, 3))
    X = unit * size
    lattice = Lattice.from_data(X)
    back = restored(lattice, lattice.round(X, Workspace()))
    # A denormal step is as good as the smallest normal number.
    step = max(unit.std() * size * STEP, np.finfo(float).tiny)
    assert np.abs(back - X).max() <= step


def test_little_variation_beside_a_large_mean_comes_back_bit_for_bit():
    X = 1e9 + np.arange(50.0)[:, None] * 2.0**-20
    lattice = Lattice.from_data(X)
    u = lattice.round(X, Workspace())
    np.testing.assert_array_equal(restored(lattice, u), X)


@pytest.mark.parametrize("value", [0.0, 1e-30, 7.0, -1e30])
def test_a_constant_column_comes_back_bit_for_bit(value):
    X = np.full((4, 1), value)
    lattice = Lattice.from_data(X)
    u = lattice.round(X, Workspace())
    np.testing.assert_array_equal(restored(lattice, u), X)


def test_the_range_ends_at_8192_standard_deviations():
    lattice, workspace = plain(2), Workspace()
    inside = np.array([[-8192.0, 8192.0 - STEP]])
    np.testing.assert_array_equal(
        lattice.round(inside, workspace), [[-(2**40), 2**40 - 1]]
    )
    for row in [[0, 8192.0], [0, -8192.0 - STEP], [0, 1e300], [0, np.inf]]:
        with pytest.raises(RowOutOfRange, match="column 1") as caught:
            lattice.round(np.array([[0.0, 0.0], row]), workspace)
        assert caught.value.row == 1


def test_nan_is_named():
    with pytest.raises(RowOutOfRange, match="row 0 holds NaN or infinity in column 1"):
        plain(2).round(np.array([[1.0, np.nan]]), Workspace())


def test_an_overflow_is_out_of_range_without_a_warning():
    lattice = Lattice(np.array([-1e308]), np.array([1.0]))
    with pytest.raises(RowOutOfRange, match="more than 8192 standard deviations"):
        lattice.round(np.array([[1.7e308]]), Workspace())


@pytest.mark.parametrize("dtype", [np.float32, np.int8, np.uint16, bool])
def test_other_types_of_numbers(dtype):
    X = np.array([[0, 1], [1, 1]], dtype=dtype)
    np.testing.assert_array_equal(
        plain(2).round(X, Workspace()), X.astype(np.int64) << 27
    )


@pytest.mark.parametrize(
    ("n", "randomized", "width"),
    [(1, False, 5), (5, False, 5), (3, True, 7), (9, True, 11)],
)
def test_narrow_rows_get_zeros_and_randomized_ones_two_columns(n, randomized, width):
    lattice = plain(n, randomized=randomized)
    assert (lattice.n_features, lattice.width) == (n, width)
    u = np.full((3, n), 7)
    out = np.full((3, width), -1)
    lattice.widen(u, b"\xff" * 24 + b"\x00" * 24 if randomized else b"", out)
    np.testing.assert_array_equal(out[:, :n], 7)
    np.testing.assert_array_equal(out[:, n : max(n, 5)], 0)
    if randomized:
        np.testing.assert_array_equal(out[:, -2:], [[-1, -1], [-1, 0], [0, 0]])
    assert lattice.covers(out).all()


def test_random_columns_fill_the_range_and_no_more():
    lattice = plain(5, randomized=True)
    drawn = np.random.default_rng(0).bytes(16 * 1000)
    out = np.empty((1000, 7), np.int64)
    lattice.widen(np.zeros((1000, 5), np.int64), drawn, out)
    assert lattice.covers(out).all()
    assert out[:, 5:].max() > 0.99 * 2**40 and out[:, 5:].min() < -0.99 * 2**40


def test_covers_looks_at_the_range_and_at_the_zeros():
    rows = np.zeros((5, 5), np.int64)
    rows[1, 0], rows[2, 0], rows[3, 0], rows[4, 4] = 2**40 - 1, 2**40, -(2**40) - 1, 1
    np.testing.assert_array_equal(plain(3).covers(rows), [1, 1, 0, 0, 0])
