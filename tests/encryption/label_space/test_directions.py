"""The preserved directions tell the label, and little else of what varies most."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from problems import KEY, axes_of_falling_variance
from sklearn_homeo import HomeomorphicEncryptor
from sklearn_homeo.audit import attribute_inference_attack, hidden_attribute
from sklearn_homeo.encryption.label_space.directions import (
    HIDDEN_AXES,
    can_spare,
    linear_directions,
    sparing_directions,
)
from sklearn_homeo.encryption.label_space.target import Target
from sklearn_homeo.encryption.label_space.whitening import PrincipalAxes


def telling_rows(n_samples=1500, n=200, seed=0):
    """Two classes, of which one's label direction rises with the first axis."""
    X = axes_of_falling_variance(n_samples, n, seed)
    turn = np.linalg.svd(X, full_matrices=False)[2]
    F, y = X @ turn.T, np.arange(n_samples) % 2
    size = F.std(axis=0)
    F[:, 10:50] += y[:, None] * size[10:50]
    F[:, 10:13] += 0.7 * np.where(y, 1, -1)[:, None] * F[:, :1] / size[0] * size[10:13]
    return F @ turn, y


def on_axes(X):
    units = (X - X.mean(axis=0)) / X.std(axis=0)
    axes = PrincipalAxes.from_data(units)
    return units @ axes.vectors, axes


def test_sparing_directions_follow_no_leading_axis_within_either_class():
    X, y = telling_rows()
    U, axes = on_axes(X)
    target = Target.from_labels(y, False)
    centred = U - np.array([U[y == label].mean(axis=0) for label in (0, 1)])[y]
    leading = centred @ np.linalg.svd(centred, full_matrices=False)[2][:HIDDEN_AXES].T

    def followed(find):
        s = ((U * axes.gains) @ find(U, axes, target, 1)).ravel()
        s = s - np.array([s[y == label].mean() for label in (0, 1)])[y]
        return max(
            np.abs(np.corrcoef(s[y == label], leading[y == label].T)[0, 1:]).max()
            for label in (0, 1)
        )

    assert followed(sparing_directions) < 1e-6
    assert followed(linear_directions) > 0.2


def test_attributes_within_a_class_are_not_told_by_the_label_coordinate():
    X, y = telling_rows()
    attribute = hidden_attribute(X, y, component=1)
    spared = HomeomorphicEncryptor(key=KEY).fit(X, y)
    rate = attribute_inference_attack(spared.transform(X), attribute, random_state=0)
    assert rate.interval[0] <= 0.5 + 0.02
    shown = HomeomorphicEncryptor(hide_attributes=False, key=KEY).fit_transform(X, y)
    told = attribute_inference_attack(shown, attribute, random_state=0)
    assert told.rate > rate.rate + 0.05
    # The label is still told.
    S = spared.preserve(X)
    plain = LogisticRegression().fit(X[:750], y[:750]).score(X[750:], y[750:])
    kept = LogisticRegression().fit(S[:750], y[:750]).score(S[750:], y[750:])
    assert kept >= plain - 0.03


def encrypt(X, y, hide_attributes, **settings):
    encryptor = HomeomorphicEncryptor(
        hide_attributes=hide_attributes, key=KEY, **settings
    )
    return encryptor.fit_transform(X, y)


def hides(X, y, **settings):
    return HomeomorphicEncryptor(key=KEY, **settings).fit(X, y).hides_attributes_


def test_auto_hides_where_it_can_with_few_directions():
    X, y = telling_rows(300)
    Z = encrypt(X, y, "auto", n_preserved=1)
    np.testing.assert_array_equal(Z, encrypt(X, y, True, n_preserved=1))
    assert not np.array_equal(Z, encrypt(X, y, False, n_preserved=1))
    more = encrypt(X, y, "auto", n_preserved=2)
    np.testing.assert_array_equal(more, encrypt(X, y, False, n_preserved=2))


def test_encryptors_say_whether_they_hide():
    X, y = telling_rows(300)
    assert hides(X, y, n_preserved=1)
    assert not hides(X, y, n_preserved=2)
    assert hides(X, y, n_preserved=2, hide_attributes=True)
    assert not hides(X, y, hide_attributes=False)
    assert not hides(X, y, cipher="smooth")
    assert not hides(X, None, n_preserved=1)


@pytest.mark.parametrize("n, numeric", [(31, False), (200, True)])
def test_auto_does_not_hide_where_it_cannot(n, numeric):
    X, y = telling_rows(300)
    y = X[:, 0] if numeric else y
    Z = encrypt(X[:, :n], y, "auto", n_preserved=2)
    np.testing.assert_array_equal(Z, encrypt(X[:, :n], y, False, n_preserved=2))


@pytest.mark.parametrize("n_preserved", ["auto", 1])
def test_auto_does_not_hide_what_the_label_needs(n_preserved):
    X = axes_of_falling_variance(800, 64, 0)
    leading = np.random.default_rng(1).normal(size=800)
    X = X / X.std(axis=0) + 2.0 * leading[:, None]
    y = (leading > 0).astype(int)
    auto = HomeomorphicEncryptor(n_preserved=n_preserved, key=KEY).fit(X, y)
    assert auto.n_preserved_ == 1
    assert not auto.hides_attributes_
    S = auto.preserve(X)
    assert LogisticRegression().fit(S[:600], y[:600]).score(S[600:], y[600:]) > 0.9
    hidden = HomeomorphicEncryptor(n_preserved=1, hide_attributes=True, key=KEY)
    S = hidden.fit(X, y).preserve(X)
    assert LogisticRegression().fit(S[:600], y[:600]).score(S[600:], y[600:]) < 0.8


def test_hiding_needs_classes_and_columns():
    X, y = telling_rows(200)
    encryptor = HomeomorphicEncryptor(hide_attributes=True, key=KEY)
    with pytest.raises(ValueError, match="hide_attributes=True needs classes"):
        encryptor.fit(X[:, :31], y)
    with pytest.raises(ValueError, match="hide_attributes=True needs classes"):
        encryptor.fit(X, X[:, 0])
    with pytest.raises(ValueError, match="hide_attributes=True needs classes"):
        encryptor.set_params(n_preserved=2).fit(X)


@pytest.mark.parametrize("n_preserved", [1, "auto"])
def test_hiding_decrypts_like_any_other(n_preserved):
    X, y = telling_rows(300)
    encryptor = HomeomorphicEncryptor(
        n_preserved=n_preserved, hide_attributes=True, key=KEY
    ).fit(X, y)
    back = encryptor.inverse_transform(encryptor.transform(X))
    assert np.abs((back - X) / X.std(axis=0)).max() < 1e-7


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
    X, y = telling_rows(600)
    y = np.column_stack([y + 2 * (X[:, 3] > 0), X[:, 4] > 0])[:, :outputs]
    U, axes = on_axes(X)
    target = Target.from_labels(y, False)
    directions = sparing_directions(U, axes, target, 4)
    np.testing.assert_allclose(directions.T @ directions, np.eye(4), atol=1e-8)
