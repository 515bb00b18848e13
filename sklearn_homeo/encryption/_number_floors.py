"""What a label of numbers tells of rows, and what good predictions of it tell."""

from typing import NamedTuple

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.linear_model import LinearRegression, RidgeCV
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.neighbors import KNeighborsRegressor

from sklearn_homeo.encryption.label_space.target import Target
from sklearn_homeo.encryption.label_space.yardsticks import chance_errors

__all__ = ["NumberFloors", "number_floors"]

N_FOLDS, MOST_ROWS = 3, 3000
NEIGHBOURS = (10, 40)
RIDGES = np.geomspace(0.01, 1e4, 13)
# So near to chance, in standard errors, predictions are taken to see nothing.
CHANCE_ERRORS = 3.0


class NumberFloors(NamedTuple):
    """Shares of the rows' standardised variance that are rebuilt.

    Parameters
    ----------
    label, prediction : float
        From the label alone, and from predictions of it. Predictions no better than
        chance need not be kept: then both are the label's.
    prediction_r2 : float
        How well these predict the label.
    """

    label: float
    prediction: float
    prediction_r2: float


def number_floors(X, y):
    """Measure the floors of a label of numbers, on rows that were held out.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype float64
        Standardised rows.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)

    Returns
    -------
    floors : NumberFloors
        They are measured on at most 3,000 of the rows; NaN if there are fewer than 12.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo.encryption._number_floors import number_floors
    >>> X = np.random.default_rng(0).normal(size=(300, 2))
    >>> floors = number_floors(X, X[:, 0] + np.random.default_rng(1).normal(size=300))
    >>> floors.label < 0.3 < floors.prediction < 0.5
    True
    """
    if len(X) < 4 * N_FOLDS:
        return NumberFloors(*[float("nan")] * 3)
    rows = np.random.RandomState(0).permutation(len(X))[:MOST_ROWS]
    X, labels = X[rows], Target.from_labels(np.asarray(y)[rows], True).outputs
    models = [
        RidgeCV(RIDGES),
        ExtraTreesRegressor(50, min_samples_leaf=3, random_state=0),
    ]
    guesses = [_held_out(model, X, labels) for model in models]
    best = max(guesses, key=lambda guess: _r2(guess, labels))
    label, r2 = _rebuilt(labels, X), _r2(best, labels)
    if r2 <= CHANCE_ERRORS * chance_errors(labels, None)["R2"]:
        return NumberFloors(label, label, r2)
    return NumberFloors(label, _rebuilt(best, X), r2)


def _rebuilt(values, X):
    attacks = [LinearRegression()]
    n_known = len(X) - -(-len(X) // N_FOLDS)
    attacks += [KNeighborsRegressor(min(k, n_known)) for k in NEIGHBOURS]
    return max(0.0, *(_r2(_held_out(attack, values, X), X) for attack in attacks))


def _held_out(model, X, outputs):
    folds = KFold(N_FOLDS, shuffle=True, random_state=0)
    outputs = outputs[:, 0] if outputs.shape[1] == 1 else outputs
    return cross_val_predict(model, X, outputs, cv=folds).reshape(len(X), -1)


def _r2(guesses, values):
    total = ((values - values.mean(axis=0)) ** 2).sum()
    return float(1.0 - ((guesses - values) ** 2).sum() / total) if total > 0 else 0.0
