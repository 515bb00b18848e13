"""Of two classes, ciphertexts tell the side of the boundary and little of how far."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score

from problems import KEY, error_in_deviations, two_classes
from sklearn_homeo import HomeomorphicEncryptor
from sklearn_homeo.audit import linkage_bound, measured_linkage
from sklearn_homeo.ciphers.stretch import SLOPE, Stretch, StretchedFrame
from sklearn_homeo.ciphers.waves import GRID
from sklearn_homeo.encryption.label_space.margin import HALF_WIDTH, fit_stretch

integers = st.integers(-(2**45), 2**45).map(float)
bounds = st.tuples(st.floats(-50, 50), st.floats(0, 50))


# The map


@given(s=st.lists(integers, min_size=1, max_size=50), bound=bounds)
def test_stretch_is_exact_on_the_lattice(s, bound):
    stretch = Stretch(bound[0], bound[0] + bound[1]).on_lattice()
    s = np.array(s)
    t = stretch.forward(s)
    np.testing.assert_array_equal(t, np.round(t))
    np.testing.assert_array_equal(stretch.inverse(t), s)


@given(
    s=st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=50, unique=True), bound=bounds
)
def test_stretch_keeps_order_and_can_be_undone(s, bound):
    stretch = Stretch(bound[0], bound[0] + bound[1])
    s = np.sort(s)
    t = stretch.forward(s)
    assert (np.diff(t) >= np.diff(s) * (1 - 1e-9) - 1e-9).all()
    np.testing.assert_allclose(stretch.inverse(t), s, rtol=1e-12, atol=1e-9)


def test_stretch_by_hand():
    stretch = Stretch(-1.0, 3.0)
    t = stretch.forward(np.array([-2.0, -1.0, 0.0, 1.0, 3.0, 10.0]))
    edge = 2.0 * (SLOPE - 1)
    np.testing.assert_array_equal(
        t, [-2 - edge, -1 - edge, 1 - SLOPE, 1, 3 + edge, 10 + edge]
    )


def test_tensors_are_stretched_to_the_same_bits():
    stretch = Stretch(-1.3, 0.7).on_lattice()
    s = np.random.default_rng(0).integers(-(2**30), 2**30, 1000).astype(float)
    on_torch = stretch.forward(torch.tensor(s))
    np.testing.assert_array_equal(on_torch.numpy(), stretch.forward(s))
    np.testing.assert_array_equal(stretch.inverse(on_torch).numpy(), s)


# Its bounds


@pytest.mark.parametrize("gap, rare", [(8.0, 2), (2.0, 2), (2.0, 20), (0.0, 2)])
def test_bounds_hold_the_boundary_of_any_prior(gap, rare):
    rng = np.random.default_rng(0)
    labels = (np.arange(4000) % rare == 0).astype(int)
    s = rng.normal(size=4000) + gap * labels
    stretch, unit = fit_stretch(s, labels)
    model = LogisticRegression(C=1e6).fit(s[:, None], labels)
    middle = np.mean([s[labels == label].mean() for label in (0, 1)])
    assert stretch.low <= middle - 0.9 * HALF_WIDTH
    assert stretch.high >= middle + 0.9 * HALF_WIDTH
    if gap:
        boundary = -model.intercept_[0] / model.coef_[0, 0]
        assert stretch.low < boundary < stretch.high
    assert 1 < unit <= SLOPE
    assert stretch.forward(s).std() / unit == pytest.approx(s.std())


def test_coordinates_that_do_not_vary():
    stretch, unit = fit_stretch(np.zeros(10), np.arange(10) % 2)
    assert unit == 1.0 and stretch.low < 0 < stretch.high


# The encryptor


@pytest.fixture(scope="module")
def encryptors():
    X, y = two_classes(gap=2.0)
    hidden, shown = (
        HomeomorphicEncryptor(n_preserved=1, hide_attributes=hide, key=KEY).fit(X, y)
        for hide in (True, False)
    )
    return hidden, shown, X, y


def spread_within(S, y):
    return np.mean([S[y == label].std() for label in (0, 1)]) / S.std()


def test_rows_of_a_class_come_close_together(encryptors):
    hidden, shown, X, y = encryptors
    assert spread_within(hidden.preserve(X), y) < 0.3 * spread_within(
        shown.preserve(X), y
    )
    assert linkage_bound(hidden, X).bound < 0.4 * linkage_bound(shown, X).bound


def test_linking_stays_near_its_bound(encryptors):
    hidden, _, X, y = encryptors
    measured = measured_linkage(hidden, X)
    assert measured.interval[0] <= linkage_bound(hidden, X).bound


def test_classes_are_told_as_well_as_without():
    # Also rare ones, whose boundary lies off the middle.
    for rare in (2, 12):
        X, y = two_classes(4000, gap=0.7, rare=rare)
        scores = []
        for hide in (True, False):
            encryptor = HomeomorphicEncryptor(
                n_preserved=1, hide_attributes=hide, key=KEY
            ).fit(X[:2000], y[:2000])
            model = LogisticRegression(class_weight="balanced", max_iter=1000)
            model.fit(encryptor.transform(X[:2000]), y[:2000])
            found = model.predict(encryptor.transform(X[2000:]))
            scores.append(balanced_accuracy_score(y[2000:], found))
        assert scores[0] >= scores[1] - 0.02


@pytest.mark.parametrize("depth", [1, 3, 64])
def test_round_trip_of_stretched_rows(depth):
    X, y = two_classes()
    encryptor = HomeomorphicEncryptor(
        depth, n_preserved=1, hide_attributes=True, key=KEY
    ).fit(X, y)
    rows = np.vstack([X, X.mean(axis=0) + 20 * (X - X.mean(axis=0))])
    Z = encryptor.transform(rows)
    back = encryptor.inverse_transform(Z)
    assert error_in_deviations(back[: len(X)], X).max() <= 1e-7
    np.testing.assert_allclose(back, rows, atol=1e-7 * X.std(axis=0).max())
    # Ciphertexts are of the size that they have without.
    shown = HomeomorphicEncryptor(
        depth, n_preserved=1, hide_attributes=False, key=KEY
    ).fit(X, y)
    assert 0.5 < Z[: len(X)].std() / shown.transform(X).std() < 2


def test_stretched_ciphertexts_on_torch_have_the_same_lattice_points(encryptors):
    hidden, _, X, _ = encryptors
    on_torch = hidden.transform(torch.tensor(X)).numpy()
    np.testing.assert_allclose(on_torch, hidden.transform(X), atol=1e-9)
    back = hidden.inverse_transform(torch.tensor(on_torch)).numpy()
    np.testing.assert_allclose(back, X, atol=1e-7 * X.std())


def test_only_one_direction_of_two_classes_is_stretched():
    X, y = two_classes()

    def is_stretched(labels, **settings):
        encryptor = HomeomorphicEncryptor(key=KEY, **settings).fit(X, labels)
        return isinstance(encryptor._cipher.frame, StretchedFrame)

    assert is_stretched(y, n_preserved=1)
    assert is_stretched(y == 1, n_preserved=1, hide_attributes=True)
    assert not is_stretched(y, n_preserved=1, hide_attributes=False)
    assert not is_stretched(y, n_preserved=2, hide_attributes=True)
    three = np.arange(len(X)) % 3
    assert not is_stretched(three, n_preserved=1, hide_attributes=True)
    assert not is_stretched(None, n_preserved=1)


def test_lattice_points_of_rows_are_integers(encryptors):
    hidden, _, X, _ = encryptors
    frame = hidden._cipher.frame
    y = frame.forward(X)
    np.testing.assert_array_equal(y, np.round(y))
    np.testing.assert_array_equal(y[:, :1] / (GRID * frame.unit), hidden.preserve(X))
