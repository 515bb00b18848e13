from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sklearn_homeo.encryption.summaries.ridge import (
    PENALTIES,
    _squared_error,
    _System,
    fit_ridge,
    score_moments,
)
from sklearn_homeo.encryption.summaries.sums import (
    FOLDS,
    FoldSums,
    exact_product,
    fold_sums,
)


@given(arrays(np.int64, (7, 3), elements=st.integers(-(2**17), 2**17)))
def test_products_are_those_of_whole_numbers(values):
    found = exact_product(values.astype(float), values.astype(float), 34)
    expected = values.astype(object).T @ values.astype(object)
    assert (found == expected).all()


def test_products_of_many_rows_stay_exact():
    # Two rows at a time, as the largest products are 2**52.
    values = np.full((9, 1), 2.0**26 - 1)
    assert exact_product(values, values, 52)[0, 0] == 9 * (2**26 - 1) ** 2


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(0)
    features = np.rint(rng.normal(size=(90, 4)) * 512)
    codes = (features[:, 0] + 300 * rng.normal(size=90) > 0).astype(int)
    targets, folds = np.eye(2)[codes], np.arange(90) % FOLDS
    return features, targets, folds


def moments_of(sample):
    return FoldSums.from_totals(fold_sums(*sample, 12, 0), 1 / 512, 1.0)


def test_fold_sums_are_moments(sample):
    features, targets, folds = sample
    sums, X = moments_of(sample), features / 512
    for fold in range(FOLDS):
        rows = folds == fold
        np.testing.assert_allclose(sums.gram[fold], X[rows].T @ X[rows])
        np.testing.assert_allclose(sums.cross[fold], X[rows].T @ targets[rows])
        np.testing.assert_allclose(sums.sums[fold], X[rows].sum(axis=0))
        assert sums.counts[fold] == rows.sum()
    np.testing.assert_allclose(sums.all_but(1)[0], X[folds != 1].T @ X[folds != 1])
    few = sums.of_features(np.array([2, 0]))
    np.testing.assert_allclose(few.gram[0], sums.gram[0][np.ix_([2, 0], [2, 0])])


def test_ridge_needs_sums_only(sample):
    features, targets, folds = sample
    sums, X = moments_of(sample), features / 512
    penalty, system = 0.1, _System(sums.all_but(0))
    weights, offsets = system.weights(penalty)
    A, T = X[folds != 0], targets[folds != 0]
    centred = A - A.mean(axis=0)
    covariance = centred.T @ centred / len(A)
    shift = penalty * np.trace(covariance) / 4 * np.eye(4)
    expected = np.linalg.solve(covariance + shift, centred.T @ T / len(A))
    np.testing.assert_allclose(weights, expected, atol=1e-12)
    np.testing.assert_allclose(offsets, T.mean(axis=0) - A.mean(axis=0) @ weights)
    left = X[folds == 0] @ weights + offsets - targets[folds == 0]
    np.testing.assert_allclose(
        _squared_error(weights, offsets, sums.part(0)), (left**2).sum()
    )


def test_moments_of_scores_of_left_out_rows(sample):
    features, targets, folds = sample
    sums, X = moments_of(sample), features / 512
    ridge = fit_ridge(sums)
    scores = np.einsum("ij,ijk->ik", X, ridge.weights[folds]) + ridge.offsets[folds]
    errors = (scores - targets) ** 2
    np.testing.assert_allclose(ridge.error, errors.mean())
    np.testing.assert_allclose(ridge.fresh_error, errors[folds == 0].mean())
    moments = score_moments(ridge, sums, (2,))
    own = [scores[targets[:, c] == 1] for c in range(2)]
    np.testing.assert_allclose(moments.means, [one.mean(axis=0) for one in own])
    np.testing.assert_allclose(moments.second, scores.T @ scores / 90)
    matrix, offsets = moments.logits()
    hits = (scores @ matrix + offsets).argmax(axis=1) == targets[:, 1]
    assert hits.mean() > 0.75
    means, within, shares = moments.spread()
    assert (means == moments.means).all()
    np.testing.assert_allclose(shares, targets.mean(axis=0))
    left = scores - means[targets[:, 1].astype(int)]
    np.testing.assert_allclose(within, left.T @ left / 90, atol=1e-12)


def test_the_penalty_errs_hardly_more_than_the_best_wherever_the_search_begins(sample):
    sums = moments_of(sample)
    ridge = fit_ridge(sums)
    errors = [
        sum(
            _squared_error(*_System(sums.all_but(i)).weights(penalty), sums.part(i))
            for i in range(FOLDS)
        )
        for penalty in PENALTIES
    ]
    strongest = next(i for i, e in enumerate(errors) if 0.98 * e <= min(errors))
    for near in (None, *PENALTIES[[0, -1]]):
        assert fit_ridge(sums, near).penalty == PENALTIES[strongest]
    assert ridge.error * 180 == pytest.approx(errors[strongest])


def test_sums_of_no_rows_are_refused(sample):
    sums = moments_of(sample)
    with pytest.raises(ValueError, match="No rows can have these sums"):
        fit_ridge(replace(sums, gram=-sums.gram))
