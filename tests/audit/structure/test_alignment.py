"""T1: alignment of ciphertexts with other records of the same kind."""

import numpy as np
import pytest
from crowds import check_fields, encrypted, features, one_blas_thread, within_chance

from sklearn_homeo.audit import unpaired_alignment_attack

__all__ = ["one_blas_thread"]


def attack(cipher, n=600, with_labels=True, **options):
    X, y = features(n)
    Z, half = encrypted(cipher, X), n // 2
    labels = (y[:half], y[half:]) if with_labels else (None, None)
    return unpaired_alignment_attack(
        Z[:half], X[:half], X[half:], *labels, random_state=0, **options
    )


def test_identity_is_broken():
    result = attack("identity")
    check_fields(result)
    assert result.rate >= 0.95
    assert result.r2 > 0.9
    assert result.chance == pytest.approx(2 / 300)


@pytest.mark.parametrize("with_labels", [True, False])
def test_rotations_of_skewed_records_are_aligned(with_labels):
    result = attack("rotation", with_labels=with_labels)
    assert result.rate > 0.3
    assert result.interval[0] > 20 * result.chance


def test_noise_is_at_chance():
    result = attack("noise")
    assert within_chance(result)
    assert result.r2 < result.class_mean_r2


def test_no_truth_is_used_but_for_the_score():
    X, y = features(400)
    Z = encrypted("rotation", X)
    first = unpaired_alignment_attack(
        Z[:200], X[:200], X[200:], y[:200], y[200:], random_state=0
    )
    turned = unpaired_alignment_attack(
        Z[:200], X[200:], X[200:], y[:200], y[200:], random_state=0
    )
    assert turned.choice == first.choice
    assert within_chance(turned)


def test_more_columns_than_rows_and_other_widths():
    X, y = features(40, 60)
    Z = np.hstack([X, X])
    result = unpaired_alignment_attack(Z[:20], X[:20], X[20:], random_state=0)
    assert np.isfinite(result.r2)
    assert "as it is" not in result.attempts


def test_it_is_deterministic_and_leaves_the_global_state_alone():
    before = np.random.get_state()
    first, second = attack("smooth", 200), attack("smooth", 200)
    np.testing.assert_equal(np.random.get_state(), before)
    assert (first.rate, first.r2) == (second.rate, second.r2)


def test_bad_input():
    X, y = features(40)
    with pytest.raises(ValueError, match="X_known has 9 rows; the attack needs 10"):
        unpaired_alignment_attack(X, X, X[:9])
    with pytest.raises(ValueError, match="X_known has 5 columns, X has 12"):
        unpaired_alignment_attack(X, X, X[:, :5])
    with pytest.raises(ValueError, match="both be given or both be None"):
        unpaired_alignment_attack(X, X, X, y)
    with pytest.raises(ValueError, match="y_known 3 for 40"):
        unpaired_alignment_attack(X, X, X, y, y[:3])
    with pytest.raises(ValueError, match="contains NaN"):
        unpaired_alignment_attack(X * np.nan, X, X)
