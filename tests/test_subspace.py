"""The preserved directions and the whitening say no more of the data than they must."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from sklearn_homeo import HomeomorphicEncryptor, SecretKey
from sklearn_homeo._subspace import (
    HIDDEN_AXES,
    QUIET_AUC,
    QUIET_GAIN,
    RIDGES,
    PrincipalAxes,
    _quiet_ridge,
    can_spare,
    linear_directions,
    sparing_directions,
)
from sklearn_homeo._target import Target
from sklearn_homeo._width import choose_directions, choose_finder
from sklearn_homeo.audit import (
    attribute_inference_attack,
    frame_membership_attack,
    hidden_attribute,
)

KEY = SecretKey.from_bytes(bytes(range(32)))


def correlated_rows(n_samples, n=200, seed=0):
    """Rows on axes of falling variance, and the generator that drew them."""
    rng = np.random.default_rng(seed)
    turn = np.linalg.qr(np.random.default_rng(7).normal(size=(n, n)))[0]
    return rng.normal(size=(n_samples, n)) / np.sqrt(1 + np.arange(n)) @ turn, rng


def telling_rows(n_samples=1500, n=200, seed=0):
    """Two classes, of which one's label direction rises with the first axis."""
    X, rng = correlated_rows(n_samples, n, seed)
    turn = np.linalg.svd(X, full_matrices=False)[2]
    F, y = X @ turn.T, np.arange(n_samples) % 2
    size = F.std(axis=0)
    F[:, 10:50] += y[:, None] * size[10:50]
    F[:, 10:13] += 0.7 * np.where(y, 1, -1)[:, None] * F[:, :1] / size[0] * size[10:13]
    return F @ turn, y, rng


def on_axes(X):
    units = (X - X.mean(axis=0)) / X.std(axis=0)
    axes = PrincipalAxes.from_data(units)
    return units @ axes.vectors, axes.gains


@pytest.mark.parametrize("n_samples, n", [(300, 40), (150, 100), (80, 200)])
def test_lengths_without_a_row_are_those_of_a_fit_without_it(n_samples, n):
    X, _ = correlated_rows(n_samples, n)
    X = X - X.mean(axis=0)
    gram = X.T @ X / n_samples
    for ridge in (0.01, 1.0):
        inverse = np.linalg.inv(gram + ridge * np.eye(n))
        without = np.linalg.inv(
            gram - np.outer(X[0], X[0]) / n_samples + ridge * np.eye(n)
        )
        length = X[0] @ inverse @ X[0]
        assert X[0] @ without @ X[0] == pytest.approx(length / (1 - length / n_samples))


@given(seed=st.integers(0, 1000), n_samples=st.sampled_from([40, 200, 1000]))
@settings(max_examples=20, deadline=None)
def test_the_ridge_is_the_least_that_is_quiet(seed, n_samples):
    rng = np.random.default_rng(seed)
    variances = rng.exponential(size=60) ** 2
    squares = rng.normal(size=(n_samples, 60)) ** 2 * variances

    def told(ridge):
        lengths = squares @ (1 / (variances + ridge))
        elsewhere = lengths / np.maximum(1 - lengths / n_samples, 1e-12)
        return roc_auc_score(
            np.repeat([1, 0], n_samples), np.append(elsewhere, lengths)
        )

    ridge = _quiet_ridge(squares, variances, n_samples, 0.0)
    most = max(QUIET_AUC, min(map(told, RIDGES)) + QUIET_GAIN)
    assert told(ridge) <= most
    assert all(told(less) > most - 1e-9 for less in RIDGES[RIDGES < ridge])


@pytest.mark.parametrize("shrinkage", [0.01, 0.5, 0.9, 1.0])
def test_the_ridge_is_not_less_than_the_shrinkage(shrinkage):
    squares = np.random.default_rng(0).normal(size=(5000, 3)) ** 2
    ridge = _quiet_ridge(squares, np.ones(3), 5000, shrinkage)
    assert ridge == RIDGES[-1] or ridge / (1 + ridge) >= shrinkage
    assert ridge <= max(RIDGES[0], 1.2 * shrinkage / (1 - min(shrinkage, 0.9)))


def test_no_axis_exceeds_unit_variance():
    # Or it would stick out of its mask.
    U, gains = on_axes(correlated_rows(300)[0])
    assert (U * gains).std(axis=0).max() <= 1 + 1e-9


def test_the_length_of_a_row_does_not_tell_that_the_frame_was_fitted_to_it():
    X, _ = correlated_rows(2000)
    y = X[:, 0] + X[:, 5] > 0
    encryptor = HomeomorphicEncryptor(key=KEY).fit(X[:1000], y[:1000])
    result = frame_membership_attack(encryptor, X[:1000], X[1000:])
    assert result.auc <= 0.57
    # The same rows fully whitened, as they were before there was a ridge.
    U = np.linalg.svd(X[:1000] - X[:1000].mean(axis=0), full_matrices=False)
    whitened = (X - X[:1000].mean(axis=0)) @ U[2].T / U[1]
    lengths = -(whitened**2).sum(axis=1)
    caught = (lengths[:1000, None] > lengths[1000:]).mean()
    assert caught > 0.7


def test_the_frame_attack_finds_a_frame_that_overfits(monkeypatch):
    monkeypatch.setattr("sklearn_homeo._subspace.QUIET_AUC", 1.0)
    X, _ = correlated_rows(2000)
    y = X[:, 0] + X[:, 5] > 0
    encryptor = HomeomorphicEncryptor(key=KEY).fit(X[:1000], y[:1000])
    result = frame_membership_attack(encryptor, X[:1000], X[1000:])
    assert result.auc > 0.6
    assert result.choice == "masked"


def test_sparing_directions_follow_no_leading_axis_within_either_class():
    X, y, _ = telling_rows()
    U, gains = on_axes(X)
    target = Target.from_labels(y, False)
    centred = U - np.array([U[y == label].mean(axis=0) for label in (0, 1)])[y]
    leading = centred @ np.linalg.svd(centred, full_matrices=False)[2][:HIDDEN_AXES].T

    def followed(find):
        s = ((U * gains) @ find(U, gains, target, 1)).ravel()
        s = s - np.array([s[y == label].mean() for label in (0, 1)])[y]
        return max(
            np.abs(np.corrcoef(s[y == label], leading[y == label].T)[0, 1:]).max()
            for label in (0, 1)
        )

    assert followed(sparing_directions) < 1e-6
    assert followed(linear_directions) > 0.2


def test_attributes_within_a_class_are_not_told_by_the_label_coordinate():
    X, y, _ = telling_rows()
    attribute = hidden_attribute(X, y, component=1)
    spared = HomeomorphicEncryptor(key=KEY).fit(X, y)
    rate = attribute_inference_attack(spared.transform(X), attribute, random_state=0)
    assert rate.interval[0] <= 0.5 + 0.02
    # The label is still told.
    S = spared.preserve(X)
    plain = LogisticRegression().fit(X[:750], y[:750]).score(X[750:], y[750:])
    kept = LogisticRegression().fit(S[:750], y[:750]).score(S[750:], y[750:])
    assert kept >= plain - 0.03


def test_a_label_on_a_leading_axis_is_not_spared():
    X, rng = correlated_rows(800)
    y = (X[:, :3].sum(axis=1) + 0.1 * rng.normal(size=len(X)) > 0).astype(int)
    U, gains = on_axes(X)
    target = Target.from_labels(y, False)
    assert can_spare(U.shape[1], target)
    assert choose_finder(U, gains, target, 1) is linear_directions
    _, find = choose_directions(U, gains, target, X.shape[1])
    assert find is not sparing_directions


@pytest.mark.parametrize("n, y, possible", [
    (31, [0, 1], False),
    (32, [0, 1], True),
    (512, list(range(20)), True),
    (64, list(range(10)), False),
])  # fmt: skip
def test_small_tables_have_no_directions_to_spare(n, y, possible):
    assert can_spare(n, Target.from_labels(np.array(y), False)) is possible


def test_numbers_have_no_classes_to_spare_within():
    assert not can_spare(1000, Target.from_labels(np.linspace(0, 1, 50), True))


@pytest.mark.parametrize("outputs", [1, 2])
def test_several_classes_and_outputs(outputs):
    X, y, rng = telling_rows(600)
    y = np.column_stack([y + 2 * (X[:, 3] > 0), X[:, 4] > 0])[:, :outputs]
    U, gains = on_axes(X)
    target = Target.from_labels(y, False)
    directions = sparing_directions(U, gains, target, 4)
    np.testing.assert_allclose(directions.T @ directions, np.eye(4), atol=1e-8)
