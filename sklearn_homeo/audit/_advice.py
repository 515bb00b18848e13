"""What to change about an encryptor whose audit was bad, measured on the same data."""

import warnings

import numpy as np
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_homeo.audit._references import best_linking
from sklearn_homeo.encryption.label_space.target import check_target

_TEST_SIZE = 0.25
_FEWEST_CELLS = 2


def advise(encryptor, X, y):
    """Say which setting leaks less, and what it costs.

    Parameters
    ----------
    encryptor : transformer
        Fitted.
    X : ndarray of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or None

    Returns
    -------
    advice : list of str
        One line, or none where nothing can be changed or measured.
    """
    if y is None or not hasattr(encryptor, "certificate"):
        return []
    change = _smaller_leak(encryptor)
    y = np.asarray(y)
    if change is None or y.ndim != 1:
        return []
    # As the encryptor took it: whole numbers may be classes or numbers.
    is_number = check_target(X, y, encryptor.target_type).is_numeric
    train, test = train_test_split(
        np.arange(len(X)),
        test_size=_TEST_SIZE,
        random_state=0,
        stratify=None if is_number else y,
    )
    sides = X[train], X[test], y[train], y[test]
    try:
        now, then = (
            _measure(clone(encryptor).set_params(**one), sides, is_number)
            for one in ({}, change)
        )
    except ValueError:
        # The data do not allow the other setting.
        return []
    if then[0] >= now[0]:
        return []
    setting = ", ".join(f"{name}={value!r}" for name, value in change.items())
    score = "R2" if is_number else "accuracy"
    return [
        f"{setting} would let {then[0]:.1%} of new records be linked at best (now "
        f"{now[0]:.1%}), at {score} {then[1]:.3f} (now {now[1]:.3f}) of a linear model"
    ]


def _smaller_leak(encryptor):
    if encryptor.leakage_ != "cells":
        return {"leakage": "cells"}
    fewer = max(_FEWEST_CELLS, encryptor.n_cells_ // 2)
    if fewer == encryptor.n_cells_:
        return None
    # "auto" would leak scores where few cells lose too much.
    return {"leakage": "cells", "n_cells": fewer}


def _measure(encryptor, sides, is_number):
    """How many of the test rows can be linked, and a linear model's score on them."""
    X_train, X_test, y_train, y_test = sides
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        encryptor.fit(X_train, y_train)
        model = Ridge() if is_number else LogisticRegression(max_iter=500)
        model = make_pipeline(StandardScaler(), model)
        model.fit(encryptor.transform(X_train), y_train)
        score = model.score(encryptor.transform(X_test), y_test)
        return best_linking(encryptor, X_test), score
