import numpy as np

from sklearn_homeo.encryption.label_space.feature_scores import (
    FEATURE_STEP,
    FeatureMap,
    FeatureScores,
    Steps,
)


def features(n=6, n_frequencies=2000):
    draws = np.random.default_rng(0).normal(size=(n, n_frequencies))
    return FeatureMap.from_frequencies(draws)


def with_steps():
    """One frequency, a step of two factors and one of a single factor."""
    steps = Steps(np.array([[0, 1], [2, 0]]), np.array([[0, 2**26], [5, -(2**40)]]))
    return FeatureMap.from_frequencies(np.eye(3)[:, :1], steps)


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


def test_steps_are_products_of_signs():
    u = np.array([[0, 2**26, 5], [-1, 2**26, 4], [-1, 2**26 - 1, 5], [0, 0, -(2**39)]])
    found = with_steps()(u)[:, 2:] * FEATURE_STEP
    assert found.tolist() == [[1, 1], [-1, -1], [1, 1], [-1, -1]]


def test_parts_of_a_map_keep_cosines_sines_and_steps_together():
    _, u = lattice_rows(n=3)
    whole = with_steps()
    for places in ([0, 1], [2, 3], [3], [0, 1, 3]):
        part = whole.part(np.array(places))
        again = FeatureMap.from_state(part.state())
        assert (part(u) == whole(u)[:, places]).all()
        assert (again(u) == part(u)).all()
