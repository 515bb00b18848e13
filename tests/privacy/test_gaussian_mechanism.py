"""The Gaussian mechanism's exact privacy, against independent computations."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from sklearn_homeo import ClassConditionalSynthesizer
from sklearn_homeo.privacy.gaussian_mechanism import (
    gaussian_delta,
    gaussian_epsilon,
    gaussian_mu,
)
from sklearn_homeo.synthesis.densities.private_gaussian import plan_gaussians


def delta_by_integration(epsilon, mu):
    """The integral of what one density exceeds exp(epsilon) times the other by."""
    crossing = epsilon / mu + mu / 2

    def excess(x):
        return norm.pdf(x, mu) - np.exp(epsilon) * norm.pdf(x)

    value, _ = quad(excess, crossing, crossing + 40, epsabs=1e-16, limit=500)
    return value


@pytest.mark.parametrize("epsilon", [0.0, 0.1, 0.5, 1.0, 2.0, 4.0, 10.0])
@pytest.mark.parametrize("mu", [0.1, 0.27, 1.0, 3.0])
def test_delta_is_the_integral_of_the_excess(epsilon, mu):
    expected = delta_by_integration(epsilon, mu)
    assert gaussian_delta(epsilon, mu) == pytest.approx(expected, rel=1e-6, abs=1e-15)


@pytest.mark.parametrize(
    ("epsilon", "ratio"), [(0.5, 0.725), (1, 0.761), (2, 0.798), (4, 0.834)]
)
def test_noise_beside_that_of_the_bound_of_concentrated_privacy(epsilon, ratio):
    delta = 1e-5
    logarithm = np.log(1 / delta)
    rho = (np.sqrt(logarithm + epsilon) - np.sqrt(logarithm)) ** 2
    mu = gaussian_mu(epsilon, delta)
    assert np.sqrt(2 * rho) / mu == pytest.approx(ratio, abs=1e-3)
    # Sound, and no less noise would be.
    assert delta_by_integration(epsilon, mu) <= delta
    assert delta_by_integration(epsilon, 1.0001 * mu) > delta


@settings(max_examples=200, deadline=None)
@given(
    st.floats(1e-3, 100).map(float),
    st.floats(-30, -0.2).map(lambda power: float(np.exp(power))),
)
def test_mu_and_epsilon_are_inverse_and_on_the_safe_side(epsilon, delta):
    mu = gaussian_mu(epsilon, delta)
    assert gaussian_delta(epsilon, mu) <= delta
    assert gaussian_delta(epsilon, mu) >= delta * (1 - 1e-4)
    assert gaussian_epsilon(mu, delta) == pytest.approx(epsilon, rel=1e-3)


def test_two_releases_are_one_of_the_root_of_squares():
    """On a grid of two independent normal releases, counted cell by cell."""
    one, two, epsilon = 0.6, 0.9, 1.0
    x = np.linspace(-9, 10, 1901)
    p = np.outer(norm.pdf(x, one), norm.pdf(x, two))
    q = np.outer(norm.pdf(x), norm.pdf(x))
    counted = np.maximum(p - np.exp(epsilon) * q, 0).sum() * (x[1] - x[0]) ** 2
    assert gaussian_delta(epsilon, np.hypot(one, two)) == pytest.approx(
        counted, rel=1e-3
    )


def test_ledgers_add_up_soundly():
    ledgers = [plan_gaussians(epsilon, 1e-5) for epsilon in (0.5, 1.0, 2.0)]
    total = ledgers[0] + ledgers[1] + ledgers[2]
    assert total.rho == pytest.approx(sum(ledger.rho for ledger in ledgers))
    assert len(total.mechanisms) == 6 and total.delta == 1e-5
    mu = np.sqrt(2 * total.rho)
    assert delta_by_integration(total.epsilon, mu) <= 1e-5
    assert delta_by_integration(0.999 * total.epsilon, mu) > 1e-5
    # Cheaper than adding epsilons, dearer than the dearest.
    assert 2.0 < total.epsilon < 3.5


def test_ledgers_of_other_kinds_add_epsilons_or_refuse():
    trained = ClassConditionalSynthesizer("vae", epsilon=1.0, bounds=(-4, 4))
    ledger = trained.plan_privacy()
    total = ledger + ledger
    assert (total.epsilon, total.delta, total.rho) == (2.0, 2e-5, None)
    with pytest.raises(ValueError, match="different neighbours"):
        ledger + plan_gaussians(1.0, 1e-5)
    with pytest.raises(TypeError):
        ledger + 1
