import numpy as np

from sklearn_homeo.encryption.label_space.feature_scores import (
    FEATURE_STEP,
    FeatureMap,
    FeatureScores,
)


def features(n=6, n_frequencies=2000):
    draws = np.random.default_rng(0).normal(size=(n, n_frequencies))
    return FeatureMap.from_frequencies(draws)


def lattice_rows(n_samples=40, n=6):
    X = np.random.default_rng(1).normal(size=(n_samples, n)) / 2
    return X, np.rint(X * 2**27).astype(np.int64)


def test_products_of_features_are_a_gaussian_kernel():
    X, u = lattice_rows()
    values = features()(u) * FEATURE_STEP
    squares = ((X[:, None] - X) ** 2).sum(axis=2)
    kernel = values @ values.T / 2000
    np.testing.assert_allclose(kernel, np.exp(-squares / 2), atol=0.1)
    assert np.abs(kernel.diagonal() - 1).max() < 1e-3


def test_scores_are_exact_and_survive_their_state():
    _, u = lattice_rows()
    weights = np.random.default_rng(2).normal(size=(4000, 3))
    scorer = FeatureScores.from_real(features(), weights, np.array([0.5, 0.0, -1.0]))
    scores = scorer.scores(u)
    assert (scores == np.rint(scores)).all()
    one_by_one = [scorer.scores(u[i : i + 1]) for i in range(len(u))]
    assert (np.concatenate(one_by_one) == scores).all()
    again = FeatureScores.from_state(scorer.state())
    assert (again.scores(u) == scores).all()
    real = features()(u) * FEATURE_STEP @ weights + [0.5, 0.0, -1.0]
    np.testing.assert_allclose(scores * 2.0**-10, real, atol=0.01)
