import math

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_homeo import HomeomorphicEncryptor, SecretKey
from sklearn_homeo.exceptions import LossOfAccuracyWarning

KEY = SecretKey.from_bytes(bytes(range(32)))


@pytest.fixture(scope="module")
def wine():
    return load_wine(return_X_y=True)


@pytest.fixture(scope="module")
def fitted(wine):
    return HomeomorphicEncryptor(leakage="cells", key=KEY).fit(*wine)


def test_cells_are_all_that_models_see(fitted, wine):
    X, y = wine
    Z = fitted.transform(X)
    views = np.unique(np.floor(8 * Z), axis=0)
    assert len(views) == fitted.n_cells_ <= 12
    assert fitted.leakage_ == "cells"
    assert fitted.leakage_bits_ == math.log2(fitted.n_cells_)
    assert fitted.linkage_noise_ == 0
    assert 0.2 < fitted.preserved_variance_ratio_ < 0.6
    assert fitted.probe_scores_[0].excess <= 1
    model = make_pipeline(StandardScaler(), LogisticRegression())
    assert model.fit(Z[::2], y[::2]).score(Z[1::2], y[1::2]) > 0.95
    assert np.abs(fitted.inverse_transform(Z) - X).max() < 1e-6
    assert fitted.preserve(X).shape == (len(X), fitted.n_preserved_)


def test_another_key_leaks_the_same_cells(fitted, wine):
    X, y = wine
    other = clone(fitted).set_params(key=SecretKey.generate()).fit(X, y)
    one, two = (np.floor(8 * e.transform(X)) for e in (fitted, other))
    assert (one != two).any()
    cells = [
        np.unique(view, axis=0, return_inverse=True)[1].ravel() for view in (one, two)
    ]
    both = np.unique(np.column_stack(cells), axis=0)
    assert len(both) == fitted.n_cells_


def test_randomized_rows_share_their_cell(wine):
    X, y = wine
    encryptor = HomeomorphicEncryptor(
        leakage="cells", n_cells=6, randomized=True, key=KEY
    )
    Z = encryptor.fit(X, y).transform(np.repeat(X[:1], 100, axis=0))
    assert len(np.unique(Z, axis=0)) == 100
    assert len(np.unique(np.floor(8 * Z), axis=0)) == 1


def test_certificate_of_cells(fitted, wine):
    X, y = wine
    plain = fitted.certificate()
    assert plain.linking is None
    assert plain.leakage_bits == fitted.leakage_bits_
    assert plain.min_cell_rows >= 10
    assert round(plain.log2_advantages[2**20]) == -72
    assert plain.log2_forgery == -6 * 13
    link = fitted.certificate(X).linking
    assert link.one_target == pytest.approx(fitted.n_cells_ / len(X))
    assert link.smallest_cell == plain.min_cell_rows
    assert link.label_floor == pytest.approx(3 / len(X))
    assert fitted.certificate(X[:9], y[:9]).linking.label_floor == 1 / 9
    assert fitted.certificate(X).linking.r2 == pytest.approx(
        fitted.preserved_variance_ratio_
    )
    assert fitted.certificate(n_fits=2).leakage_bits == 2 * fitted.leakage_bits_
    # Cells tell no more, however often a row is encrypted.
    assert fitted.certificate(X, n_repeats=100).linking == link


def test_certificate_of_scores_and_of_space(wine):
    X, y = wine
    scores = HomeomorphicEncryptor(n_preserved=2, leakage="scores", linkage_noise=1.0)
    found = scores.fit(X, y).certificate(X, y)
    assert found.leakage_bits == math.inf
    assert found.linking.error > 0
    assert 3 / len(X) == found.linking.label_floor < found.linking.one_target < 0.6
    space = HomeomorphicEncryptor(leakage="space").fit(X).certificate(X)
    assert space.linking is None
    assert space.log2_advantages == {}
    assert "everything" in str(space)


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "2", None])
def test_bad_numbers_of_fits(fitted, wrong):
    with pytest.raises(ValueError, match="n_fits must be an integer"):
        fitted.certificate(n_fits=wrong)


def test_too_few_cells_warn(wine):
    X, y = wine
    with pytest.warns(LossOfAccuracyWarning, match="balanced accuracy"):
        HomeomorphicEncryptor(leakage="cells", min_cell_size=100).fit(X, y)


def test_cells_need_a_label(wine):
    encryptor = HomeomorphicEncryptor(leakage="cells", n_preserved=2)
    with pytest.raises(ValueError, match="cuts cells that tell the label"):
        encryptor.fit(wine[0])


@pytest.mark.parametrize("kind", [str, object, "string", "category"])
def test_certificate_takes_labels_of_any_type(kind):
    X, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    labels = pd.Series(names, dtype=kind)
    encryptor = HomeomorphicEncryptor(leakage="cells", n_cells=3, key=KEY)
    encryptor.fit(X, labels)
    assert encryptor.certificate(X, labels).linking.label_floor == 3 / 150
    two = np.column_stack([names, names]).astype(object)
    assert encryptor.certificate(X, two).linking.label_floor == 3 / 150
    one = encryptor.certificate(X[:20], labels[:20]).linking
    assert one.label_floor == 1 / 20


def test_certificate_refuses_labels_that_do_not_fit():
    X, y = load_iris(return_X_y=True)
    encryptor = HomeomorphicEncryptor(leakage="cells", n_cells=3, key=KEY).fit(X, y)
    with pytest.raises(ValueError, match="but X has 150 rows"):
        encryptor.certificate(X, y[:10])
    with pytest.raises(ValueError, match="missing values"):
        encryptor.certificate(X, np.where(y == 0, np.nan, y))
    with pytest.raises(ValueError, match="cannot be ordered"):
        encryptor.certificate(X, np.array(["a", 1] * 75, dtype=object))
