"""What labels of numbers tell of rows, and what predictions of them tell."""

import numpy as np
import pytest

from problems import KEY
from sklearn_homeo import HomeomorphicEncryptor
from sklearn_homeo.encryption._number_floors import number_floors


def rows(n_samples=400):
    X, noise = np.split(np.random.default_rng(0).normal(size=(n_samples, 3)), [2], 1)
    return X, X[:, 0] + noise[:, 0]


def test_the_better_a_prediction_can_be_the_more_it_tells():
    X, y = rows(800)
    # The label correlates by the root of a half with one column of two.
    floors = number_floors(X, y)
    assert floors.label == pytest.approx(0.25, abs=0.04)
    assert floors.prediction_r2 == pytest.approx(0.5, abs=0.04)
    # The label's floor divided by the prediction's R2.
    assert floors.prediction == pytest.approx(0.5, abs=0.04)
    several = number_floors(X, np.column_stack([y, X[:, 1]]))
    assert several.label == pytest.approx(0.75, abs=0.05)


def test_few_rows_have_no_floors():
    X, y = rows(11)
    assert np.isnan(number_floors(X, y).label)


@pytest.mark.parametrize("options", [
    {"leakage": "cells", "n_cells": 4},
    {"leakage": "scores", "n_preserved": 2, "linkage_noise": 0.1},
])  # fmt: skip
@pytest.mark.filterwarnings("ignore::sklearn_homeo.exceptions.LossOfAccuracyWarning")
def test_certificates_show_them_beside_what_cells_explain(options):
    X, y = rows(200)
    encryptor = HomeomorphicEncryptor(key=KEY, **options).fit(X, y)
    assert encryptor.certificate(X).linking.number_floors is None
    certificate = encryptor.certificate(X, y)
    # A number is a class of its own in each row: no floor of linking.
    assert np.isnan(certificate.linking.label_floor)
    floors = certificate.linking.number_floors
    assert 0 < floors.label < floors.prediction
    assert f"variance by the label alone    {floors.label:.1%}" in str(certificate)
    assert f"{floors.prediction:.1%} (of an R2 of" in str(certificate)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        encryptor.certificate(X, y[:-1])
