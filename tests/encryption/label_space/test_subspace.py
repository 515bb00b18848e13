"""The label subspace holds what models need, and no more."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.ensemble import HistGradientBoostingClassifier

from problems import wine
from sklearn_homeo.encryption.label_space import subspace
from sklearn_homeo.encryption.label_space.probes import PROBES, probe_rows
from sklearn_homeo.encryption.label_space.search import ALL_FEATURES, Candidate
from sklearn_homeo.encryption.label_space.subspace import find_label_space
from sklearn_homeo.encryption.label_space.target import Target
from sklearn_homeo.exceptions import LossOfAccuracyWarning


def units_of(X):
    return (X - X.mean(axis=0)) / X.std(axis=0)


def space_of(X, y, is_numeric=False, **settings):
    return find_label_space(units_of(X), Target.from_labels(y, is_numeric), **settings)


def rows(n_samples=900, n=12, seed=0):
    return np.random.default_rng(seed).normal(size=(n_samples, n))


def best_probe(S, y, n_train):
    """Balanced accuracy of the best kind of model on rows that no choice has seen."""
    target = Target.from_labels(y, False)
    train, test = np.arange(n_train), np.arange(n_train, len(S))
    return max(
        probe_rows(probe, target, S, train, test)[:, 0].mean() for probe in PROBES
    )


def test_a_linear_label_needs_one_direction():
    X = rows()
    space = space_of(X, X @ np.arange(1.0, 13.0) > 0)
    assert space.n_preserved == 1
    assert space.noise == 0.1
    assert space.leak < 0.2
    assert not space.by_column.any()


def test_a_curved_label_in_few_columns_gets_these_columns():
    X = rows()
    space = space_of(X, X[:, 3] * X[:, 5] > 0)
    np.testing.assert_array_equal(np.flatnonzero(space.directions.any(axis=1)), [3, 5])
    assert space.by_column.all()
    # Noise moves rows over two boundaries.
    assert space.noise < 0.1
    chosen = [score for score in space.probe_scores if score.chosen]
    assert [(s.finder, s.width) for s in chosen] == [(space.finder, 2)]


def test_a_curved_label_in_a_turned_basis_gets_its_plane():
    X = rows(1500)
    turn = np.linalg.qr(rows(12, seed=1))[0]
    space = space_of(X @ turn, X[:, 3] * X[:, 5] > 0)
    assert space.n_preserved <= 3
    basis = np.linalg.qr(space.directions)[0]
    assert ((turn[[3, 5]] @ basis) ** 2).sum() > 1.9


def test_chance_labels_keep_one_direction_without_a_warning():
    X = rows(400)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        space = space_of(X, np.random.default_rng(1).integers(0, 2, 400))
    assert space.n_preserved == 1


def test_a_label_of_all_columns_gets_all():
    X = rows(1000, 5)
    space = space_of(X, (X**2).sum(axis=1) > 4.35)
    assert space.finder == ALL_FEATURES
    assert space.n_preserved == 5
    assert space.leak == pytest.approx(1.0)


def test_too_low_a_cap_warns_with_both_scores():
    X = rows(1000, 5)
    y = (X**2).sum(axis=1) > 4.35
    with pytest.warns(LossOfAccuracyWarning, match=r"0\.\d+ where all .* 0\.\d+"):
        space = space_of(X, y, max_preserved=2)
    assert space.n_preserved <= 2
    assert space.probe_scores[0].finder == ALL_FEATURES
    chosen = [s for s in space.probe_scores if s.finder == space.finder]
    assert space.probe_scores[0].score > max(s.score for s in chosen) + 0.01
    with pytest.warns(LossOfAccuracyWarning):
        assert space_of(X, y, n_preserved=2).n_preserved == 2


@pytest.mark.parametrize("n_preserved", [1, 11, 12])
def test_an_integer_takes_that_many(n_preserved):
    X = rows()
    y = X[:, 3] + 0.3 * X[:, 5] > 0
    space = space_of(X, y, n_preserved=n_preserved)
    assert space.directions.shape == (12, n_preserved)
    assert len(space.by_column) == n_preserved
    assert np.linalg.matrix_rank(space.directions) == n_preserved


def test_numbers_and_several_outputs():
    X = rows(400, 6)
    y = np.column_stack([np.abs(X[:, 3]), X[:, 5]])
    space = space_of(X, y, True)
    assert np.linalg.matrix_rank(space.directions[[3, 5]], tol=0.5) == 2
    classes = space_of(X, y > np.median(y, axis=0))
    assert np.linalg.matrix_rank(classes.directions[[3, 5]], tol=0.5) == 2


def test_small_tables_keep_their_accuracy_and_leak_no_more_than_before():
    X, y = wine()
    space = space_of(X, y)
    assert space.n_preserved <= 2
    assert space.leak < 0.6
    X, y = load_diabetes(return_X_y=True)
    space = space_of(X, y, True)
    assert space.leak < 0.6
    assert space.probe_scores[0].score > 0.4


def test_rare_positives_with_an_interaction():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(6000, 10))
    y = X[:, 0] * X[:, 1] > np.quantile(X[:, 0] * X[:, 1], 0.98)
    space = space_of(X, y)
    assert set(np.flatnonzero(np.abs(space.directions).max(axis=1) > 0.2)) == {0, 1}


def test_without_a_target_the_principal_directions_stay():
    X = rows() @ np.diag(np.arange(12.0, 0.0, -1.0))
    space = find_label_space(X, None, n_preserved=2)
    np.testing.assert_allclose(np.abs(space.directions[:2]).max(axis=0) > 0, True)
    S = X @ space.directions
    assert (S**2).mean() == pytest.approx(1.0)
    assert S[:, 0].std() > S[:, 1].std()
    assert space.probe_scores == []


def test_the_same_rows_give_the_same_directions():
    X, y = wine()
    first = space_of(X, y)
    state = np.random.get_state()[1].copy()
    second = space_of(X, y)
    np.testing.assert_array_equal(first.directions, second.directions)
    assert first.probe_scores == second.probe_scores
    np.testing.assert_array_equal(np.random.get_state()[1], state)


@pytest.mark.parametrize("n_samples, n", [(2, 1), (2, 3), (4, 2), (7, 30), (12, 4)])
@pytest.mark.parametrize("is_numeric", [False, True])
def test_tiny_tables(n_samples, n, is_numeric):
    X = np.random.default_rng(0).normal(size=(n_samples, n))
    y = X[:, 0] if is_numeric else np.arange(n_samples) % 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LossOfAccuracyWarning)
        space = space_of(X, y, is_numeric)
    assert space.directions.shape[0] == n
    assert 1 <= space.n_preserved <= n
    assert np.isfinite(space.directions).all()


def test_columns_that_are_the_same():
    x = rows(60, 1)
    space = space_of(np.hstack([x, x]), x[:, 0] > 0)
    assert np.isfinite(space.directions).all()
    assert space.leak == pytest.approx(1.0)


def test_rows_that_do_not_vary():
    space = find_label_space(
        np.zeros((50, 4)), Target.from_labels(np.arange(50) % 2, False)
    )
    assert space.directions.shape == (4, 1)
    assert space.leak == 0.0


def test_errors():
    X = rows(50)
    with pytest.raises(ValueError, match='n_preserved="auto" needs y'):
        find_label_space(X, None)
    with pytest.raises(ValueError, match="n_preserved=13 is more than the 12 features"):
        find_label_space(X, None, n_preserved=13)
    with pytest.raises(ValueError, match="more than max_preserved=2"):
        find_label_space(X, None, n_preserved=3, max_preserved=2)


def test_verbose_prints_one_line(capsys):
    X, y = wine()
    space_of(X, y, verbose=True)
    assert capsys.readouterr().out.count("\n") == 1


SHAPES = {
    "product": lambda S: S[:, 0] * S[:, 1],
    "ring": lambda S: (S**2).sum(axis=1),
    "maximum": lambda S: S.max(axis=1),
    "bump": lambda S: np.sin(2 * S[:, 0]) + S[:, 1] ** 2,
    "threshold": lambda S: np.where(S[:, 0] > 0, S[:, 1], S[:, -1]),
}


@pytest.mark.parametrize("seed, shape", list(enumerate(SHAPES)))
def test_sparse_curved_labels_lose_little(seed, shape):
    # benchmarks/label_subspace.py draws many more.
    rng = np.random.default_rng(seed)
    n, k = rng.integers(10, 25), rng.integers(2, 4)
    X = rng.normal(size=(2000, n))
    values = SHAPES[shape](X[:, rng.permutation(n)[:k]])
    y = (values > np.median(values)).astype(int)
    if seed % 2:
        X = X @ np.linalg.qr(rng.normal(size=(n, n)))[0]
    X = units_of(X)
    space = find_label_space(X[:1200], Target.from_labels(y[:1200], False))
    kept = best_probe(X @ space.directions, y, 1200)
    assert kept > best_probe(X, y, 1200) - 0.03
    assert space.n_preserved < n


def test_what_fails_on_fresh_rows_gets_wider(monkeypatch):
    monkeypatch.setattr(subspace, "FEWEST_PROVED_ROWS", 1000)
    rng = np.random.default_rng(9)
    X = units_of(rng.normal(size=(1600, 6)))
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    target = Target.from_labels(y, False)
    narrow = Candidate("linear", 1)
    monkeypatch.setattr(subspace.Search, "choose", lambda _: narrow)
    space = find_label_space(X, target)
    assert space.n_preserved > 1
    S, held_out = X @ space.directions, slice(1200, None)
    model = HistGradientBoostingClassifier().fit(S[:1200], y[:1200])
    kept = model.score(S[held_out], y[held_out])
    assert kept > 0.9


def test_too_few_directions_warn_by_fresh_rows(monkeypatch):
    monkeypatch.setattr(subspace, "FEWEST_PROVED_ROWS", 1000)
    X = units_of(np.random.default_rng(10).normal(size=(1200, 6)))
    target = Target.from_labels((X[:, 0] * X[:, 1] > 0).astype(int), False)
    with pytest.warns(LossOfAccuracyWarning, match="1 directions"):
        find_label_space(X, target, n_preserved=1)


@pytest.mark.parametrize("was_seen", [True, False])
def test_what_the_search_saw_to_be_enough_is_not_passed_over(was_seen, monkeypatch):
    others = [Candidate("gradients", width) for width in range(2, 30)]
    chosen, seen = Candidate("linear", 1), others[1]
    search = SimpleNamespace(
        told=np.ones(1, dtype=bool),
        most=30,
        alternatives=lambda _: others,
        was_enough=lambda other: was_seen and other == seen,
    )
    proof = object.__new__(subspace._Proof)
    proof.search, proof.is_possible, proof.X = search, True, np.zeros((1, 30))
    monkeypatch.setattr(
        subspace._Proof,
        "_loss_in_tolerances",
        lambda _, candidate: 2.0 if candidate in (chosen, others[0]) else 0.5,
    )
    assert proof.best(chosen) == (seen if was_seen else others[7])
