"""What is not protected is said so, in a warning or in the ratio."""

import re
import warnings
from time import process_time

import numpy as np
import pytest
from sklearn.datasets import load_wine, make_circles
from sklearn.preprocessing import StandardScaler

from problems import KEY, correlated, wine
from sklearn_homeo import HomeomorphicEncryptor
from sklearn_homeo.audit import known_plaintext_attack
from sklearn_homeo.ciphers.lattice import Lattice
from sklearn_homeo.encryption._warnings import coarse_columns
from sklearn_homeo.encryption.label_space.leak import (
    explained_variance_ratio,
    repeated_rows_share,
)
from sklearn_homeo.exceptions import (
    LeakageWarning,
    NoProtectionWarning,
    ResolutionWarning,
)


def fitted(X, y, **settings):
    return HomeomorphicEncryptor(key=KEY, **settings).fit(X, y)


def test_preserving_everything_is_warned_of():
    X, y = correlated(100, 4)
    with pytest.warns(NoProtectionWarning, match="preserves all 4 features") as caught:
        fitted(X, y, n_preserved=4)
    assert caught[0].filename == __file__


def test_repeated_rows_are_warned_of_unless_randomized():
    X, y = wine()
    X[:10] = X[10:20]
    with pytest.warns(LeakageWarning, match="11.2 % of the training rows") as caught:
        fitted(X, y)
    assert caught[0].filename == __file__
    with warnings.catch_warnings(action="error"):
        fitted(X, y, randomized=True)
        fitted(*wine())


@pytest.mark.parametrize("outlier", [999_999_999, 1e12])
def test_columns_that_one_outlier_makes_coarse_are_named(outlier):
    X, y = load_wine(return_X_y=True, as_frame=True)
    X.iloc[7, 2] = outlier
    with pytest.warns(ResolutionWarning, match=r"2 \('ash'\): ") as caught:
        encryptor = fitted(X, y, leakage="scores")
    (message,) = [str(w.message) for w in caught]
    assert "magnesium" not in message
    step = float(re.search(r"'ash'\): ([0-9.e+-]*[0-9])", message)[1])
    back = encryptor.inverse_transform(encryptor.transform(X))
    error = np.abs(back - X.to_numpy())
    assert error[:, 2].max() <= 0.51 * step
    assert np.delete(error, 2, axis=1).max() <= 1e-4


@pytest.mark.parametrize(
    "column, coarse",
    [
        ("phone", True),
        ("million", False),
        ("cents", False),
        ("cents and an outlier", True),
        ("normal", False),
        ("lognormal", False),
        ("large reals", False),
        ("above 2**53", True),
    ],
)
def test_which_columns_are_coarse(column, coarse):
    rng = np.random.default_rng(0)
    cents = np.round(rng.uniform(0, 100, 500), 2)
    values = {
        "phone": rng.integers(10**11, 10**12, 500).astype(float),
        "million": rng.integers(0, 10**6, 500).astype(float),
        "cents": cents,
        "cents and an outlier": np.where(np.arange(500) == 3, 1e9, cents),
        "normal": rng.normal(size=500),
        "lognormal": rng.lognormal(sigma=2, size=500),
        "large reals": 1e20 * rng.normal(size=500),
        "above 2**53": np.where(np.arange(500) == 3, 1e17, np.arange(500.0)),
    }[column]
    X = np.column_stack([rng.normal(size=500), values])
    found = coarse_columns(X, Lattice.from_data(X))
    assert [j for j, _ in found] == ([1] if coarse else [])


def test_whole_columns_come_back_whole_and_fractions_stay():
    rng = np.random.default_rng(0)
    X = np.column_stack(
        [
            rng.integers(0, 2, 300),
            rng.integers(1900, 2030, 300),
            rng.integers(0, 10**7, 300),
            -rng.integers(0, 5, 300),
            rng.normal(size=300),
        ]
    )
    encryptor = fitted(X, X[:, 4] > 0)
    rows = X.copy()
    rows[0, 1] = 1999.5
    back = encryptor.inverse_transform(encryptor.transform(rows))
    assert back[0, 1] == pytest.approx(1999.5, abs=1e-6)
    np.testing.assert_array_equal(back[1:, :4], X[1:, :4])
    np.testing.assert_array_equal(back[1:, :4].astype(int), X[1:, :4].astype(int))
    assert not np.signbit(back[back == 0]).any()


def test_repeated_rows_are_conceded():
    """Equal rows have equal ciphertexts: who knows one knows all."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150, 10))[rng.integers(0, 150, 900)]
    y = (X[:, 0] > 0).astype(int)
    with pytest.warns(LeakageWarning):
        encryptor = fitted(X, y, n_preserved=1)
    attack = known_plaintext_attack(
        encryptor.transform(X), X, attacks=["kernel ridge"], random_state=0
    )
    assert attack.r2 > 0.8
    assert encryptor.preserved_variance_ratio_ >= attack.r2 - 0.05


def test_share_of_repeated_rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 5))
    assert repeated_rows_share(X) == 0.0
    X[:10] = X[10:20] + 1e-6
    assert repeated_rows_share(X) == pytest.approx(0.2)
    assert repeated_rows_share(np.ones((7, 2))) == 1.0
    assert repeated_rows_share(np.array([[0.0], [-0.0], [1.0]])) == pytest.approx(2 / 3)


def test_share_of_repeated_rows_is_not_quadratic_in_equal_rows():
    X = np.random.default_rng(0).normal(size=(20_000, 10))
    X[600:] = X[0]
    started = process_time()
    assert repeated_rows_share(X) == pytest.approx(0.97, abs=1e-3)
    # All in one leaf of a tree they take ten times as long.
    assert process_time() - started < 0.3


def test_curves_in_the_preserved_coordinates_are_conceded():
    """A spiral over one coordinate: least squares sees a fifth of it."""
    s = np.random.default_rng(0).normal(size=(900, 1))
    X = np.hstack([s, np.sin(3 * s), np.cos(3 * s), np.sin(5 * s), np.cos(5 * s)])
    X = StandardScaler().fit_transform(X)
    linear = s @ np.linalg.lstsq(s, X, rcond=None)[0]
    assert 1 - ((X - linear) ** 2).sum() / (X**2).sum() < 0.4
    assert explained_variance_ratio(s, X) > 0.95


def test_unrelated_columns_are_not_conceded():
    rng = np.random.default_rng(0)
    X = StandardScaler().fit_transform(rng.normal(size=(1500, 40)))
    assert explained_variance_ratio(X[:, :1], X) == pytest.approx(1 / 40, abs=0.02)


def test_one_row_of_a_rare_class_does_not_switch_the_choice_off():
    rng = np.random.default_rng(0)
    rings, y = make_circles(500, noise=0.1, factor=0.4, random_state=0)
    X = np.hstack([rings, 0.3 * rng.normal(size=(500, 8))])
    common = fitted(X, y, leakage="scores")
    rare = fitted(X, np.where(np.arange(500) == 0, 2, y), leakage="scores")
    assert rare.n_preserved_ == common.n_preserved_ > 1
    np.testing.assert_allclose(
        np.corrcoef(rare.preserve(X).T)[0, 1],
        np.corrcoef(common.preserve(X).T)[0, 1],
        atol=0.1,
    )
