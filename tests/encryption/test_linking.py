import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.stats import norm

from sklearn_homeo.encryption._linking import cells_linking, scores_linking


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
