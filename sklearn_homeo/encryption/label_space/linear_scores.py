"""Scores of linear models: exact products and integer offsets."""

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold

from sklearn_homeo.encryption.label_space.classifiers import (
    LATTICE_STEP,
    SCORE_STEP,
    UNSEEN,
    in_steps,
    linear_discriminant,
    logistic_regression,
    thirds,
)
from sklearn_homeo.encryption.label_space.projection import Projection

__all__ = [
    "LinearScores",
    "find_penalties",
    "fit_joint_scores",
    "fit_linear_scores",
    "joint_does_better",
]

PENALTIES = (0.001, 0.01, 0.1, 1.0)
# What the logits of joint scores are multiplied by.
CERTAINTY = 0.5
# For linear discriminants: fewest rows a column, and most columns.
ROWS_A_COLUMN, MOST_COLUMNS = 3, 512


@dataclass(frozen=True, eq=False)
class LinearScores:
    """Linear functions of a row, in integers.

    Parameters
    ----------
    projection : Projection
        One column for each score.
    offsets : ndarray of shape (n_scores,), dtype float64
        Integers, in steps of 2**-10.
    """

    projection: Projection
    offsets: np.ndarray

    def scores(self, u):
        """Return the scores of lattice rows.

        Parameters
        ----------
        u : ndarray of shape (n_samples, n_features), dtype int64

        Returns
        -------
        scores : ndarray of shape (n_samples, n_scores), dtype float64
            Integers, in steps of 2**-10.
        """
        products = self.projection.integers(u)
        return in_steps(products, self.projection.units) + self.offsets

    def state(self):
        """Return the arrays that define it, by name."""
        return {**self.projection.state(), "offsets": self.offsets}

    @classmethod
    def from_state(cls, state):
        """Rebuild it from `state`."""
        return cls(Projection.from_state(state), np.asarray(state["offsets"]))


def fit_linear_scores(u, outputs, sizes, penalties=None):
    """Fit logistic regressions, or ridge regressions of numbers.

    Parameters
    ----------
    u : ndarray of shape (n_samples, n_features), dtype int64
        Rows on the lattice.
    outputs : ndarray of shape (n_samples, n_outputs)
        Class codes, or standardised numbers.
    sizes : tuple of int or None
        Number of classes of each output; None for numbers.
    penalties : list of float, default=None
        Inverse strength of the penalty for each output with classes; None finds them.

    Returns
    -------
    scores : LinearScores
    """
    X = u * LATTICE_STEP
    if sizes is None:
        model = RidgeCV(np.geomspace(0.01, 1e4, 13)).fit(X, outputs)
        weights = np.reshape(model.coef_, (-1, X.shape[1])).T
        offsets = np.broadcast_to(model.intercept_, outputs.shape[1])
    else:
        if penalties is None:
            penalties = find_penalties(u, outputs, sizes)
        weights, offsets = _side_by_side(
            [
                logistic_regression(X, labels, size, C, 300)
                for labels, size, C in zip(outputs.T, sizes, penalties, strict=True)
            ]
        )
    return _in_integers(weights, offsets)


def fit_joint_scores(u, outputs, sizes, penalties):
    """Fit the mean of logistic regressions and of linear discriminants of classes.

    It is made less sure of itself, and of the same classes: of rows that it learnt
    from, hardly any would lie at a border where cells could be cut.

    Parameters
    ----------
    u, outputs, sizes, penalties
        See `fit_linear_scores`.

    Returns
    -------
    scores : LinearScores
    """
    X = u * LATTICE_STEP
    fitted = [
        _mean(
            logistic_regression(X, labels, size, C, 300),
            linear_discriminant(X, labels, size),
        )
        for labels, size, C in zip(outputs.T, sizes, penalties, strict=True)
    ]
    weights, offsets = _side_by_side(fitted)
    offsets = np.where(offsets == UNSEEN, UNSEEN, CERTAINTY * offsets)
    return _in_integers(CERTAINTY * weights, offsets)


def joint_does_better(u, outputs, sizes, penalties):
    """Whether `fit_joint_scores` has less cross-validated log loss than without.

    Discriminants make more of few rows of classes that are about normal. They are
    tried where each column has three rows.

    Parameters
    ----------
    u, outputs, sizes, penalties
        See `fit_linear_scores`.
    """
    X, folds = u * LATTICE_STEP, [thirds(labels) for labels in outputs.T]
    if ROWS_A_COLUMN * X.shape[1] > len(X) or X.shape[1] > MOST_COLUMNS:
        return False
    if any(one is None for one in folds):
        return False
    gain = 0.0
    for labels, size, C, parts in zip(outputs.T, sizes, penalties, folds, strict=True):
        for train, test in parts:
            rows = X[train], labels[train], size
            alone = logistic_regression(*rows, C)
            joint = _mean(alone, linear_discriminant(*rows))
            gain += _loss_of(alone, X[test], labels[test])
            gain -= _loss_of(joint, X[test], labels[test])
    return gain > 0.0


def _mean(first, second):
    """The mean of the weights of two models, and of their offsets."""
    return tuple((one + other) / 2 for one, other in zip(first, second, strict=True))


def _side_by_side(fitted):
    weights = np.hstack([one for one, _ in fitted])
    return weights, np.concatenate([one for _, one in fitted])


def _in_integers(weights, offsets):
    return LinearScores(Projection.from_real(weights), np.rint(offsets / SCORE_STEP))


def find_penalties(u, outputs, sizes):
    """Return the penalty of least cross-validated log loss for each output."""
    X = u * LATTICE_STEP
    return [
        _find_penalty(X, labels, size)
        for labels, size in zip(outputs.T, sizes, strict=True)
    ]


def _find_penalty(X, labels, size):
    folds = thirds(labels)
    if folds is None:
        folds = KFold(min(3, len(X)), shuffle=True, random_state=0).split(X)
    losses = np.zeros(len(PENALTIES))
    for train, test in folds:
        for i, C in enumerate(PENALTIES):
            model = logistic_regression(X[train], labels[train], size, C)
            losses[i] += _loss_of(model, X[test], labels[test])
    return PENALTIES[np.argmin(losses)]


def _loss_of(model, X, labels):
    """Log loss of a model's weights and offsets."""
    weights, offsets = model
    return _log_loss(X @ weights + offsets, labels)


def _log_loss(logits, labels):
    largest = logits.max(axis=1)
    log_sum = largest + np.log(np.exp(logits - largest[:, None]).sum(axis=1))
    return (log_sum - logits[np.arange(len(labels)), labels]).sum()
