"""Display: what models keep, and what an attacker links, over the number of cells."""

import warnings
from typing import NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import balanced_accuracy_score, r2_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_homeo._utils.plotting import (
    BLACK,
    BLUE,
    ORANGE,
    VERMILION,
    make_axes,
    set_log2_axis,
)
from sklearn_homeo._utils.rows import as_float_rows, check_finite
from sklearn_homeo.encryption.label_space.regions import FEWEST_NUMBER_CELLS
from sklearn_homeo.encryption.label_space.target import check_target
from sklearn_homeo.encryption.label_space.yardsticks import class_measures
from sklearn_homeo.exceptions import LossOfAccuracyWarning

__all__ = ["LeakageDisplay", "LeakagePoint"]

_RUNGS = 5


class LeakagePoint(NamedTuple):
    """What one setting of the dial keeps and tells, on held-out rows.

    Parameters
    ----------
    n_cells : int or None
        None for plain rows.
    score : float
        Balanced accuracy, or R2 for numbers.
    roc_auc : float or None
        The area under the ROC curve, mean over the classes; None for numbers.
    linked : float
        Bound on the share of the held-out rows that anybody links to their ciphertexts;
        for plain rows what the label alone gives, NaN for numbers.
    """

    n_cells: int | None
    score: float
    roc_auc: float | None
    linked: float


class LeakageDisplay:
    """Accuracy, area under the ROC curve and linking over the number of cells.

    Dotted lines are what plain rows give, and what the label alone tells an attacker.
    Made by :meth:`from_estimator`.

    Parameters
    ----------
    plain : LeakagePoint
        Scores of a model of plain rows.
    points : list of LeakagePoint
        One for each number of cells that came about.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    See Also
    --------
    HomeomorphicEncryptor.certificate : The bound for one encryptor, in numbers.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn_homeo import HomeomorphicEncryptor, LeakageDisplay
    >>> X, y = load_wine(return_X_y=True)
    >>> display = LeakageDisplay.from_estimator(
    ...     HomeomorphicEncryptor(), X, y, n_cells=[3]
    ... )
    >>> [point.n_cells for point in display.points]
    [3]
    """

    def __init__(self, plain, points):
        self.plain = plain
        self.points = points

    @classmethod
    def from_estimator(
        cls, encryptor, X, y, *, n_cells="auto", model=None, test_size=0.3, ax=None
    ):
        """Encrypt with each number of cells, learn, and draw the scores.

        Parameters
        ----------
        encryptor : HomeomorphicEncryptor
            Cloned and fitted to a part of the rows, with ``leakage="cells"``.
        X : array-like of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,)
            Classes or numbers.
        n_cells : "auto" or list of int, default="auto"
            "auto" takes as many as there are classes and up to 16 times as many; 8 to
            128 for numbers.
        model : classifier or regressor, default=None
            None takes a logistic or a ridge regression of standardised columns.
        test_size : float, default=0.3
            Share of the rows that is held out.
        ax : matplotlib Axes, default=None
            None makes a new figure.

        Returns
        -------
        display : LeakageDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        X = as_float_rows(X, "X", cls.__name__)
        check_finite(X, "X", cls.__name__)
        target = check_target(X, y, encryptor.target_type)
        labels = target.outputs[:, 0]
        split = train_test_split(
            X,
            labels,
            test_size=test_size,
            random_state=0,
            stratify=None if target.is_numeric else labels,
        )
        if model is None:
            model = Ridge() if target.is_numeric else LogisticRegression(max_iter=1000)
            model = make_pipeline(StandardScaler(), model)
        if isinstance(n_cells, str):
            fewest = FEWEST_NUMBER_CELLS if target.is_numeric else labels.max() + 1
            n_cells = [int(fewest) << i for i in range(_RUNGS)]
        plain = _plain_point(model, split, target.is_numeric)
        points = [
            _point(encryptor, number, model, split, target.is_numeric)
            for number in n_cells
        ]
        # Where rows are few, several numbers come to the same cells.
        points = list({point.n_cells: point for point in points}.values())
        return cls(plain, points).plot(ax=ax)

    def plot(self, ax=None):
        """Draw the points.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            None makes a new figure.

        Returns
        -------
        display : LeakageDisplay
        """
        ax = make_axes(ax)
        cells = [point.n_cells for point in self.points]
        numeric = self.plain.roc_auc is None
        lines = {"score": ("R2" if numeric else "balanced accuracy", BLUE, "o")}
        if not numeric:
            lines["roc_auc"] = "ROC AUC", ORANGE, "s"
        lines["linked"] = "linked, at most", VERMILION, "v"
        for field, (label, colour, marker) in lines.items():
            values = [getattr(point, field) for point in self.points]
            ax.plot(cells, values, color=colour, marker=marker, label=label)
            ax.axhline(getattr(self.plain, field), color=colour, linestyle=":")
        ax.plot([], [], color=BLACK, linestyle=":", label="plain rows, label alone")
        set_log2_axis(ax, cells, "cells")
        ax.set_ylim(top=1.02)
        ax.legend(frameon=False, fontsize=8)
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _plain_point(model, split, is_numeric):
    X, X_test, y, y_test = split
    score, roc_auc = _scores(clone(model).fit(X, y), X_test, y_test, is_numeric)
    floor = float("nan") if is_numeric else len(np.unique(y_test)) / len(y_test)
    return LeakagePoint(None, score, roc_auc, floor)


def _point(encryptor, n_cells, model, split, is_numeric):
    X, X_test, y, y_test = split
    encryptor = clone(encryptor).set_params(leakage="cells", n_cells=n_cells)
    encryptor.set_params(target_type="continuous" if is_numeric else "discrete")
    with warnings.catch_warnings():
        # That few cells lose much is what the figure shows.
        warnings.simplefilter("ignore", LossOfAccuracyWarning)
        Z = encryptor.fit(X, y).transform(X)
    fitted = clone(model).fit(Z, y)
    scores = _scores(fitted, encryptor.transform(X_test), y_test, is_numeric)
    linking = encryptor.certificate(X_test).linking
    return LeakagePoint(
        encryptor.n_cells_, *scores, max(linking.one_target, linking.one_to_one)
    )


def _scores(model, X, y, is_numeric):
    """R2 and None, or balanced accuracy and the area under the ROC curve."""
    if is_numeric:
        return float(r2_score(y, model.predict(X))), None
    shares = _evidence(model, X)
    measures = class_measures(shares, y[:, None], (shares.shape[1],))
    accuracy = float(balanced_accuracy_score(y, model.predict(X)))
    return accuracy, measures["ROC AUC"]


def _evidence(model, X):
    """A number for each row and class code, the larger the likelier."""
    if hasattr(model, "predict_proba"):
        found = model.predict_proba(X)
    else:
        found = model.decision_function(X)
        found = np.column_stack([-found, found]) if found.ndim == 1 else found
    evidence = np.full((len(found), int(model.classes_.max()) + 1), found.min())
    evidence[:, model.classes_] = found
    return evidence
