"""T2 and T3: matching with no order known, and with a few pairs; linking of keys."""

import numpy as np
import pytest
from attacked import check_fields, encrypted, features, within_chance
from sklearn.datasets import load_breast_cancer

from sklearn_homeo import TanhEncryptor
from sklearn_homeo.audit import (
    linkability_attack,
    seeded_matching_attack,
    unordered_matching_attack,
)


@pytest.mark.parametrize("attack", [unordered_matching_attack, seeded_matching_attack])
@pytest.mark.parametrize("cipher", ["identity", "rotation", "smooth"])
def test_what_keeps_geometry_is_matched(attack, cipher):
    X, y = features()
    result = attack(encrypted(cipher, X), X, y, random_state=0)
    check_fields(result)
    assert result.rate >= 0.95
    assert result.chance == pytest.approx(2 / result.n)


@pytest.mark.parametrize("attack", [unordered_matching_attack, seeded_matching_attack])
def test_noise_is_at_chance(attack):
    X, y = features()
    result = attack(encrypted("noise", X), X, y, random_state=0)
    assert within_chance(result)
    assert all(rate < 0.05 for rate in result.attempts.values())


def test_badly_conditioned_linear_maps_are_matched():
    X, y = features()
    rng = np.random.default_rng(0)
    Z = (
        X
        @ rng.normal(size=(12, 12))
        * np.logspace(0, -5, 12)
        @ rng.normal(size=(12, 12))
    )
    assert unordered_matching_attack(Z, X, y, random_state=0).rate == 1.0


@pytest.mark.filterwarnings("ignore::sklearn_homeo.exceptions.BrokenCipherWarning")
def test_the_published_cipher_is_matched():
    X, y = load_breast_cancer(return_X_y=True)
    Z = TanhEncryptor().fit(X, y).transform(X)
    assert unordered_matching_attack(Z, X, y, random_state=0).rate >= 0.9
    assert seeded_matching_attack(Z, X, y, n_known=16, random_state=0).rate >= 0.9


def test_only_the_label_being_kept_gives_a_few_matches():
    X, y = features(400)
    exact = X @ np.linalg.lstsq(X - X.mean(0), y - 0.5, rcond=None)[0]
    noise = np.random.default_rng(0).normal(size=(400, 11)) * 0.01
    result = unordered_matching_attack(
        np.column_stack([exact, noise]), X, y, random_state=0
    )
    assert result.choice == "label coordinates"
    assert result.rate == max(result.attempts.values()) >= 4 * result.chance


def test_known_pairs_are_not_counted():
    X, y = features(80)
    result = seeded_matching_attack(X, X, y, n_known=30, random_state=0)
    assert (result.name, result.n, result.rate) == ("30 known pairs", 50, 1.0)
    result = seeded_matching_attack(
        encrypted("noise", X), X, y, n_known=60, random_state=0
    )
    assert result.n == 20
    assert within_chance(result)


def test_the_order_of_the_rows_is_not_used():
    X = np.ones((50, 3))
    X[:, 0] = np.arange(50) % 2
    result = unordered_matching_attack(np.ones((50, 2)), X, random_state=0)
    assert result.rate < 0.3


@pytest.mark.parametrize("attack", [unordered_matching_attack, seeded_matching_attack])
def test_it_is_deterministic_and_leaves_the_global_state_alone(attack):
    X, y = features(100)
    Z, before = encrypted("smooth", X), np.random.get_state()
    first, second = (attack(Z, X, y, random_state=5) for _ in range(2))
    np.testing.assert_equal(np.random.get_state(), before)
    assert first.attempts == second.attempts


def test_boundary_sizes_and_bad_input():
    X, y = features(12)
    assert unordered_matching_attack(X[:8], X[:8], random_state=0).n == 8
    assert seeded_matching_attack(X, X, n_known=4, random_state=0).n == 8
    assert unordered_matching_attack(X, X, max_rows=8, random_state=0).n == 8
    assert np.isfinite(unordered_matching_attack(X, X, np.arange(12)).rate)
    with pytest.raises(ValueError, match="Z has 7 rows; the attack needs 8"):
        unordered_matching_attack(X[:7], X[:7])
    with pytest.raises(ValueError, match="Z has 12 rows; the attack needs 72"):
        seeded_matching_attack(X, X)
    with pytest.raises(ValueError, match="n_known"):
        seeded_matching_attack(X, X, n_known=1)


@pytest.mark.parametrize("cipher", ["identity", "rotation", "smooth"])
def test_two_keys_of_a_smooth_cipher_are_linked(cipher):
    X, y = features()
    result = linkability_attack(
        encrypted(cipher, X, 1), encrypted(cipher, X, 2), y, random_state=0
    )
    check_fields(result)
    assert result.rate > 0.8
    assert result.chance == 0


def test_noise_is_not_linked():
    X, y = features()
    for seed in range(5):
        result = linkability_attack(
            X, encrypted("noise", X, seed), y, random_state=seed
        )
        assert within_chance(result)
        assert result.rate < 0.1


@pytest.mark.parametrize("equal", [False, True])
def test_linkability_of_noise_is_zero_in_the_mean(equal):
    # Small classes and equal rows alike: chance used to count for something.
    rng = np.random.default_rng(0)
    y = np.arange(120) % 6
    found = []
    for seed in range(30):
        Z, other = rng.normal(size=(2, 120, 2))
        if equal:
            Z, other = Z > 0, other > 0
        found.append(linkability_attack(Z, other, y, random_state=seed).rate)
    assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(len(found))


def test_linkability_boundaries():
    X, y = features(20)
    assert linkability_attack(X, X, random_state=0).n == 10
    with pytest.raises(ValueError, match="the attack needs 20"):
        linkability_attack(X[:19], X[:19])
