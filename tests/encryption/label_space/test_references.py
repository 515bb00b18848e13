"""Models on all features that cells must not fall short of."""

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

from sklearn_homeo.encryption.label_space import references, regions
from sklearn_homeo.encryption.label_space.references import forest_predicts


def _rows(n_rows, seed):
    X = np.random.default_rng(seed).normal(size=(n_rows, 6)).astype(np.float32)
    return X, np.column_stack([X[:, 0] * X[:, 1], X[:, 2]]).astype(np.float64)


@pytest.fixture
def grown(monkeypatch):
    """How many trees each forest has that is fitted."""
    counts = []
    for name in ("ExtraTreesRegressor", "ExtraTreesClassifier"):
        kind = getattr(references, name)

        def counted(n_trees, kind=kind, **settings):
            counts.append(n_trees)
            return kind(n_trees, **settings)

        monkeypatch.setattr(references, name, counted)
    return counts


def test_few_trees_at_a_time_are_those_of_one_forest(grown):
    (X, y), (X_test, known) = _rows(80, 0), _rows(30, 1)
    predicted = forest_predicts(X, y, X_test, None, known, [{"R2": -9.0}])
    expected = ExtraTreesRegressor(30, random_state=0).fit(X, y).predict(X_test)
    np.testing.assert_array_equal(predicted, expected)
    assert grown == [6] * 5


def test_of_many_classes_fewer_trees_are_grown_at_a_time(grown, monkeypatch):
    monkeypatch.setattr(references, "MOST_SHARES", 1000)
    (X, y), (X_test, _) = _rows(80, 0), _rows(30, 1)
    outputs = np.column_stack([np.digitize(y[:, 0], [-1, 1]), y[:, 1] > 0]).astype(int)
    predicted = forest_predicts(X, outputs, X_test, (4, 2), None, [])
    model = ExtraTreesClassifier(30, random_state=0).fit(X, outputs)
    first, second = model.predict_proba(X_test)
    # The last class of the first output has no row.
    expected = np.hstack([first, np.zeros((30, 1)), second])
    np.testing.assert_array_equal(predicted, expected)
    assert grown == [2] * 15


@pytest.mark.parametrize(("best", "n_grown"), [(0.999, 6), (-1.0, 30)])
def test_a_forest_that_falls_short_grows_no_further(grown, best, n_grown):
    (X, y), (X_test, known) = _rows(80, 0), _rows(30, 1)
    forest_predicts(X, y, X_test, None, known, [{"R2": -2.0}, {"R2": best}])
    assert sum(grown) == n_grown


def test_what_all_trees_will_reach_is_known_from_few():
    (X, y), (X_test, known) = _rows(300, 0), _rows(200, 1)
    forest = ExtraTreesRegressor(240, random_state=0).fit(X, y)
    foretold, parts = [], [references._Votes() for _ in range(40)]
    whole = references._Votes()
    for i, tree in enumerate(forest.estimators_):
        parts[i // 6].add(tree.predict(X_test))
        whole.add(tree.predict(X_test))
    foretold = [part.r2_of(240, known) for part in parts]
    error = np.std(foretold) / np.sqrt(len(foretold))
    assert abs(np.mean(foretold) - whole.r2_of(240, known)) < 4 * error


def test_regions_are_the_same_in_few_rows_at_a_time(monkeypatch):
    scores = np.random.default_rng(0).integers(-3000, 3000, (200, 3)).astype(float)
    whole = regions.Regions.from_scores(scores, (3,), 9, 2)
    monkeypatch.setattr(regions, "_CHUNK_SQUARES", 60)
    parts = regions.Regions.from_scores(scores, (3,), 9, 2)
    np.testing.assert_array_equal(parts.centres, whole.centres)
    np.testing.assert_array_equal(parts.index(scores), whole.index(scores))
    assert whole.index(scores[:0]).shape == (0,)
