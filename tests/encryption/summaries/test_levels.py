import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from owners import curved
from sklearn_homeo.encryption.label_space.yardsticks import (
    class_measures,
    number_measures,
)
from sklearn_homeo.encryption.summaries.levels import _area, _Bench, _first


def test_area_under_the_curve_of_counts():
    rng = np.random.default_rng(0)
    levels, own = rng.integers(0, 6, 200), rng.integers(0, 2, 200)
    counts = np.array([np.bincount(levels[own == c], minlength=6) for c in (0, 1)])
    assert _area(counts.T) == pytest.approx(roc_auc_score(own, levels))
    assert np.isnan(_area(np.array([[1, 0], [2, 0]])))


@pytest.mark.parametrize(
    ("scores", "first"),
    [
        # On average .004 better than the best linear ones, give or take .003.
        ([0.950, 0.962, 0.960], ["linear", "linear, logistic"]),
        ([0.960, 0.962, 0.964], ["linear", "linear, logistic", "features"]),
    ],
)
def test_linear_scores_come_first_unless_others_are_surely_better(scores, first):
    known = {
        "linear": {"features": {}},
        "linear, logistic": {"features": {}},
        "features": {"features": {"kind": "waves"}},
    }
    found = [[0.90, 0.90, 0.90], [0.952, 0.953, 0.955], scores]
    whole = {
        name: {"ROC AUC": np.array(values)}
        for name, values in zip(known, found, strict=True)
    }
    assert _first(known, whole) == first
    del known["linear"], known["linear, logistic"]
    assert _first(known, whole) == ["features"]


def test_measures_of_tables_are_those_of_rows(rounds):
    X, y = curved()
    plan, summaries = rounds[-1]
    bench = _Bench(plan, plan.totals(summaries), 10)
    cells = np.random.default_rng(0).integers(0, 5, len(y))
    labels = np.random.default_rng(1).dirichlet([1, 1], 5)
    table = np.zeros((5, 3), int)
    np.add.at(
        table, cells, np.column_stack([np.ones(len(y), int), np.eye(2)[y]]).astype(int)
    )
    expected = class_measures(labels[cells], y[:, None], (2,))
    assert bench._measures(labels, table) == pytest.approx(expected)


def test_r2_of_tables_is_that_of_rows():
    class Plan:
        sizes, target_step = None, 0.25

    bench = object.__new__(_Bench)
    bench.plan, bench.n_outputs = Plan, 1
    rng = np.random.default_rng(0)
    cells, targets = rng.integers(0, 5, 90), rng.integers(-9, 9, (90, 1))
    table = np.zeros((5, 3), int)
    np.add.at(table, cells, np.hstack([np.ones((90, 1), int), targets, targets**2]))
    labels = rng.normal(size=(5, 1))
    expected = number_measures(labels[cells], targets * 0.25)
    assert bench._measures(labels, table) == pytest.approx(expected)
