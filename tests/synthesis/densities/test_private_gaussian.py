"""Differential privacy of the class Gaussians: arithmetic, ledger and audit."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from sklearn_homeo import ClassConditionalSynthesizer
from sklearn_homeo.audit import epsilon_lower_bound
from sklearn_homeo.privacy.box import make_box
from sklearn_homeo.privacy.gaussian_mechanism import gaussian_epsilon
from sklearn_homeo.synthesis.densities import private_gaussian as private

BOUNDS = (-4.0, 4.0)


def rows(n_rows=400, n_features=16, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(n_rows) % 2
    X = rng.normal(size=(n_rows, n_features))
    X[:, 0] += 3 * y
    return X, y


@pytest.mark.parametrize("epsilon", [0.1, 1.0, 5.0, 20.0])
@pytest.mark.parametrize("delta", [1e-9, 1e-5])
def test_rho_gives_epsilon_back(epsilon, delta):
    ledger = private.plan_gaussians(epsilon, delta)
    assert gaussian_epsilon(np.sqrt(2 * ledger.rho), delta) == pytest.approx(epsilon)
    assert sum(one.rho for one in ledger.mechanisms) == pytest.approx(ledger.rho)


def test_noise_has_the_size_that_the_ledger_pays_for():
    X, y = rows(200, 3)
    ledger = private.plan_gaussians(1.0, 1e-5)
    asked = []

    def normal(shape):
        asked.append(shape)
        return np.ones(shape)

    box = make_box(BOUNDS, 3)
    noisy = private.fit_private_gaussians(X, y, ledger, box, 0.5, normal)
    clipped = private.clip_rows(np.clip(X / 4, -1, 1), 0.5)
    exact = np.stack([clipped[y == code].mean(axis=0) for code in (0, 1)])
    sigma = 2 * 0.5 / 100 / np.sqrt(2 * ledger.mechanisms[0].rho)
    np.testing.assert_allclose(noisy.means - exact, sigma)
    assert asked == [(2, 3), (3, 3), (3, 3)]


def test_sensitivities_hold_for_the_worst_rows():
    rng = np.random.default_rng(0)
    pairs = private.clip_rows(rng.normal(size=(2000, 4)), 0.7).reshape(1000, 2, 4)
    pairs[0, 1] = -pairs[0, 0]
    one, two = pairs[:, 0], pairs[:, 1]
    assert np.linalg.norm(one - two, axis=1).max() <= 2 * 0.7 + 1e-12
    moments = np.einsum("ni,nj->nij", one, one) - np.einsum("ni,nj->nij", two, two)
    worst = np.linalg.norm(moments, axis=(1, 2)).max()
    assert worst <= np.sqrt(2) * 0.7**2 + 1e-12


def test_symmetric_noise_is_isotropic_under_the_frobenius_norm():
    rng = np.random.default_rng(0)
    drawn = np.stack([private._symmetric(rng.normal(size=(3, 3))) for _ in range(4000)])
    np.testing.assert_array_equal(drawn, drawn.transpose(0, 2, 1))
    np.testing.assert_allclose(drawn[:, 0, 0].std(), 1, atol=0.05)
    np.testing.assert_allclose(drawn[:, 0, 1].std(), 0.5**0.5, atol=0.05)


def test_ledger_before_and_after_fit(capsys):
    X, y = rows()
    synthesizer = ClassConditionalSynthesizer(epsilon=1.0, bounds=BOUNDS, verbose=1)
    planned = synthesizer.plan_privacy()
    assert synthesizer.fit(X, y).privacy_spent_ == planned
    assert "rho = 0.03593" in capsys.readouterr().out
    text = str(planned)
    for part in ("mean of each class", "second moment", "public: class labels", "not"):
        assert part in text
    assert ClassConditionalSynthesizer().plan_privacy() is None
    assert ClassConditionalSynthesizer().fit(X, y).privacy_spent_ is None


@pytest.mark.parametrize("epsilon", [1.0, 5.0])
def test_utility(epsilon):
    X, y = rows(2000)
    X_test, y_test = rows(2000, seed=1)
    synthesizer = ClassConditionalSynthesizer(
        epsilon=epsilon, bounds=BOUNDS, random_state=0
    )
    X_new, y_new = synthesizer.fit_resample(X, y)
    assert LogisticRegression().fit(X_new, y_new).score(X_test, y_test) > 0.85


def test_much_budget_gives_the_moments_back():
    X, y = rows(4000, 4)
    synthesizer = ClassConditionalSynthesizer(
        epsilon=1e6, bounds=(-10, 10), max_norm=2, random_state=0
    )
    drawn, _ = synthesizer.fit(X, y).sample({1: 20_000})
    np.testing.assert_allclose(drawn.mean(axis=0), X[y == 1].mean(axis=0), atol=0.05)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(X[y == 1].T), atol=0.1)


def test_rows_out_of_bounds_are_clipped():
    X, y = rows(200, 2)
    outlier = X.copy()
    outlier[0] = 1e12
    clipped = X.copy()
    clipped[0] = 4.0
    params = {"epsilon": 1.0, "bounds": BOUNDS, "random_state": 0}
    one, two = (
        ClassConditionalSynthesizer(**params).fit(data, y).sample(10)[0]
        for data in (outlier, clipped)
    )
    np.testing.assert_array_equal(one, two)


def test_noise_is_fresh_unless_asked_for():
    X, y = rows(100, 2)
    params = {"epsilon": 1.0, "bounds": BOUNDS}
    means = [
        ClassConditionalSynthesizer(**params).fit(X, y)._drawer.density.means
        for _ in range(2)
    ]
    assert not np.isclose(*means).any()
    same = [
        ClassConditionalSynthesizer(random_state=1, **params)
        .fit(X, y)
        ._drawer.density.means
        for _ in range(2)
    ]
    np.testing.assert_array_equal(*same)


@pytest.mark.parametrize("epsilon", [1.0, 5.0])
def test_audit_by_canaries(epsilon):
    """The optimal attack on the worst record, 1,500 runs a side, of 16 columns."""
    X, y = np.zeros((20, 16)), np.arange(20) % 2
    canary = X.copy()
    canary[0] = 4.0
    ledger = private.plan_gaussians(epsilon, 1e-5)
    box = make_box(BOUNDS, 16)
    normal = np.random.default_rng(0).standard_normal

    def scores(data):
        return [
            private.fit_private_gaussians(data, y, ledger, box, 1.0, normal)
            .means[0]
            .sum()
            for _ in range(1500)
        ]

    bound = epsilon_lower_bound(
        scores(canary), scores(-canary), delta=1e-5, random_state=0
    )
    assert bound.epsilon <= epsilon
    # An attack that found nothing would be no audit.
    assert epsilon < 5 or bound.epsilon > 0.5


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "epsilon needs bounds"),
        ({"bounds": (1, 0)}, "with low < high; of feature 0"),
        ({"bounds": (0, np.inf)}, "bounds must be finite"),
        ({"bounds": (0,)}, r"bounds must be \(low, high\)"),
        ({"bounds": (np.zeros(3), 1)}, "arrays of 2 numbers"),
        (
            {"bounds": BOUNDS, "method": "kde"},
            'epsilon needs method="gaussian" or "vae"',
        ),
        ({"bounds": BOUNDS, "min_distance": 0.1}, "epsilon needs min_distance=None"),
        ({"bounds": BOUNDS, "delta": 0.0}, "delta"),
        ({"bounds": BOUNDS, "max_norm": 0.0}, "max_norm"),
    ],
)
def test_contradictions(params, message):
    X, y = rows(20, 2)
    with pytest.raises(ValueError, match=message):
        ClassConditionalSynthesizer(epsilon=1.0, **params).fit(X, y)
