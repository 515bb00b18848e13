from dataclasses import replace

import numpy as np
import pytest

from owners import last_summaries
from sklearn_homeo import SummaryPlan
from sklearn_homeo.encryption.label_space.feature_scores import FEATURE_STEP, FeatureMap
from sklearn_homeo.encryption.summaries import features
from sklearn_homeo.encryption.summaries.ridge import score_moments
from sklearn_homeo.encryption.summaries.sums import FoldSums


def among_others(n_samples=900):
    """The sign of a product of two of six columns."""
    X = np.random.default_rng(0).normal(size=(n_samples, 6))
    return X, (X[:, 1] * X[:, 4] > 0).astype(int)


@pytest.fixture(scope="module")
def plan():
    """The plan of the round of features, and all rows' summary."""
    X, y = among_others()
    plan = SummaryPlan(6, [0, 1], n_random_features=200)
    while plan.round != "features":
        plan = plan.advance(plan.summarize(X, y))
    return plan, plan.summarize(X, y)


def test_gradients_need_sums_only(plan):
    plan, summary = plan
    X, _ = among_others()
    folds, places, ridge, _ = features._best_features(plan, plan.totals(summary))
    found = features._gradient_moments(plan, folds, ridge, places)
    part = features._part_of(plan, places)
    # The same from rows, by differences; the first fold has no part in it.
    units = (X - plan.known["mean"]) / plan.known["scale"]
    order = np.argsort(among_others()[1], kind="stable")
    kept = np.ones(len(X), dtype=bool)
    kept[order[::3]] = False
    step, weights = 2.0**-5, ridge.weights[0]
    gradients = np.stack(
        [
            (
                scores_at(part, units + shift, weights)
                - scores_at(part, units - shift, weights)
            )
            / (2 * step)
            for shift in step * np.eye(6)
        ]
    )[:, kept]
    expected = np.einsum("irk,jrk->ij", gradients, gradients) / kept.sum()
    np.testing.assert_allclose(found, expected, atol=0.05 * np.trace(expected))
    # Scores change along the two columns that tell the label.
    assert set(np.argsort(found.diagonal())[-2:]) == {1, 4}


def scores_at(part, units, weights):
    values = part(np.rint(units * 2**27).astype(np.int64)) * FEATURE_STEP
    return values @ weights


def test_metrics_along_columns_and_axes(plan):
    moments = np.array([[4.0, 0.5], [0.5, 1.0]])
    columns = features._axes_of(plan[0], moments, "columns", 2.0)
    np.testing.assert_allclose(columns @ columns.T, np.diag([1.0, 1 / 16]))
    axes = features._axes_of(plan[0], moments, "axes", 1.0)
    np.testing.assert_allclose(axes @ axes.T, moments / np.linalg.eigvalsh(moments)[-1])
    none = features._axes_of(plan[0], moments, "none", 0.0)
    assert (none == np.eye(6)).all()


def test_the_last_round_has_the_best_features_alone():
    X, y = among_others()
    plan = SummaryPlan(6, [0, 1], n_random_features=64)
    while plan.round != "scores":
        curved, plan = plan.known.get("families"), plan.advance(plan.summarize(X, y))
    known = plan.known["families"]
    (best,) = (name for name, one in known.items() if one["features"])
    assert known[best]["error"] <= min(one["error"] for one in curved.values())
    used = FeatureMap.from_state(known[best]["features"])
    assert len(used) <= 64


def test_there_are_no_more_features_than_rows():
    summaries = last_summaries(*among_others(90), n_random_features=1536)
    for family in summaries[0].plan.known["families"].values():
        if family["features"]:
            used = FeatureMap.from_state(family["features"])
            assert len(used) <= 90


def test_where_few_columns_matter_steps_in_these_find_jumps():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(900, 6))
    y = (np.maximum(X[:, 1] > 0.4, X[:, 4] < -0.3)).astype(int)
    plan = SummaryPlan(6, [0, 1], n_random_features=256)
    while plan.round != "scores":
        plan = plan.advance(plan.summarize(X, y))
    families = plan.known["families"]
    (best,) = (name for name, one in families.items() if one["features"])
    steps = FeatureMap.from_state(families[best]["features"]).parts[-1]
    assert set(np.unique(steps.columns)) == {1, 4}


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ([0.01, 0.6, 0.39], [1, 2]),
        ([0.0, 1.0, 0.0], [1]),
        ([0.2] * 5, []),
        ([0.25] * 4, [0, 1, 2, 3]),
        ([0.0] * 5, []),
    ],
)
def test_columns_of_nearly_all_that_scores_change_by(shares, expected):
    assert features._few_columns(np.diag(shares)).tolist() == expected


def test_landmarks_are_like_rows_of_each_class(plan):
    X, y = among_others()
    landmarks = plan[0].known["landmarks"] * 2.0**-12
    assert landmarks.shape == (200, 6)
    for label in (0, 1):
        own, rows = landmarks[label::2], X[y == label]
        np.testing.assert_allclose(own.mean(axis=0), rows.mean(axis=0), atol=0.4)
        np.testing.assert_allclose(np.cov(own.T), np.cov(rows.T), atol=0.6)
        assert np.cov(own.T)[1, 4] * (label - 0.5) > 0.1


def test_weights_of_whitened_bumps_are_given_back():
    X, y = among_others(300)
    plan = SummaryPlan(6, [0, 1], n_random_features=40)
    while plan.round != "features, sharper metric":
        plan = plan.advance(plan.summarize(X, y))
    totals = plan.totals(plan.summarize(X, y))
    folds, places, ridge, _ = features._best_features(plan, totals)
    family = features._family(plan, folds, places, ridge)
    part = features._part_of(plan, places)
    raw = FoldSums.from_totals(totals, FEATURE_STEP, 1.0).of_features(places)
    again = score_moments(replace(ridge, weights=family["weights"]), raw, (2,))
    np.testing.assert_allclose(again.means, family["means"], atol=1e-6)
    np.testing.assert_allclose(again.second, family["second"], rtol=1e-6)
    assert part.parts[0].whitening().shape[0] > 0
