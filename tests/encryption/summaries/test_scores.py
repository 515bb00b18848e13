import numpy as np
import pytest

from owners import curved
from problems import KEY
from sklearn_homeo import SummaryPlan
from sklearn_homeo.encryption.summaries import families, scores
from sklearn_homeo.encryption.summaries.ridge import ScoreMoments
from sklearn_homeo.encryption.summaries.rows import own_rows


def plan_of_scores(X, y, *classes, **settings):
    plan = SummaryPlan(X.shape[1], *classes, n_random_features=24, **settings)
    while plan.round != "scores":
        plan = plan.advance(plan.summarize(X, y, KEY))
    return plan


def test_draws_are_spread_like_the_scores_that_were_counted():
    rng = np.random.default_rng(0)
    groups = np.arange(3000) % 3 // 2
    own = np.column_stack([rng.exponential(size=3000), rng.uniform(-1, 1, 3000)])
    own += np.array([[0, 0], [4, -1]])[groups]
    means = np.array([own[groups == c].mean(axis=0) for c in range(2)])
    moments = ScoreMoments(means, own.T @ own / 3000, np.array([2000, 1000]), (2,))
    low, width = scores._bins(*moments.spread()[:2])
    counts = np.zeros((2, 2, scores._N_BINS), int)
    places = np.floor((own - low[groups]) / width).astype(int)
    np.add.at(counts, (groups[:, None], np.arange(2), places), 1)
    draws, of_draws = scores._draws(moments, counts)
    assert np.bincount(of_draws) == pytest.approx([2667, 1333], abs=1)
    for c in range(2):
        for q in (0.05, 0.5, 0.95):
            expected = np.quantile(own[groups == c], q, axis=0)
            found = np.quantile(draws[of_draws == c], q, axis=0)
            assert found == pytest.approx(expected, abs=0.15)
    again, _ = scores._draws(moments, counts)
    assert (again == draws).all()
    for impossible in (-counts, 0 * counts):
        with pytest.raises(ValueError, match="No rows can have these sums"):
            scores._draws(moments, impossible)


def test_logits_are_those_of_logistic_regression_on_left_out_rows():
    X, y = curved(900)
    plan = plan_of_scores(X, y, [0, 1])
    plan = plan.advance(plan.summarize(X, y))
    rows = own_rows(plan, X, y)
    u = rows.lattice_rows(plan)
    for family in plan.known["families"].values():
        found = [one.scores(u) for one in families.scorers_of(family)]
        logits = families.left_out_scores(found, rows.folds) @ [-1, 1] / 1024
        # Neither too sure nor too unsure: a factor changes the likelihood little.
        losses = [
            np.logaddexp(0, factor * logits * (1 - 2 * y)).mean()
            for factor in (0.7, 1.0, 1.4)
        ]
        assert losses[1] < min(losses[0], losses[2]) + 2e-3


def test_what_is_not_told():
    X, y = curved(90)
    noisy = {"epsilon": 50.0, "bounds": (-4e3, 4e3)}
    two = np.column_stack([y, y])
    for labels, classes, settings in (
        (y, [0, 1], noisy),
        (two, [[0, 1], [0, 1]], {}),
    ):
        plan = plan_of_scores(X, labels, classes, **settings)
        assert set(plan.summarize(X, labels, KEY)._arrays) == {"rows"}
        plan = plan.advance(plan.summarize(X, labels, KEY))
        assert len(plan.known["families"]) == 2
