"""What is not protected is said so, in a warning or in the ratio."""

import numpy as np
import pytest
from sklearn.datasets import make_circles
from sklearn.preprocessing import StandardScaler

from problems import KEY, correlated, wine
from sklearn_homeo import HomeomorphicEncryptor
from sklearn_homeo.audit import known_plaintext_attack
from sklearn_homeo.encryption.label_space.probe import (
    explained_variance_ratio,
    repeated_rows_share,
)
from sklearn_homeo.exceptions import NoProtectionWarning


def fitted(X, y, **settings):
    return HomeomorphicEncryptor(key=KEY, **settings).fit(X, y)


@pytest.mark.parametrize("weak", [{"amplitude": 1.0}, {"frequency": 0.5}])
def test_weak_masks_are_warned_of_and_conceded(weak):
    with pytest.warns(NoProtectionWarning, match="too weak to protect") as caught:
        encryptor = fitted(*wine(), **weak)
    assert caught[0].filename == __file__
    assert encryptor.preserved_variance_ratio_ == 1.0


def test_few_masked_directions_are_warned_of():
    X, y = correlated(100, 4)
    with pytest.warns(NoProtectionWarning, match="Only 2 of 4 directions"):
        fitted(X, y, n_preserved=2)


def test_repeated_rows_are_conceded():
    """Equal rows have equal ciphertexts: who knows one knows all."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150, 10))[rng.integers(0, 150, 900)]
    y = (X[:, 0] > 0).astype(int)
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
    common = fitted(X, y)
    rare = fitted(X, np.where(np.arange(500) == 0, 2, y))
    assert rare.n_preserved_ == common.n_preserved_ > 1
    np.testing.assert_allclose(
        np.corrcoef(rare.preserve(X).T)[0, 1],
        np.corrcoef(common.preserve(X).T)[0, 1],
        atol=0.1,
    )
