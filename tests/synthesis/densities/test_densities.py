"""What the densities keep of the rows, and what they leave out."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from problems import KEY, correlated
from sklearn_homeo import ClassConditionalSynthesizer, HomeomorphicEncryptor
from sklearn_homeo.synthesis.densities import fit_density, gaussian, scales
from sklearn_homeo.synthesis.densities.gaussian import fit_gaussians, shrunk_means
from sklearn_homeo.synthesis.densities.scales import fit_scales

OPTIONS = {"n_components": 3}


def rotation(n, seed=1):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(n, n)))[0]


def hidden_signal(n_rows=2000, n_features=100, n_signal=2, size=0.05, seed=0):
    """Few directions that carry the class, many small ones, all rotated."""
    rng = np.random.default_rng(seed)
    codes = np.arange(n_rows) % 2
    X = size * rng.normal(size=(n_rows, n_features))
    X[:, :n_signal] = rng.normal(size=(n_rows, n_signal)) + 4 * codes[:, None]
    turn = rotation(n_features)
    return X @ turn, codes, turn[:n_signal]


def draw(X, codes, method="gaussian", n=20_000, seed=0):
    rng = np.random.default_rng(seed)
    density = fit_density(method, X, codes, rng, **OPTIONS)
    return [density.sample(code, n, rng) for code in range(codes.max() + 1)]


def test_only_directions_beyond_noise_are_described():
    X, codes, signal = hidden_signal()
    scales = fit_scales(X, codes, np.random.default_rng(0))
    assert scales.vectors.shape == (100, 2)
    np.testing.assert_allclose(scales.vectors.T @ scales.vectors, np.eye(2), atol=1e-9)
    overlap = np.linalg.svd(signal @ scales.vectors)[1]
    assert overlap.min() > 0.99
    noise = scales.noise * np.median(scales.unit)
    np.testing.assert_allclose(noise, 0.05, rtol=0.05)


def test_ciphertexts_are_described_by_what_they_preserve():
    X, y = load_digits(return_X_y=True)
    encryptor = HomeomorphicEncryptor(leakage="scores", key=KEY).fit(X, y)
    synthesizer = ClassConditionalSynthesizer(random_state=0)
    synthesizer.fit(encryptor.transform(X), y)
    # Columns are bent copies of the coordinates, each of which adds some directions.
    # The exact number is a matter of rounding, and differs between machines.
    n_coordinates = encryptor.n_preserved_
    assert n_coordinates <= synthesizer.n_directions_ <= 5 * n_coordinates
    assert 5 * n_coordinates < X.shape[1]


def test_means_of_noise_are_not_kept():
    X, codes, _ = hidden_signal()
    scales = fit_scales(X, codes, np.random.default_rng(0))
    centre = scales.centre[0] - scales.vectors @ (scales.vectors.T @ scales.centre[0])
    assert np.abs(centre).max() < 1e-12
    shifted = fit_scales(X + 5, codes, np.random.default_rng(0))
    np.testing.assert_allclose(shifted.centre[0].mean(), X.mean() + 5, atol=0.1)


@pytest.mark.parametrize("method", ["gaussian", "mixture", "kde"])
def test_moments_of_each_class(method):
    rng = np.random.default_rng(0)
    codes = np.repeat([0, 1], 4000)
    mixing = np.array([[1.0, 0.8, 0.0], [0.0, 0.5, 0.0], [0.3, 0.0, 2.0]])
    X = rng.normal(size=(8000, 3))
    X[codes == 1] = X[codes == 1] @ mixing + 3
    X = X * (1e-3, 1.0, 1e3) + (0, 50, 0)
    for code, drawn in enumerate(draw(X, codes, method)):
        real = X[codes == code]
        scale = real.std(axis=0)
        np.testing.assert_allclose(
            (drawn.mean(axis=0) - real.mean(axis=0)) / scale, 0, atol=0.08
        )
        np.testing.assert_allclose(
            np.cov(drawn.T) / np.outer(scale, scale),
            np.cov(real.T) / np.outer(scale, scale),
            atol=0.1,
        )


def test_classes_that_differ_in_covariance_only():
    rng = np.random.default_rng(0)
    codes = np.repeat([0, 1], 500)
    X = rng.normal(size=(1000, 12))
    X[:, 1] = np.where(codes == 0, 1, -1) * X[:, 0] + 0.3 * X[:, 1]
    X = X @ rotation(12)
    first, second = draw(X, codes)
    direction = rotation(12)[:2]
    assert np.corrcoef((first @ direction.T).T)[0, 1] > 0.8
    assert np.corrcoef((second @ direction.T).T)[0, 1] < -0.8


def test_mixtures_keep_two_modes_that_one_normal_distribution_loses():
    rng = np.random.default_rng(0)
    codes = np.repeat([0, 1], 1000)
    X = rng.normal(size=(2000, 2))
    X[:, 0] += 6 * rng.choice([-1, 1], 2000) + 3 * codes
    between = {
        method: np.mean(np.abs(draw(X, codes, method)[0][:, 0]) < 3)
        for method in ("gaussian", "mixture")
    }
    assert between["mixture"] < 0.1 < between["gaussian"]


def test_units_of_columns_do_not_matter():
    X, codes = correlated(300, 8)
    units = 10.0 ** np.arange(-4, 4)
    first = draw(X, codes, n=50)
    second = draw(X * units, codes, n=50)
    for one, two in zip(first, second, strict=True):
        scale = two.std(axis=0)
        np.testing.assert_allclose(one * units / scale, two / scale, atol=1e-5)


def test_constant_columns_stay_constant():
    rng = np.random.default_rng(0)
    codes = np.repeat([0, 1], 50)
    X = np.column_stack(
        [rng.normal(size=100), np.full(100, 7.0), np.where(codes, 3.0, -3.0)]
    )
    for code, drawn in enumerate(draw(X, codes, n=20)):
        np.testing.assert_allclose(drawn[:, 1], 7.0)
        np.testing.assert_allclose(drawn[:, 2], 3.0 if code else -3.0)
    constant = draw(np.ones((4, 3)), np.array([0, 0, 1, 1]), n=5)
    np.testing.assert_array_equal(constant[0], np.ones((5, 3)))


@pytest.mark.parametrize("method", ["gaussian", "kde"])
@pytest.mark.parametrize("shape", [(8, 1), (8, 3), (12, 200)])
def test_few_rows_and_wide_rows(method, shape):
    X = np.random.default_rng(0).normal(size=shape)
    codes = np.arange(len(X)) % 2
    for drawn in draw(X, codes, method, n=10):
        assert drawn.shape == (10, shape[1]) and np.isfinite(drawn).all()


def test_class_means_without_differences_are_shrunk_to_one():
    rng = np.random.default_rng(0)
    counts = np.array([50, 100, 200])
    noise = rng.normal(size=(3, 40)) / np.sqrt(counts)[:, None]
    overall = counts @ noise / counts.sum()
    spread = np.abs(shrunk_means(noise, counts) - overall).sum()
    assert spread < 0.3 * np.abs(noise - overall).sum()
    apart = noise + np.array([[-9.0], [0.0], [9.0]])
    np.testing.assert_allclose(shrunk_means(apart, counts), apart, atol=0.4)


def test_chunks_do_not_show():
    X, codes, _ = hidden_signal(400, 20)
    rng = np.random.default_rng(0)
    density = fit_gaussians(X, codes, rng)
    rows = np.vstack([density.sample(1, n, rng) for n in (0, 1, 5000)])
    assert rows.shape == (5001, 20)
    assert np.abs(rows.mean(axis=0) - X[codes == 1].mean(axis=0)).max() < 0.2


def test_autoencoder_learns_what_is_not_normal():
    rng = np.random.default_rng(0)
    codes = np.arange(600) % 2
    X = rng.normal(size=(600, 2))
    X[:, 0] = 0.3 * X[:, 0] + 3 * rng.choice([-1, 1], 600)
    X[:, 1] += 5 * codes
    state = torch.random.get_rng_state()
    synthesizer = ClassConditionalSynthesizer(
        "vae", max_epochs=60, device="cpu", random_state=0
    ).fit(X, codes)
    drawn, labels = synthesizer.sample(4000)
    normal, _ = ClassConditionalSynthesizer(random_state=0).fit(X, codes).sample(4000)
    between = [np.mean(np.abs(rows[:, 0]) < 1.5) for rows in (drawn, normal)]
    assert between[0] < 0.75 * between[1]
    assert (drawn[labels == 1, 1].mean() - 5) < 0.5
    assert torch.equal(torch.random.get_rng_state(), state)
    again = pickle.loads(pickle.dumps(synthesizer)).sample(4000)[0]
    np.testing.assert_array_equal(again, drawn)


def test_no_described_direction_needs_no_eigenvalues(monkeypatch):
    """SciPy 1.13, the oldest that is supported, refuses empty matrices."""

    def eigh(matrix, **options):
        if len(matrix) == 0:
            raise ValueError("On entry to DSYEVR parameter had an illegal value")
        return original(matrix, **options)

    def solve_triangular(a, b, **options):
        if np.size(b) == 0:
            raise ValueError("illegal value in 7th argument of internal trtrs")
        return solved(a, b, **options)

    original, solved = scales.linalg.eigh, gaussian.solve_triangular
    monkeypatch.setattr(scales.linalg, "eigh", eigh)
    monkeypatch.setattr(gaussian, "solve_triangular", solve_triangular)
    rng = np.random.default_rng(0)
    codes = np.arange(60) % 2
    for X in (rng.normal(size=(60, 3)), np.ones((60, 3)), rng.normal(size=(60, 90))):
        for method in ("gaussian", "kde"):
            density = fit_density(method, X, codes, np.random.default_rng(0))
            assert density.sample(0, 5, rng).shape == (5, X.shape[1])
