"""The autoencoder trained under differential privacy."""

import builtins
import warnings

import numpy as np
import pytest
import torch
from opacus.accountants import PRVAccountant
from sklearn.linear_model import LogisticRegression

from sklearn_homeo import ClassConditionalSynthesizer

BOUNDS = (-4.0, 4.0)


def rows(n_rows, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(n_rows) % 2
    X = rng.normal(size=(n_rows, 6))
    X[:, 0] += 3 * y
    return X, y


def synthesizer(**params):
    params = {"epsilon": 5.0, "bounds": BOUNDS, "random_state": 0} | params
    return ClassConditionalSynthesizer("vae", device="cpu", **params)


@pytest.fixture(scope="module")
def fitted():
    return synthesizer().fit(*rows(1000))


def test_models_learn_from_private_rows(fitted):
    X, y = fitted.sample(1000)
    assert LogisticRegression().fit(X, y).score(*rows(1000, seed=1)) > 0.85
    assert fitted.n_directions_ == 6


def test_noise_is_what_an_independent_accountant_asks_for(fitted):
    steps, rate = 20 * 4, 1 / 4  # 1,000 rows in batches of 256: four a pass.
    accountant = PRVAccountant()
    accountant.history = [(fitted._drawer.density.noise_multiplier, rate, steps)]
    spent = accountant.get_epsilon(delta=1e-5)
    assert 4.5 < spent <= 5.0


def test_less_budget_and_more_passes_mean_more_noise(fitted):
    X, y = rows(1000)
    less = synthesizer(epsilon=1.0, max_epochs=2).fit(X, y)
    few = synthesizer(max_epochs=2).fit(X, y)
    multipliers = [one._drawer.density.noise_multiplier for one in (less, fitted, few)]
    assert multipliers[0] > multipliers[2]
    assert multipliers[1] > multipliers[2]


def test_ledger_before_and_after_fit(fitted):
    ledger = fitted.privacy_spent_
    assert ledger == synthesizer().plan_privacy()
    assert (ledger.epsilon, ledger.delta, ledger.rho) == (5.0, 1e-5, None)
    for part in ("DP-SGD", "one row added or removed", "max_epochs", "cryptographic"):
        assert part in str(ledger)


def test_rows_out_of_bounds_are_clipped():
    X, y = rows(40)
    X[0] = 4.0
    outlier = X.copy()
    outlier[0] = 1e12
    params = {"max_epochs": 1}
    one, two = (
        synthesizer(**params).fit(data, y).sample(10)[0] for data in (X, outlier)
    )
    np.testing.assert_array_equal(one, two)


def test_seeds_repeat_a_run_and_the_noise_is_fresh_without():
    X, y = rows(40)

    def drawn(seed):
        one = synthesizer(max_epochs=1, random_state=seed).fit(X, y)
        return one._drawer.density.network.decoder[0].weight.detach().numpy()

    np.testing.assert_array_equal(drawn(1), drawn(1))
    assert not np.array_equal(drawn(None), drawn(None))


def test_global_random_states_stay_and_nothing_warns():
    X, y = rows(40)
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        synthesizer(max_epochs=1, random_state=None).fit(X, y)
    assert torch.equal(torch.get_rng_state(), torch_state)
    np.testing.assert_equal(np.random.get_state(), numpy_state)


def test_contradictions():
    X, y = rows(40)
    with pytest.raises(ValueError, match="needs max_norm=None, got 1.0"):
        synthesizer(max_norm=1.0).fit(X, y)
    with pytest.raises(ValueError, match="epsilon needs bounds"):
        synthesizer(bounds=None).fit(X, y)


def test_missing_opacus_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def without(module, *args, **kwargs):
        if module.split(".")[0] == "opacus":
            raise ImportError("No module named 'opacus'")
        return real(module, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r'pip install "sklearn-homeo\[dp\]"'):
        synthesizer().fit(*rows(40))
