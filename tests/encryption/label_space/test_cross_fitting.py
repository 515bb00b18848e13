import numpy as np
import pytest
from sklearn.datasets import load_wine, make_classification
from sklearn.preprocessing import StandardScaler

from sklearn_homeo.encryption.label_space.cross_fitting import (
    fit_cross_fitted_scores,
    parts_of,
)
from sklearn_homeo.encryption.label_space.kernel_machines import KernelMachines
from sklearn_homeo.encryption.label_space.kernel_ridge import KernelRidge
from sklearn_homeo.encryption.label_space.kernel_scores import fit_kernel_scores

MASK = 2**64 - 1


def on_lattice(X):
    return np.rint(StandardScaler().fit_transform(X) * 2**27).astype(np.int64)


def mixed(z):
    """SplitMix64 in Python's own integers."""
    z = z * 0x9E3779B97F4A7C15 & MASK
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK
    return z ^ z >> 31


def test_the_hash_is_splitmix64():
    # First number of the generator with seed 0.
    assert mixed(1) == 0xE220A8397B1DCDAF
    u = np.random.default_rng(0).integers(-(2**36), 2**36, (60, 5))
    for row, part in zip(u, parts_of(u, 10), strict=True):
        steps = [min(max(round(int(v) / 2**13), -(2**20)), 2**20) for v in row]
        factors = [mixed(j + 1) | 1 for j in range(5)]
        total = sum(s * f for s, f in zip(steps, factors, strict=True)) & MASK
        assert part == (mixed(total) >> 32) * 10 >> 32


@pytest.mark.parametrize("n_columns", [1, 2, 64, 25_000])
def test_rows_are_spread_over_parts_and_equal_ones_are_in_the_same(n_columns):
    X = np.random.default_rng(0).integers(0, 50_000, (1000, n_columns))
    u = X.astype(np.int64) << 13
    parts = parts_of(u, 10)
    counts = np.bincount(parts, minlength=10)
    assert counts.min() > 60
    assert counts.max() < 140
    # What is below the steps in which rows are compared makes no difference.
    again = parts_of(u[::-1] + 1000, 10)
    assert (again[::-1] == parts).all()


@pytest.mark.parametrize("n_targets", [1, 3])
def test_weights_of_a_part_are_those_without_its_rows(n_targets):
    rng = np.random.default_rng(1)
    X, T = rng.normal(size=(80, 3)), rng.normal(size=(80, n_targets))
    squares = ((X[:, None] - X[None, :20]) ** 2).sum(axis=2)
    ridge = KernelRidge.fit(squares, -0.5, T, np.arange(20))
    parts = rng.integers(0, 4, 80)
    coefficients, held_out = ridge.without(squares, T, parts)
    features = np.exp(-0.5 * squares) @ ridge.turn
    penalty = 1 / ridge.shrunk[:, 0] - (features**2).sum(axis=0)
    for part in range(4):
        inside, others = parts == part, parts != part
        gram = features[others].T @ features[others] + np.diag(penalty)
        right = np.linalg.solve(gram, features[others].T @ T[others])
        assert coefficients[part] == pytest.approx(right, abs=1e-8)
        assert held_out[inside] == pytest.approx(features[inside] @ right, abs=1e-8)


def test_many_landmarks_see_more_and_training_rows_are_scored_as_others_are():
    X, y = make_classification(
        2500, 12, n_informative=12, n_redundant=0, n_classes=4,
        n_clusters_per_class=6, class_sep=1.5, random_state=0,
    )  # fmt: skip
    u = on_lattice(X)
    train = u[:1500], y[:1500, None], (4,)
    machines = KernelMachines(*train)
    plain = fit_kernel_scores(*train, "plain", machines)
    crossed = fit_cross_fitted_scores(*train, machines)
    right, kept = (
        (scorer.scores(u).argmax(axis=1) == y) for scorer in (plain, crossed)
    )
    assert kept[1500:].mean() > right[1500:].mean() + 0.02
    assert right[:1500].mean() > right[1500:].mean() + 0.04
    assert abs(kept[:1500].mean() - kept[1500:].mean()) < 0.03
    assert np.abs(crossed.weights).max() <= 2**18


def test_numbers_and_rows_in_a_single_part():
    X, _ = load_wine(return_X_y=True)
    u, numbers = on_lattice(X), StandardScaler().fit_transform(X[:, :2])
    scores = fit_cross_fitted_scores(u, numbers, None).scores(u) / 1024
    assert 1 - ((scores - numbers) ** 2).mean() > 0.5
    moved = fit_cross_fitted_scores(u, numbers + 3, None).scores(u) / 1024
    assert moved == pytest.approx(scores + 3, abs=0.002)
    same = np.zeros((40, 3), np.int64)
    labels = np.arange(40)[:, None] % 2
    # Nothing is known without the only part: what is left are the classes' shares.
    shares = fit_cross_fitted_scores(same, labels, (2,)).scores(same)
    assert np.ptp(shares) <= 2
