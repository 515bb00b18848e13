"""The exactness argument, tested: integers below 2**53 whatever the order."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_homeo import SecretKey
from sklearn_homeo.ciphers.waves import (
    GRID,
    MANTISSA_BITS,
    BitBudget,
    IntegerMatrix,
    PhaseMatrix,
    to_lattice,
    triangle_wave,
)

KEY = SecretKey.from_bytes(bytes(range(32)))


def phase_matrix(n_drivers, n_masks=3, frequency=6.0):
    return PhaseMatrix.from_stream(
        KEY.stream(f"test/{n_drivers}"), n_drivers, n_masks, frequency
    )


@pytest.mark.parametrize("n_drivers", [1, 2, 31, 640, 1024, 4096, 24_999])
def test_budget_bounds_every_partial_sum(n_drivers):
    matrix = phase_matrix(n_drivers)
    assert matrix.budget.total <= MANTISSA_BITS
    # The bound, in Python's unbounded integers, not in the floats it is about.
    largest_driver = int(matrix.period) // 2 + 1
    weights = np.abs(matrix.weights.astype(np.int64)).sum(axis=0)
    for total in weights.tolist():
        assert total * largest_driver + int(matrix.period) < 2**MANTISSA_BITS


@pytest.mark.parametrize("n_drivers", [1, 7, 640])
def test_phases_equal_python_integers(n_drivers):
    matrix = phase_matrix(n_drivers)
    rng = np.random.default_rng(0)
    drivers = np.round(rng.normal(size=(4, n_drivers)) * GRID * 10.0**3)
    period = int(matrix.period)
    expected = [
        [
            sum(int(a) * int(w) for a, w in zip(row, column, strict=True)) % period
            for column in matrix.weights.T
        ]
        for row in drivers
    ]
    expected = (np.array(expected) + matrix.offsets.astype(np.int64)) % period
    found = matrix.phases(drivers)
    assert np.all(found == np.round(found))
    np.testing.assert_array_equal(found.astype(np.int64) % period, expected)


def test_phases_do_not_depend_on_summation_order_blocks_or_library():
    matrix = phase_matrix(1024, n_masks=40)
    rng = np.random.default_rng(1)
    drivers = np.round(rng.normal(size=(50, 1024)) * GRID * 30)
    expected = matrix.phases(drivers)
    order = rng.permutation(1024)
    shuffled = PhaseMatrix(
        matrix.weights[order], matrix.offsets, matrix.period, matrix.budget
    )
    np.testing.assert_array_equal(shuffled.phases(drivers[:, order]), expected)
    np.testing.assert_array_equal(
        matrix.phases(drivers[:, :100], drivers[:, 100:]), expected
    )
    one_by_one = np.zeros((50, 40))
    for i in range(1024):
        one_by_one += np.outer(drivers[:, i], matrix.weights[i].astype(float))
    period = matrix.period
    np.testing.assert_array_equal(
        (one_by_one + matrix.offsets - expected) % period, np.zeros((50, 40))
    )
    on_torch = torch.tensor(drivers) @ torch.tensor(matrix.weights).double()
    np.testing.assert_array_equal(
        (on_torch.numpy() + matrix.offsets - expected) % period, np.zeros((50, 40))
    )


@pytest.mark.parametrize("frequency", [0.5, 6.0, 50.0])
@pytest.mark.parametrize("n_drivers", [4, 300])
def test_frequency_is_the_deviation_of_the_phase_in_radians(n_drivers, frequency):
    matrix = phase_matrix(n_drivers, n_masks=50, frequency=frequency)
    rng = np.random.default_rng(2)
    drivers = np.round(rng.normal(size=(2000, n_drivers)) * GRID)
    turns = drivers @ matrix.weights.astype(float) / matrix.period
    assert (turns * 2 * math.pi).std() == pytest.approx(frequency, rel=0.2)


def test_frequencies_out_of_reach_are_named():
    with pytest.raises(ValueError, match="exact integers of float64"):
        phase_matrix(1000, frequency=1e-9)
    with pytest.raises(ValueError, match="frequency=.* is too high"):
        phase_matrix(1, frequency=1e30)


def test_budget_check_names_its_parts():
    with pytest.raises(ValueError, match=r"needs 60\.0 \(grid 26\.0 \+ range 10\.0"):
        BitBudget(26, 10, 14, 10).check()
    assert BitBudget(26, 10, 7, 10).check().total == MANTISSA_BITS


@given(
    phase=st.integers(-(2**52), 2**52),
    period=st.integers(2, 2**45),
    amplitude=st.floats(0, 1e3),
)
@settings(max_examples=200, deadline=None)
def test_triangle_wave_is_periodic_bounded_and_integer(phase, period, amplitude):
    wave = triangle_wave(np.array([float(phase)]), float(period), amplitude)[0]
    assert wave == round(wave)
    # A phase exactly half a turn out may be reduced to either end.
    slack = 1 + 4 * amplitude * GRID / period
    assert abs(wave) <= amplitude * GRID + slack
    if abs(phase) + period <= 2**52:
        again = triangle_wave(np.array([float(phase + period)]), period, amplitude)[0]
        assert abs(again - wave) <= slack


def test_triangle_wave_by_hand():
    phase = np.arange(-8.0, 9.0)
    amplitude = 4.0 / GRID
    expected = [-4, -2, 0, 2, 4, 2, 0, -2, -4, -2, 0, 2, 4, 2, 0, -2, -4]
    np.testing.assert_array_equal(triangle_wave(phase, 8.0, amplitude), expected)


@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (1280, 4), (25_000, 2)])
def test_integer_matrix_is_exact_and_close_to_the_real_one(shape):
    rng = np.random.default_rng(3)
    real = rng.normal(size=shape) * 10.0 ** rng.integers(-3, 4, size=shape[1])
    matrix = IntegerMatrix.from_real(real)
    assert matrix.budget.total <= MANTISSA_BITS
    np.testing.assert_allclose(
        matrix.real(), real, atol=2.0**-17 * np.abs(real).max(axis=0).max()
    )
    x = to_lattice(rng.normal(size=(3, shape[0])) * 50)
    order = rng.permutation(shape[0])
    shuffled = IntegerMatrix(matrix.entries[order], matrix.units, matrix.budget)
    np.testing.assert_array_equal(matrix.apply(x), shuffled.apply(x[:, order]))
    exact = [
        [
            sum(int(a) * int(b) for a, b in zip(row, column, strict=True))
            for column in matrix.entries.T
        ]
        for row in x
    ]
    np.testing.assert_allclose(
        matrix.apply(x), np.array(exact, dtype=float) * matrix.units, rtol=2e-16
    )


def test_integer_matrix_keeps_a_zero_column():
    matrix = IntegerMatrix.from_real(np.zeros((3, 2)))
    np.testing.assert_array_equal(matrix.apply(np.ones((1, 3))), np.zeros((1, 2)))
