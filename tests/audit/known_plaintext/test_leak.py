"""T4: forward linkage, Procrustes, and the attacker's learning curve."""

import numpy as np
import pytest
from attacked import (
    CIPHERS,
    check_fields,
    encrypted,
    features,
    rotation,
    within_chance,
)

from sklearn_homeo.audit import (
    forward_linkage_attack,
    known_plaintext_attack,
    known_plaintext_curve,
    procrustes_attack,
    ridge_attack,
)


def split(attack, Z, X, n=200):
    return attack(Z[:n], X[:n], Z[n:], X[n:], random_state=0)


@pytest.mark.parametrize("cipher", CIPHERS)
def test_forward_linkage(cipher):
    X, _ = features()
    result = split(forward_linkage_attack, encrypted(cipher, X), X)
    check_fields(result)
    assert result.chance == 0.01
    if cipher == "noise":
        assert within_chance(result)
        assert result.choice["n_directions"] == 0
    else:
        assert result.rate >= 0.95


@pytest.mark.parametrize("scale", [1.0, 0.01])
def test_forward_linkage_finds_what_reconstruction_drowns(scale):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 30))
    Z = rng.normal(size=(600, 30)) * scale
    kept = X @ rng.normal(size=30) / 30**0.5
    Z[:, 0] = kept if scale == 1 else np.sinh(kept)
    for turn in (np.eye(30), rotation(30)):
        linked = split(forward_linkage_attack, Z @ turn, X, 400)
        rebuilt = split(ridge_attack, Z @ turn, X, 400)
        assert linked.rate > 5 * rebuilt.rates["euclidean"]
        assert linked.rate > 0.3


def test_copies_of_a_candidate_are_that_candidate():
    X, _ = features(300)
    X[250:] = X[200:250]
    result = split(forward_linkage_attack, X @ rotation(12), X)
    assert (result.rate, result.chance) == (1.0, 0.02)


def test_constant_ciphertexts_and_more_columns_than_rows():
    X, _ = features(40, 60)
    for Z in (np.ones((40, 2)), X @ rotation(60)):
        result = split(forward_linkage_attack, Z, X, 25)
        assert 0 <= result.rate <= 1
        assert np.isfinite(split(procrustes_attack, Z, X, 25).r2)


def test_procrustes_needs_fewer_pairs_than_ridge():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 20))
    Z = X @ rotation(20) * 3 + 1
    assert split(procrustes_attack, Z, X, 24).r2 > split(ridge_attack, Z, X, 24).r2
    assert split(procrustes_attack, Z, X, 60).r2 > 0.999


def test_procrustes_takes_other_widths():
    X, _ = features()
    Z = np.hstack([encrypted("rotation", X), np.zeros((300, 3))])
    assert split(procrustes_attack, Z, X).r2 > 0.99
    assert split(procrustes_attack, Z[:, :5], X).r2 > 0


def test_curve_rises_to_the_leak():
    X, _ = features()
    curve = known_plaintext_curve(encrypted("smooth", X), X, random_state=0)
    assert curve.n_leaked.tolist() == [32, 64, 128, 256, 270]
    assert curve.n == 30
    assert curve.r2[-1] > curve.r2[0]
    assert curve.n_broken == 32
    assert (curve.low <= curve.rate).all() and (curve.rate <= curve.high).all()


def test_curve_of_noise_never_breaks():
    X, _ = features()
    curve = known_plaintext_curve(
        encrypted("noise", X), X, n_leaked=[100, 50], leak=0.5, random_state=0
    )
    assert curve.n_leaked.tolist() == [50, 100]
    assert curve.n_broken is None
    assert curve.low.max() <= curve.chance + 0.01


def test_curve_refuses_impossible_leaks():
    X, _ = features(100)
    for sizes in ([9], [91], []):
        with pytest.raises(ValueError, match="n_leaked must be"):
            known_plaintext_curve(X, X, n_leaked=sizes)
    with pytest.raises(ValueError, match="attacks must be"):
        known_plaintext_curve(X, X, attacks=["oracle"])


def test_the_battery_reports_linking_without_reconstruction():
    X, _ = features()
    Z = np.random.default_rng(0).normal(size=(300, 4)) * 1e-3
    Z[:, 0] = X[:, 0] + X[:, 1]
    result = known_plaintext_attack(
        Z, X, leak=0.5, attacks=["ridge", "forward ridge"], random_state=0
    )
    assert result.best_r2_attack == "ridge"
    assert result.best_attack == "forward ridge"
