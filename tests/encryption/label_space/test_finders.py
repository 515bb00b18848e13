"""Each finder finds what it is for, whatever the number of rows and columns."""

import tracemalloc

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.covariance import ledoit_wolf_shrinkage

from sklearn_homeo.encryption.label_space.coordinates import scaled_directions
from sklearn_homeo.encryption.label_space.finders import (
    FINDERS,
    UNIONS,
    Found,
    completed,
    find,
    suitable_finders,
)
from sklearn_homeo.encryption.label_space.leak import linear_leaks
from sklearn_homeo.encryption.label_space.linear import (
    STRENGTHS,
    _first_alike,
    _logistic_functionals,
    _logistic_regression,
    _scaled_log_losses,
)
from sklearn_homeo.encryption.label_space.sample import (
    LeadingAxes,
    Sample,
    _ledoit_wolf_shrinkage,
    balanced_rows,
)
from sklearn_homeo.encryption.label_space.target import Target


def sample_of(X, y, is_numeric=False):
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    return Sample(X, LeadingAxes.from_rows(X), Target.from_labels(y, is_numeric))


def rows(n_samples=800, n=12, seed=0):
    return np.random.default_rng(seed).normal(size=(n_samples, n))


def share_found(found, axes):
    """How much of some columns the directions span."""
    basis = np.linalg.qr(found.vectors)[0]
    return (basis[list(axes)] ** 2).sum() / len(axes)


@pytest.mark.parametrize("name", ["linear", "directional", "gradients"])
def test_a_plane_is_found_in_any_basis(name):
    X = rows()
    y = X[:, 3] + 0.2 * X[:, 5] > 0
    assert find(name, sample_of(X, y), 1).vectors[3, 0] ** 2 > 0.85


@pytest.mark.parametrize(
    "name", ["sliced", "directional", "gradients", "gradient columns", "forest columns"]
)
def test_a_product_of_two_columns_is_found(name):
    X = rows()
    found = find(name, sample_of(X, X[:, 3] * X[:, 5] > 0), 2)
    assert share_found(found, [3, 5]) > 0.9
    assert found.by_column.all() == name.endswith("columns")


@pytest.mark.parametrize("name", ["boosting columns", "forest columns"])
def test_a_threshold_in_three_columns_of_many_is_found(name):
    X = rows(1500, 100)
    found = find(name, sample_of(X, X[:, [7, 50, 99]].max(axis=1) > 0.8), 3)
    np.testing.assert_array_equal(
        np.sort(np.argmax(found.vectors, axis=0)), [7, 50, 99]
    )


@pytest.mark.parametrize("name", ["linear", "least squares", "gradients"])
def test_numbers(name):
    X = rows()
    y = X[:, 3] + 0.1 * rows(seed=1)[:, 0]
    assert find(name, sample_of(X, y, True), 1).vectors[3, 0] ** 2 > 0.9


def test_more_columns_than_rows_give_the_same_logistic_regression():
    X = rows(60, 100)
    y = (X[:, 0] > 0).astype(int)
    wide = _logistic_functionals(X, y[:, None])[:, 0]
    model = _logistic_regression(X, y, 100)
    np.testing.assert_allclose(wide, model.coef_[0], rtol=0.02, atol=1e-4)


def test_penalties_are_compared_however_sure_models_are_of_themselves():
    rng = np.random.default_rng(0)
    labels = np.tile([0, 1, 2], 40)
    logits = rng.normal(size=(120, 3)) + 2 * np.eye(3)[labels]
    least = _scaled_log_losses(logits, labels).mean()
    again = _scaled_log_losses(30 * logits, labels)
    assert again.mean() == pytest.approx(least)
    losses = -np.log(softmax(logits, axis=1)[np.arange(120), labels]).mean()
    assert least < losses
    # Of two classes, one number stands for both.
    two, difference = labels % 2, logits[:, 1] - logits[:, 0]
    of_two = _scaled_log_losses(logits[:, :2], two)
    found = _scaled_log_losses(difference, two)
    assert found.mean() == pytest.approx(of_two.mean())


def test_a_class_counts_by_the_root_of_its_rows_when_penalties_are_compared():
    labels = np.array([0, 0, 0, 0, 1])
    # Four rows count 2, one counts 1: the share that suits all best is 2 / 3.
    entropy = np.log(3) - 2 / 3 * np.log(2)
    found = _scaled_log_losses(-np.ones(5), labels)
    assert found.mean() == pytest.approx(entropy)


@pytest.mark.parametrize("n_samples", [300, 1800])
def test_the_penalty_is_as_weak_as_the_label_allows(n_samples):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_samples, 20))
    straight = (X[:, 0] + 0.3 * X[:, 1] > 0).astype(int)
    noisy = (X[:, 0] + 8 * rng.normal(size=n_samples) > 0).astype(int)
    found = [_logistic_regression(X, y, 20).C for y in (straight, noisy)]
    assert found[0] >= STRENGTHS[-2] * 64 / 20 > 50 * found[1]


def test_of_penalties_that_do_alike_the_strongest_is_taken():
    rng = np.random.default_rng(0)
    best = rng.exponential(size=400)
    alike = best + rng.normal(0.02, 1.0, 400)
    worse = best + rng.normal(0.20, 1.0, 400)
    assert _first_alike([worse, alike, best]) == 1
    assert _first_alike([worse, best, alike]) == 1
    assert _first_alike([best]) == 0


def test_classes_of_many_training_rows_lie_apart_as_those_of_others_do():
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, 4000)
    X = rng.normal(size=(4000, 400))
    X[:, :200] += 0.1 * (2 * y[:, None] - 1)
    X *= 1 + rng.exponential(size=(4000, 1))
    X /= X.std(axis=0)
    place = X @ _logistic_regression(X[:1800], y[:1800], 400).coef_[0]

    def apart(rows):
        means = [place[rows][y[rows] == label].mean() for label in (0, 1)]
        spread = [place[rows][y[rows] == label].std() for label in (0, 1)]
        return (means[1] - means[0]) / np.mean(spread)

    # With the penalty of least loss, 8 % further.
    assert apart(slice(1800)) < 1.04 * apart(slice(1800, None))
    # Few rows take the penalty that does best.
    few = [_logistic_regression(X[:n], y[:n], 400).C for n in (1500, 1800)]
    assert few[0] > few[1]


def test_several_outputs_are_all_found():
    X = rows()
    y = np.column_stack([X[:, 3] > 0, X[:, 5] + X[:, 6] > 0])
    for name in ("linear", "gradients", "directional"):
        found = find(name, sample_of(X, y), 2)
        basis = np.linalg.qr(found.vectors)[0]
        told = basis.T @ np.eye(12)[:, 3]
        assert told @ told > 0.8, name


def test_sparing_directions_follow_no_leading_axis_within_classes():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1000, 64))
    leading = rng.normal(size=1000)
    y = (X[:, :8].sum(axis=1) + leading > 0).astype(int)
    X += leading[:, None]
    sample = sample_of(X, y)
    assert "sparing" in suitable_finders(sample)
    for name, most in (("sparing", 0.05), ("linear", 1.0)):
        s = sample.X @ find(name, sample, 1).vectors[:, 0]
        followed = [abs(np.corrcoef(s[y == c], leading[y == c])[0, 1]) for c in (0, 1)]
        assert max(followed) < most
    assert "sparing" not in suitable_finders(sample_of(X[:, :31], y))


@pytest.mark.parametrize("n_samples, n", [(6, 1), (6, 3), (40, 1), (30, 90), (150, 2)])
@pytest.mark.parametrize("kind", ["classes", "three classes", "numbers"])
def test_all_finders_take_any_number_of_rows_and_columns(n_samples, n, kind):
    X = rows(n_samples, n)
    y = {
        "classes": np.arange(n_samples) % 2,
        "three classes": np.arange(n_samples) % 3,
        "numbers": X[:, 0],
    }[kind]
    sample = sample_of(X, y, kind == "numbers")
    for name in suitable_finders(sample):
        found = find(name, sample, 3)
        assert 1 <= found.vectors.shape[1] <= 3, name
        assert np.isfinite(found.vectors).all(), name
        assert len(found.by_column) == found.vectors.shape[1], name
        whole = completed(found, sample, n)
        assert whole.vectors.shape == (n, min(n, np.linalg.matrix_rank(sample.X))), name


def test_columns_that_are_constant_or_repeated_do_no_harm():
    X = rows()
    X[:, 1] = X[:, 0]
    units = (X - X.mean(axis=0)) / X.std(axis=0)
    units[:, 2] = 0.0
    target = Target.from_labels(X[:, 0] * X[:, 3] > 0, False)
    sample = Sample(units, LeadingAxes.from_rows(units), target)
    for name in suitable_finders(sample):
        found = find(name, sample, 12)
        S = units @ scaled_directions(units, target, found)
        assert np.isfinite(S).all(), name
        assert np.linalg.matrix_rank(S) == found.vectors.shape[1] <= 10, name


def test_unions_keep_the_first_finders_directions_first():
    X = rows()
    sample = sample_of(X, X[:, 0] + X[:, 3] * X[:, 5] > 0)
    linear = find("linear", sample, 1)
    for name in UNIONS:
        found = find(name, sample, 3)
        np.testing.assert_array_equal(found.vectors[:, 0], linear.vectors[:, 0])
        assert found.vectors.shape == (12, 3)
    np.testing.assert_array_equal(
        find("linear + columns", sample, 3).by_column, [False, True, True]
    )
    assert set(UNIONS["linear + columns"]) <= set(FINDERS)


def test_few_directions_are_completed_without_a_matrix_of_all_columns():
    X = np.random.default_rng(0).normal(size=(12, 20_000))
    sample = sample_of(X, np.arange(12) % 2)
    found = Found(np.eye(20_000, 1), np.ones(1, dtype=bool))
    tracemalloc.start()
    whole = completed(found, sample, 4)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert whole.vectors.shape == (20_000, 4)
    assert whole.by_column.tolist() == [True, False, False, False]
    assert peak < 100e6


def test_signs_do_not_depend_on_the_machine():
    vectors = np.array([[0.6, -0.8], [-0.8, 0.6], [0.0, 0.0]])
    found = Found(vectors, np.zeros(2, dtype=bool))
    mirrored = found._replace(vectors=-vectors)
    np.testing.assert_array_equal(found.turned().vectors, mirrored.turned().vectors)
    assert (found.turned().vectors.max(axis=0) == 0.8).all()


def test_coordinates_have_unit_spread_within_classes_and_columns_stay_columns():
    rng = np.random.default_rng(0)
    X = rows() @ (np.eye(12) + 0.3 * rng.normal(size=(12, 12)))
    y = (X[:, 0] > 0).astype(int)
    sample = sample_of(X, y)
    vectors = np.column_stack([rng.normal(size=(12, 2)), np.eye(12)[:, [4, 7]]])
    found = Found(vectors, np.array([False, False, True, True]))
    directions = scaled_directions(sample.X, sample.target, found)
    S = sample.X @ directions
    S = S - np.array([S[y == c].mean(axis=0) for c in (0, 1)])[y]
    np.testing.assert_allclose(S.std(axis=0), 1.0, atol=0.05)
    np.testing.assert_array_equal(np.flatnonzero(directions[:, 2]), [4])
    np.testing.assert_array_equal(np.flatnonzero(directions[:, 3]), [7])
    correlation = np.corrcoef(S.T)
    assert np.abs(correlation[:2, 2:]).max() < 0.05
    assert abs(correlation[0, 1]) < 0.05


def test_leaks_of_nested_widths_are_those_of_least_squares():
    X = rows() @ np.random.default_rng(1).normal(size=(12, 12))
    directions = np.random.default_rng(2).normal(size=(12, 3))
    leaks = linear_leaks(X, directions)
    for width in (1, 2, 3):
        S = X @ directions[:, :width]
        left = X - S @ np.linalg.lstsq(S, X, rcond=None)[0]
        assert leaks[width - 1] == pytest.approx(1 - (left**2).sum() / (X**2).sum())


@pytest.mark.parametrize("n_samples, n", [(200, 12), (30, 90)])
def test_the_shrinkage_is_ledoit_and_wolfs(n_samples, n):
    X = rows(n_samples, n) * np.linspace(0.5, 2.0, n)
    expected = ledoit_wolf_shrinkage(X, assume_centered=True)
    assert _ledoit_wolf_shrinkage(X) == pytest.approx(expected)


def test_rare_classes_are_sampled_whole():
    y = np.repeat([0, 1, 2, 3], [10_000, 5000, 60, 2])
    rows = balanced_rows(Target.from_labels(y, False), 1000)
    counts = np.bincount(y[rows], minlength=4)
    assert len(rows) == len(set(rows)) == 1000
    # Two rows of a class are too few for three folds.
    assert counts[2] == 60 and counts[3] == 0
    assert abs(counts[0] - counts[1]) <= 1
    # The first rows are as random as any.
    assert 20 < (y[rows[:100]] == 0).sum() < 80
    every = balanced_rows(Target.from_labels(y[:100], True), 1000)
    np.testing.assert_array_equal(np.sort(every), np.arange(100))
