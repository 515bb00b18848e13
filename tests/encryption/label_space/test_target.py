"""Which directions are preserved for which kind of label."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.linear_model import Ridge
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from problems import KEY, wine
from sklearn_homeo import HomeomorphicEncryptor
from sklearn_homeo.exceptions import NoProtectionWarning


@pytest.mark.parametrize("n_preserved", ["auto", 3])
def test_kinds_of_targets(n_preserved):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 10))
    number = X[:, 0] - X[:, 1] + 0.1 * rng.normal(size=200)
    label = np.where(number > 0, "yes", "no")
    targets = {
        "strings": label,
        "objects": label.astype(object),
        "booleans": number > 0,
        "numbers": number,
        "many integers": np.round(number * 1000).astype(int),
        "many whole floats": np.round(number * 1000),
        "two numbers": np.column_stack([number, X[:, 2]]),
        "two classes columns": np.column_stack([number > 0, X[:, 2] > 0]).astype(int),
        "pandas": pd.Series(label, name="label"),
        "categories": pd.Series(label, dtype="category"),
        "polars": pl.Series("label", label),
        "list": label.tolist(),
    }
    for name, y in targets.items():
        encryptor = HomeomorphicEncryptor(key=KEY, n_preserved=n_preserved).fit(X, y)
        S = encryptor.preserve(X)
        assert S.shape == (200, encryptor.n_preserved_), name
        assert encryptor.n_preserved_ < 10, name
        assert Ridge().fit(S, number).score(S, number) > 0.5, name


def test_target_type_decides_between_classes_and_numbers():
    X, y = wine()
    as_numbers = HomeomorphicEncryptor(
        key=KEY, n_preserved=1, target_type="continuous"
    ).fit(X, y)
    S = as_numbers.preserve(X)
    assert abs(np.corrcoef(S[:, 0], y)[0, 1]) > 0.8
    with pytest.raises(ValueError, match='target_type="continuous" needs numbers'):
        as_numbers.fit(X, y.astype(str))


def test_auto_finds_few_directions_for_easy_labels_and_all_that_curves_need():
    from sklearn.datasets import make_circles

    rng = np.random.default_rng(0)
    rings, y = make_circles(400, noise=0.1, factor=0.4, random_state=0)
    X = np.hstack([rings, 0.1 * rng.normal(size=(400, 4))])
    X = X @ np.linalg.qr(rng.normal(size=(6, 6)))[0]
    encryptor = HomeomorphicEncryptor(leakage="scores", key=KEY).fit(X, y)
    assert encryptor.n_preserved_ == 2
    S = encryptor.preserve(X)
    assert cross_val_score(KNeighborsClassifier(), S, y).mean() > 0.95
    X, y = load_breast_cancer(return_X_y=True)
    assert HomeomorphicEncryptor(key=KEY).fit(X, y).n_preserved_ <= 3


def test_regression_keeps_its_accuracy():
    X, y = load_diabetes(return_X_y=True)
    plain = cross_val_score(make_pipeline(StandardScaler(), Ridge()), X, y).mean()
    encrypted = cross_val_score(
        make_pipeline(
            StandardScaler(), HomeomorphicEncryptor(key=KEY), StandardScaler(), Ridge()
        ),
        X,
        y,
    ).mean()
    assert encrypted > plain - 0.03


def test_without_labels_the_principal_directions_stay():
    X, _ = wine()
    units = StandardScaler().fit_transform(X)
    encryptor = HomeomorphicEncryptor(key=KEY, n_preserved=3).fit(X)
    S = encryptor.preserve(X)
    leading = np.linalg.svd(units, full_matrices=False)[0][:, :3]
    captured = np.linalg.norm(leading.T @ (S / np.linalg.norm(S, axis=0)), axis=0)
    assert captured.min() > 0.99
    assert encryptor.preserved_variance_ratio_ > 0.6


def test_the_whole_space_needs_no_label():
    X, y = wine()
    encryptor = HomeomorphicEncryptor(leakage="space", key=KEY).fit(X)
    reference = HomeomorphicEncryptor(leakage="space", key=KEY).fit(X, y)
    np.testing.assert_array_equal(encryptor.transform(X), reference.transform(X))
    assert (encryptor.leakage_, encryptor.n_preserved_) == ("space", 13)
    assert encryptor.preserved_variance_ratio_ == 1.0
    units = (X - X.mean(axis=0)) / X.std(axis=0)
    np.testing.assert_allclose(encryptor.preserve(X), units, atol=1e-7)


def test_all_coordinates_are_warned_of():
    X, y = wine()
    with pytest.warns(NoProtectionWarning, match="preserves all 13 features"):
        encryptor = HomeomorphicEncryptor(n_preserved=13, key=KEY).fit(X, y)
    assert encryptor.n_preserved_ == 13
    assert encryptor.preserved_variance_ratio_ == pytest.approx(1.0)
