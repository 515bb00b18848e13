from fractions import Fraction
from math import log2

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from scipy.stats import norm

from sklearn_homeo.ciphers import prf
from sklearn_homeo.ciphers.lock import N_HASHED
from sklearn_homeo.encryption import _certificate
from sklearn_homeo.encryption._certificate import (
    Certificate,
    cells_linking,
    log2_advantage,
    log2_forgery,
    scores_linking,
)


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
    assert _certificate._COUNTER_BITS == prf._COUNTER_BITS
    assert _certificate._HALVES_PER_BLOCK == prf._HALVES_PER_BLOCK


def test_forgery():
    assert log2_forgery(10, 10, False) == -60
    assert log2_forgery(10, 12, True) == -72
    assert log2_forgery(3, 5, False) == -18 - 94
    assert log2_forgery(1, 7, True) == -18 - 4 * 47


def some_cells(rng, n=60, n_cells=7):
    X = rng.normal(size=(n, 4))
    codes = rng.integers(0, n_cells, n)
    return np.repeat(codes[:, None], 5, axis=1), X


@pytest.mark.parametrize("seed", range(5))
def test_no_attack_links_more_than_cells_allow(seed):
    rng = np.random.default_rng(seed)
    codes, X = some_cells(rng)
    link = cells_linking(codes, X, 7, 1, False, 0.1)
    n_views = len(np.unique(codes[:, 0]))
    assert link.one_target == link.one_to_one == pytest.approx(n_views / 60)
    assert link.is_exact
    # The best attacker takes any candidate of the target's cell, or any assignment
    # that keeps cells.
    rates, matched = [], []
    for _ in range(400):
        order = rng.permutation(60)
        guess = [
            rng.choice(np.flatnonzero(codes[:, 0] == code)) for code in codes[order, 0]
        ]
        rates.append(np.mean(guess == order))
        costs = codes[order, 0][:, None] != codes[:, 0]
        columns = linear_sum_assignment(costs + 1e-3 * rng.random(costs.shape))[1]
        matched.append(np.mean(columns == order))
    for found in (rates, matched):
        error = np.std(found) / np.sqrt(len(found))
        assert abs(np.mean(found) - link.one_target) < 4 * error
    assert link.worst_row == 1 / np.bincount(codes[:, 0])[np.unique(codes[:, 0])].min()
    assert link.n_candidates == 60


def test_equal_rows_show_unless_randomized():
    X = np.array([[0.0], [1.0], [1.0], [1.0], [2.0]])
    codes = np.zeros((5, 5), np.int64)
    hidden = cells_linking(codes, X, 1, 1, True, 0.2)
    shown = cells_linking(codes, X, 1, 1, False, 0.2)
    assert hidden.one_target == pytest.approx(1 / 5)
    # The three equal rows are known for what they are; two others remain.
    assert shown.one_target == pytest.approx((3 + 1) / 5)
    assert shown.worst_row == 1.0


def test_fits_multiply_their_cells():
    codes, X = some_cells(np.random.default_rng(0), 2000)
    once = cells_linking(codes, X, 7, 1, False, 0.1)
    twice = cells_linking(codes, X, 7, 2, False, 0.1)
    assert twice.one_target == pytest.approx(7 * once.one_target)
    assert cells_linking(codes, X, 7, 9, False, 0.1).one_target == 1.0


def test_variance_that_cells_explain():
    rng = np.random.default_rng(0)
    codes, X = some_cells(rng, 500, 5)
    means = np.array([X[codes[:, 0] == c].mean(axis=0) for c in range(5)])
    rest = ((X - means[codes[:, 0]]) ** 2).sum() / ((X - X.mean(axis=0)) ** 2).sum()
    link = cells_linking(codes, X, 5, 1, False, 0.1)
    assert link.r2 == pytest.approx(1 - rest)


@pytest.mark.parametrize("noise", [0.02, 0.1, 0.5])
def test_the_simulation_finds_what_can_be_integrated(noise):
    S = np.sort(np.random.default_rng(0).normal(size=(400, 1)), axis=0)
    gaps = np.diff(S[:, 0]) / 2
    # One coordinate: the mass of the noise in every candidate's own cell.
    expected = (1 + (2 * norm.cdf(gaps / noise) - 1).sum()) / 400
    link = scores_linking(S, noise, 1, 0.1)
    assert abs(link.one_target - expected) <= 2 * link.error
    assert link.error > 0
    assert link.one_to_one >= 0
    more = scores_linking(S, noise, 100, 0.1)
    assert more.one_target > link.one_target


def test_scores_without_noise_are_linked():
    S = np.random.default_rng(0).normal(size=(300, 2))
    link = scores_linking(S, 0.0, 1, 0.1)
    assert link.one_target == link.one_to_one == link.worst_row == 1.0
    half = scores_linking(np.repeat(S, 2, axis=0), 0.0, 1, 0.1)
    assert half.one_target == pytest.approx(0.5)


def certificate(**changes):
    given = {
        "leakage": "cells",
        "width": 13,
        "depth": 3,
        "n_cells": 6,
        "leakage_bits": log2(6),
        "min_cell_rows": 17,
        "log2_advantages": {2**20: -72.0, 2**30: -52.0},
        "log2_forgery": -78.0,
        "randomized": False,
        "n_fits": 1,
        "n_repeats": 1,
        "linking": None,
    }
    return Certificate(**{**given, **changes})


def test_text_and_html(tmp_path):
    codes, X = some_cells(np.random.default_rng(0))
    link = cells_linking(codes, X, 7, 1, False, 0.05)
    whole = certificate(linking=link)
    text = str(whole)
    assert text.startswith("Certificate: cells, 13 columns, 3 locks")
    for part in ("2.58 bits", "6 cells", "2^-72 after 2^20 rows", "2^-78", "shows"):
        assert part in text
    assert "linking one of 60" in text
    assert "at most 11.7%" in text
    assert len(text.splitlines()) == 1 + len(whole.lines())
    assert max(len(line) for line in text.splitlines()) < 120
    fragment = whole._repr_html_()
    assert fragment.count("<tr>") == len(whole.lines())
    whole.save_html(tmp_path / "certificate.html")
    page = (tmp_path / "certificate.html").read_text("utf-8")
    assert fragment in page and "prefers-color-scheme: dark" in fragment
    assert not any(outside in page for outside in ("http", "src=", "<script"))
    space = certificate(leakage="space", n_cells=None)
    assert "everything" in str(space)
    scores = certificate(
        leakage="scores",
        n_cells=None,
        linking=scores_linking(
            np.random.default_rng(0).normal(size=(50, 2)), 0.3, 1, 0.1
        ),
    )
    assert "about" in str(scores)
    assert "not bounded" in str(scores)
