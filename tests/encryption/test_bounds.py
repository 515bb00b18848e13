from fractions import Fraction
from math import log2

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_homeo.ciphers import prf
from sklearn_homeo.ciphers.lock import N_HASHED
from sklearn_homeo.encryption import _bounds
from sklearn_homeo.encryption._bounds import log2_advantage, log2_forgery


def exact_advantage(width, q):
    """The theorem's sum, in fractions, term by term as the page has it."""
    pairs = Fraction(q * (q - 1), 2)
    t = min(width, N_HASHED)
    blocks = (width + 3) // 4
    counter = 16
    while 2**counter < blocks:
        counter += 1
    bad = Fraction(1, 2 ** (24 * t)) + Fraction(1, 2 ** (23 * t))
    bad += 2 * Fraction(1, 2 ** (128 - counter)) + Fraction(1, 2 ** (47 * width))
    n = q * blocks
    switch = 2 * Fraction(n * (n - 1), 2) / 2**128
    inputs = width + width // 4 + 13
    for m in (4 * (width + 1), 4 * (width + 1), 4 * inputs, 4 * inputs):
        switch += Fraction(m * (m - 1), 2) / 2**128
    return pairs * bad + switch


def log2_of(fraction):
    return log2(fraction.numerator) - log2(fraction.denominator)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 3000), st.integers(1, 2**40))
def test_the_advantage_is_the_theorems_sum(width, q):
    expected = min(log2_of(exact_advantage(width, q)), 0.0)
    assert log2_advantage(width, q) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("width", [5, 10, 30, 512])
def test_figures_of_the_design(width):
    assert round(log2_advantage(width, 2**20)) == -72
    assert round(log2_advantage(width, 2**30)) == -52
    # Narrow data would not be protected, and are widened.
    assert round(log2_advantage(3, 2**20)) == -30
    assert round(log2_advantage(3, 2**30)) == -10


def test_the_constants_are_the_ciphers():
    assert _bounds._COUNTER_BITS == prf._COUNTER_BITS
    assert _bounds._HALVES_PER_BLOCK == prf._HALVES_PER_BLOCK


def test_forgery():
    assert log2_forgery(10, 10, False) == -60
    assert log2_forgery(10, 12, True) == -72
    assert log2_forgery(3, 5, False) == -18 - 94
    assert log2_forgery(1, 7, True) == -18 - 4 * 47
