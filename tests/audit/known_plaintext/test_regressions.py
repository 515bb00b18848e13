"""The known-plaintext attacks: they must break what is broken and only that."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits

from sklearn_homeo.audit import (
    clopper_pearson,
    extra_trees_attack,
    kernel_ridge_attack,
    known_plaintext_attack,
    pooled_r2,
    reidentification,
    ridge_attack,
)

ATTACKS = [ridge_attack, kernel_ridge_attack, extra_trees_attack]


def records(n_samples=300, n_features=6, seed=0):
    return np.random.default_rng(seed).normal(size=(n_samples, n_features))


def rotation(n, seed=1):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(n, n)))[0]


def attack_split(attack, Z, X, n_leaked=250, **options):
    leaked, hidden = slice(n_leaked), slice(n_leaked, None)
    return attack(Z[leaked], X[leaked], Z[hidden], X[hidden], random_state=0, **options)


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    # Closed forms at the ends: 1 - (a/2)**(1/n); in between, R's binom.test.
    [
        (0, 10, 0.0, 0.3084971),
        (10, 10, 0.6915029, 1.0),
        (3, 100, 0.0062297, 0.0851760),
        (1, 1, 0.025, 1.0),
    ],
)
def test_clopper_pearson_values(successes, trials, low, high):
    interval = clopper_pearson(successes, trials)
    np.testing.assert_allclose(interval, (low, high), atol=1e-6)


def test_clopper_pearson_rejects_impossible_counts():
    with pytest.raises(ValueError, match="successes=5 exceeds trials=4"):
        clopper_pearson(5, 4)
    with pytest.raises(ValueError, match="trials"):
        clopper_pearson(0, 0)
    with pytest.raises(ValueError, match="confidence"):
        clopper_pearson(0, 5, confidence=1.0)


def test_pooled_r2_is_free_of_units_and_skips_constant_columns():
    X = records()
    guess = X + 0.5 * records(seed=1)
    expected = pooled_r2(X, guess, X.mean(axis=0))
    units = np.logspace(-3, 3, X.shape[1])
    assert pooled_r2(X * units, guess * units, (X * units).mean(0)) == pytest.approx(
        expected
    )
    wide = np.column_stack([X, np.full(len(X), 7.0)])
    wide_guess = np.column_stack([guess, np.zeros(len(X))])
    assert pooled_r2(wide, wide_guess, wide.mean(axis=0)) == pytest.approx(expected)


def test_pooled_r2_of_the_reference_mean_is_zero():
    X = records()
    mean = np.tile(X.mean(axis=0), (len(X), 1))
    assert pooled_r2(X, mean, X.mean(axis=0)) == pytest.approx(0.0, abs=1e-12)


def test_pooled_r2_errors():
    with pytest.raises(ValueError, match="no column of X_true varies"):
        pooled_r2(np.ones((3, 2)), np.ones((3, 2)), 1.0)
    with pytest.raises(ValueError, match="must agree"):
        pooled_r2(np.ones((3, 2)), np.ones((3, 1)), 1.0)


def test_reidentification_of_blind_guesses_is_at_chance():
    X, guess = records(1000, 4), records(1000, 4, seed=1)
    result = reidentification(X, guess, X[:200], guess[:200])
    assert result.chance == pytest.approx(0.001)
    assert result.interval[0] <= 0.003
    assert 400 < result.median_rank < 600


def test_mahalanobis_finds_records_by_a_few_exact_directions():
    X = records(600, 20)
    guess = 0.3 * records(600, 20, seed=1)
    guess[:, :3] = X[:, :3] + 0.001 * records(600, 3, seed=2)
    turn = rotation(20)
    X, guess = X @ turn, guess @ turn
    result = reidentification(X[300:], guess[300:], X[:300], guess[:300])
    assert result.choice == "mahalanobis"
    assert result.rates["mahalanobis"] > 0.95
    assert result.rates["euclidean"] < 0.6
    assert result.rate == result.rates["mahalanobis"]


def test_copies_of_a_record_count_as_that_record():
    X = np.repeat(records(10, 3), 2, axis=0)
    result = reidentification(X, X, X[:4], X[:4])
    assert (result.rate, result.chance, result.n) == (1.0, 0.1, 20)


def test_reidentification_does_not_depend_on_the_chunk(monkeypatch):
    X = records(150, 4)
    guess = X + records(150, 4, seed=1)
    whole = reidentification(X, guess, X[:50], guess[:50]).to_row()
    monkeypatch.setattr("sklearn_homeo.audit._metrics._CHUNK_ROWS", 7)
    again = reidentification(X, guess, X[:50], guess[:50]).to_row()
    assert again | {"seconds": 0} == pytest.approx(whole | {"seconds": 0}, nan_ok=True)


@pytest.mark.parametrize("load", [load_digits, load_breast_cancer])
@pytest.mark.parametrize("cipher", ["identity", "rotation"])
def test_positive_controls_are_broken(load, cipher):
    X = load(return_X_y=True)[0]
    units = (X - X.mean(axis=0)) / np.where(X.std(axis=0) > 0, X.std(axis=0), 1)
    Z = X if cipher == "identity" else units @ rotation(X.shape[1])
    result = known_plaintext_attack(Z, X, attacks=["ridge"], random_state=0)
    assert result.r2 > 0.999
    assert result.rate == 1.0


def test_noise_control_scores_at_chance():
    X = load_breast_cancer(return_X_y=True)[0]
    Z = np.random.default_rng(0).normal(size=X.shape)
    result = known_plaintext_attack(Z, X, random_state=0)
    assert set(result.attacks) == {
        "ridge",
        "kernel ridge",
        "extra trees",
        "Procrustes",
        "forward ridge",
        "two-sided ridge",
    }
    assert result.r2 <= 0.05
    assert result.interval[0] <= 2 * result.chance
    assert result.chance == pytest.approx(1 / result.n)


def test_badly_conditioned_ciphertexts_are_no_protection():
    X = records(400, 8)
    # Spread of 1e6 in scale after a rotation: the small directions are invisible to
    # a ridge regression whose penalties stop at usual values.
    Z = (X @ rotation(8)) * np.logspace(0, -6, 8) @ rotation(8, seed=2)
    result = attack_split(ridge_attack, Z, X)
    assert result.r2 > 0.999
    assert result.rate == 1.0


def test_kernel_ridge_breaks_a_smooth_cipher_that_ridge_does_not():
    X = records(600, 2)
    Z = np.arcsinh(5 * X @ rotation(2))
    smooth = attack_split(kernel_ridge_attack, Z, X, n_leaked=500)
    linear = attack_split(ridge_attack, Z, X, n_leaked=500)
    assert smooth.r2 > 0.95 > linear.r2


def test_extra_trees_see_through_a_rotation():
    X = records(800, 3) * (1.0, 0.3, 0.1)
    result = attack_split(extra_trees_attack, X @ rotation(3), X, n_leaked=700)
    assert result.r2 > 0.7


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks_return_records_in_their_units(attack):
    X = records() * 1e6 + 1e9
    X[:, 2] = 5.0
    Z = X @ rotation(6)
    result = attack_split(attack, Z, X)
    assert result.X_pred.shape == (50, 6)
    assert result.X_pred.dtype == np.float64
    np.testing.assert_allclose(result.X_pred[:, 2], 5.0)
    reference = X[:250].mean(axis=0), X[:250].std(axis=0)
    assert result.r2 == pytest.approx(pooled_r2(X[250:], result.X_pred, *reference))


@pytest.mark.parametrize("attack", ATTACKS)
def test_constant_ciphertexts_teach_nothing(attack):
    X = records()
    result = attack_split(attack, np.ones((300, 2)), X)
    assert result.r2 == pytest.approx(0.0, abs=0.05)


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks_with_more_columns_than_rows(attack):
    X = records(40, 60)
    result = attack_split(attack, X @ rotation(60), X, n_leaked=30)
    assert np.isfinite(result.r2)


@pytest.mark.parametrize("attack", [kernel_ridge_attack, extra_trees_attack])
def test_max_rows_bounds_the_work(attack):
    X = records()
    few = attack_split(attack, X, X, max_rows=20)
    many = attack_split(attack, X, X, max_rows=250)
    assert few.r2 < many.r2


def test_attacks_are_deterministic_and_leave_the_global_state_alone():
    X = records()
    Z = np.tanh(X @ rotation(6))
    before = np.random.get_state()
    first, second = (
        known_plaintext_attack(Z, X, random_state=3, n_jobs=jobs) for jobs in (1, 2)
    )
    np.testing.assert_equal(np.random.get_state(), before)
    for name in set(first.attacks) - {"forward ridge", "two-sided ridge"}:
        np.testing.assert_array_equal(
            first.attacks[name].X_pred, second.attacks[name].X_pred
        )
    assert (first.rate, first.choice) == (second.rate, second.choice)


def test_attacks_are_chosen_on_held_out_pairs_and_never_on_targets():
    X = records(400, 4)
    result = known_plaintext_attack(np.tanh(X), X, random_state=0)
    best = max(result.attacks.values(), key=lambda one: one.validation)
    assert result.choice == result.best_attack == best.name
    assert (result.rate, result.hits) == (best.rate, best.hits)
    rebuilt = [one for one in result.attacks.values() if np.isfinite(one.r2)]
    assert result.r2 == max(rebuilt, key=lambda one: one.validation_r2).r2
    assert (result.n_leaked, result.n) == (360, 40)
    # Other targets change the rate and not the choice.
    order = np.random.RandomState(0).permutation(400)
    Z = np.tanh(X)
    Z[order[360:]] = 0.0
    again = known_plaintext_attack(Z, X, random_state=0)
    assert (again.choice, again.validation) == (result.choice, result.validation)
    assert again.rate < result.rate


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"attacks": ["oracle"]}, "names from \\['Procrustes'"),
        ({"attacks": []}, "must be 'all' or names"),
        ({"leak": 1.0}, "leak"),
        ({"leak": 0.01}, "Z_leak has 3 rows; the attack needs 10"),
        ({"leak": 0.999}, "Z_target has 1 rows; the attack needs 2"),
        ({"random_state": "a"}, "random_state"),
    ],
)
def test_bad_options(options, message):
    X = records()
    with pytest.raises(ValueError, match=message):
        known_plaintext_attack(X, X, **options)


def test_bad_arrays():
    X = records()
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        known_plaintext_attack(X[:-1], X)
    with pytest.raises(ValueError, match="contains NaN"):
        known_plaintext_attack(np.where(X > 2, np.nan, X), X)
    with pytest.raises(ValueError, match="no column that varies"):
        known_plaintext_attack(X, np.ones_like(X))
    with pytest.raises(ValueError, match="Z_leak has 6 columns, Z_target has 5"):
        ridge_attack(X, X, X[:, :5], X)
    with pytest.raises(ValueError, match="Z_leak has 299 rows, X_leak has 300"):
        ridge_attack(X[1:], X, X, X)
