import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from sklearn_homeo import SummaryPlan
from sklearn_homeo.encryption.summaries import logistic
from sklearn_homeo.encryption.summaries.rows import own_rows
from sklearn_homeo.encryption.summaries.sums import FOLDS


@pytest.fixture(scope="module")
def rounds():
    """Rows of three classes, and plans with the weights after one to six steps."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4)) * [1, 10, 0.1, 1] + 3
    y = np.argmax((X[:, :3] - 3) / [1, 10, 0.1] + rng.gumbel(size=(300, 3)), axis=1)
    plan = SummaryPlan(4, [0, 1, 2], n_random_features=8)
    while plan.round != "features":
        plan = plan.advance(plan.summarize(X, y))
    steps = [plan.known["logistic"]]
    for _ in range(5):
        plan.known["logistic"] = steps[-1]
        steps.append(logistic.next_step(plan, plan.summarize(X, y)._arrays))
    return X, y, plan, steps


def test_steps_lead_to_logistic_regression(rounds):
    X, y, plan, steps = rounds
    units = (X - X.mean(axis=0)) / X.std(axis=0)
    folds = own_rows(plan, X, y).folds
    for name, strength in logistic.STRENGTHS.items():
        for fold in range(FOLDS + 1):
            seen = folds != fold
            model = LogisticRegression(C=strength, tol=1e-8, max_iter=1000)
            model.fit(units[seen], y[seen])
            weights = steps[-1][name][fold]
            np.testing.assert_allclose(weights[:-1].T, model.coef_, atol=2e-3)
            offsets = weights[-1] - weights[-1].mean()
            np.testing.assert_allclose(offsets, model.intercept_, atol=2e-3)


def test_the_first_step_is_newton_s_from_the_shares_of_the_classes(rounds):
    X, y, plan, steps = rounds
    start = np.zeros((FOLDS + 1, 5, 3))
    for fold in range(FOLDS + 1):
        seen = own_rows(plan, X, y).folds != fold
        start[fold, -1] = np.log(np.bincount(y[seen]) / seen.sum())
    plan.known["logistic"] = dict.fromkeys(logistic.STRENGTHS, start)
    found = logistic.next_step(plan, plan.summarize(X, y)._arrays)
    for name, weights in steps[0].items():
        np.testing.assert_allclose(found[name], weights, atol=5e-3)


def test_rows_add_up_and_a_large_table_sends_nothing(rounds):
    X, y, plan, _ = rounds
    first, second = plan.summarize(X[:120], y[:120]), plan.summarize(X[120:], y[120:])
    together = (first + second)._arrays
    assert together["logistic/curvatures"].shape == (FOLDS + 1, 3, 15)
    for classes, n in (([0, 1], 550), (None, 4), ([[0, 1], [0, 1]], 4)):
        assert not logistic._is_suitable(SummaryPlan(n, classes))
    assert logistic._is_suitable(SummaryPlan(300, [0, 1]))


def test_impossible_sums_are_refused(rounds):
    X, y, plan, _ = rounds
    arrays = dict(plan.summarize(X, y)._arrays)
    arrays["logistic/curvatures"] = -arrays["logistic/curvatures"]
    with pytest.raises(ValueError, match="No rows can have these sums"):
        logistic.next_step(plan, arrays)
