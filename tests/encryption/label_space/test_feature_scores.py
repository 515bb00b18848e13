import numpy as np

from sklearn_homeo.encryption.label_space.feature_scores import (
    FEATURE_STEP,
    Bumps,
    FeatureMap,
    FeatureScores,
    Steps,
    Waves,
)
from sklearn_homeo.encryption.label_space.kernel_scores import Kernel


def features(n=6, n_frequencies=2000):
    draws = np.random.default_rng(0).normal(size=(n, n_frequencies))
    return FeatureMap([Waves.from_frequencies(draws)])


def of_all_kinds():
    """Two bumps, one frequency, a step of two factors and one of a single factor."""
    bumps = Bumps(Kernel.from_real(np.eye(3), np.array([[0, 0, 0], [2**26, 0, 0]])))
    waves = Waves.from_frequencies(np.eye(3)[:, :1])
    steps = Steps(np.array([[0, 1], [2, 0]]), np.array([[0, 2**26], [5, -(2**40)]]))
    return FeatureMap([bumps, waves, steps])


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
    found = of_all_kinds()(u)[:, 4:] * FEATURE_STEP
    assert found.tolist() == [[1, 1], [-1, -1], [1, 1], [-1, -1]]


def test_bumps_are_a_gaussian_kernel_and_whitened_ones_give_it_back():
    X, u = lattice_rows(n=3)
    bumps = of_all_kinds().parts[0]
    squares = ((X[:, None] - [[0, 0, 0], [0.5, 0, 0]]) ** 2).sum(axis=2)
    np.testing.assert_allclose(bumps(u) * FEATURE_STEP, np.exp(-squares), atol=1e-3)
    values = bumps(np.array([[0, 0, 0], [2**26, 0, 0]])) * FEATURE_STEP
    white = values @ bumps.whitening() / np.sqrt(2)
    np.testing.assert_allclose(white @ white.T, values, atol=5e-3)


def test_parts_of_a_map_keep_its_features():
    _, u = lattice_rows(n=3)
    whole = of_all_kinds()
    assert len(whole) == whole(u).shape[1] == 6
    squares = (whole(u) ** 2).sum(axis=1)
    assert (squares <= whole.largest_square()).all()
    for places in ([0, 1], [2, 3], [4, 5], [5], [1, 2, 3, 5], [0, 1, 2, 3, 4, 5]):
        part = whole.part(np.array(places))
        again = FeatureMap.from_state(part.state())
        assert (part(u) == whole(u)[:, places]).all()
        assert (again(u) == part(u)).all()
        assert len(part.whitening()) == sum(place < 2 for place in places)
