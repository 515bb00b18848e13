"""Directions of linear models, with the penalty chosen by held-out rows."""

import warnings

import numpy as np
from scipy.linalg import eigh, null_space
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp
from sklearn.cross_decomposition import PLSRegression
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from sklearn_homeo.encryption.label_space.classifiers import thirds

__all__ = [
    "can_spare",
    "linear_directions",
    "partial_least_squares",
    "sparing_directions",
]

# Strengths of the logistic regressions' penalty, scikit-learn's C times the number of
# columns over 64: what many standardised columns add up to grows with their number.
STRENGTHS = (0.001, 0.01, 0.1, 1.0, 10.0)
# Rows up to which each third is held out in turn.
MOST_FOLDED_ROWS = 1500
LOG_SCALES = (-6.0, 3.0)
RIDGES = np.geomspace(1e-4, 1e2, 13)
# Axes within the classes that vary most and that sparing directions do not follow.
SPARED_AXES = 4
# It takes products of all columns with each other.
MOST_SPARED_COLUMNS = 2048


def linear_directions(sample, n_directions):
    """Directions of logistic regressions (classes) or ridge regressions (numbers).

    Classes are weighted to count alike. As many directions as the label spans: one
    less than there are classes, or one for each number.
    """
    if sample.target.is_numeric:
        found = _ridge_functionals(sample.X, sample.target.outputs)
    else:
        found = _logistic_functionals(sample.X, sample.target.outputs)
    return _spanned(found)[:, :n_directions]


def sparing_directions(sample, n_directions):
    """Those of classes, uncorrelated within every class with what varies most there.

    Of all that label coordinates could tell apart from the label, the `SPARED_AXES`
    leading principal axes within classes tell most.
    """
    indicators = sample.target.indicators()
    masks = indicators.T[indicators.any(axis=0)].astype(bool)
    centred = [sample.X[rows] - sample.X[rows].mean(axis=0) for rows in masks]
    n = sample.X.shape[1]
    n_spared = _n_spared(n, sample.target)
    pooled = sum(rows.T @ rows for rows in centred)
    _, leading = eigh(pooled, subset_by_index=[n - n_spared, n - 1])
    free = null_space(np.hstack([rows.T @ (rows @ leading) for rows in centred]).T)
    found = _logistic_functionals(sample.X @ free, sample.target.outputs)
    return _spanned(free @ found)[:, :n_directions]


def can_spare(n, target):
    """Whether `sparing_directions` can spare anything of ``n`` columns, in memory."""
    if target.is_numeric or n > MOST_SPARED_COLUMNS:
        return False
    return _n_spared(n, target) > 0


def partial_least_squares(sample, n_directions):
    """Directions that numbers vary with, by decreasing covariance."""
    n_components = min(n_directions, sample.X.shape[1], len(sample.X) - 1)
    with warnings.catch_warnings():
        # A target that fewer components fit exactly ends the search early.
        warnings.simplefilter("ignore")
        model = PLSRegression(n_components, scale=False)
        found = model.fit(sample.X, sample.target.outputs).x_rotations_
    usable = np.isfinite(found).all(axis=0) & (np.abs(found).max(axis=0) > 0)
    return found[:, np.cumprod(usable).astype(bool)]


def _n_spared(n, target):
    return min(SPARED_AXES, n // (16 * target.indicators().shape[1]))


def _spanned(functionals):
    """Orthonormal directions that span the functionals, the strongest first."""
    left, singular, _ = np.linalg.svd(functionals, full_matrices=False)
    return left[:, singular > 1e-6 * singular.max(initial=1e-300)]


def _logistic_functionals(X, outputs):
    n_samples, n = X.shape
    if n > n_samples:
        # All that the rows span: the penalty is the same in any basis.
        _, axes = _gram_axes(X)
        return axes @ _regressions(X @ axes, outputs, n)
    return _regressions(X, outputs, n)


def _regressions(X, outputs, n):
    """Weights of logistic regressions on rows that came from ``n`` columns."""
    found = []
    for labels in outputs.T:
        if labels.min() == labels.max():
            continue
        codes = np.unique(labels, return_inverse=True)[1]
        weights = _logistic_regression(X, codes, n).coef_.T
        found.append(weights - weights.mean(axis=1, keepdims=True))
        if weights.shape[1] == 1:
            found[-1] = weights
    return np.hstack(found)


def _logistic_regression(X, labels, n):
    """Logistic regression with the penalty that does best on held-out rows.

    Where rows are many, with the strongest one that hardly does worse: the weaker the
    penalty, the further apart the classes of training rows lie than those of others,
    and models that learn from them are too sure of themselves. On few rows, the error
    is so large that penalties far too strong would pass.
    """
    strengths = [strength * 64 / n for strength in STRENGTHS]
    folds = _folds(labels)
    if any(len(np.unique(labels[train])) < labels.max() + 1 for train, _ in folds):
        return _logistic(strengths[2]).fit(X, labels)
    losses = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for strength in strengths:
            found = []
            for train, test in folds:
                model = _logistic(strength).fit(X[train], labels[train])
                logits = model.decision_function(X[test])
                found.append(_scaled_log_losses(logits, labels[test]))
            losses.append(np.concatenate(found))
            if losses[-1].mean() > min(loss.mean() for loss in losses):
                # Weaker ones do no better, and take longest.
                break
        if len(labels) > MOST_FOLDED_ROWS:
            chosen = _first_alike(losses)
        else:
            chosen = int(np.argmin([loss.mean() for loss in losses]))
        return _logistic(strengths[chosen]).fit(X, labels)


def _first_alike(losses):
    """Index of the first that does worse than the best by no more than chance.

    By no more than a standard error of the mean difference (Breiman, Friedman, Olshen
    and Stone 1984).
    """
    best = min(losses, key=np.mean)
    differences = [loss - best for loss in losses]
    return next(
        i
        for i, more in enumerate(differences)
        if more.mean() <= more.std() / np.sqrt(len(more))
    )


def _folds(labels):
    """Thirds to be held out; the last one only where rows are many."""
    folds = thirds(labels) if len(labels) <= MOST_FOLDED_ROWS else None
    if folds is None:
        cut = 2 * len(labels) // 3
        return [(slice(0, cut), slice(cut, None))]
    return folds


def _scaled_log_losses(logits, labels):
    """Log losses of rows by the best multiple of the logits; rare classes count more.

    How sure of itself a model is does not matter: other models learn from what it sees.
    A class counts by the root of its rows: counting alike, the few held-out rows of a
    rare one would decide.
    """
    if logits.ndim == 1:
        logits = np.column_stack([np.zeros_like(logits), logits])
    weights = np.bincount(labels)[labels] ** -0.5
    weights /= weights.mean()
    own = logits[np.arange(len(labels)), labels]

    def losses(log_scale):
        scale = np.exp(log_scale)
        return weights * (logsumexp(scale * logits, axis=1) - scale * own)

    best = minimize_scalar(
        lambda log_scale: losses(log_scale).mean(), bounds=LOG_SCALES, method="bounded"
    )
    return losses(best.x)


def _logistic(strength):
    return LogisticRegression(C=strength, class_weight="balanced", max_iter=200)


def _ridge_functionals(X, outputs):
    """Ridge regressions, each with the penalty of least leave-one-out error."""
    n_samples, n = X.shape
    values, vectors = eigh(X.T @ X / n_samples) if n <= n_samples else _gram_axes(X)
    values = np.maximum(values, 0.0)
    scores = X @ vectors
    products = scores.T @ outputs / n_samples
    squares = scores**2
    best, found = np.full(outputs.shape[1], np.inf), np.zeros((n, outputs.shape[1]))
    for ridge in RIDGES:
        weights = products / (values + ridge)[:, None]
        leverage = squares @ (1.0 / (values + ridge)) / n_samples
        left = (outputs - scores @ weights) / np.maximum(1.0 - leverage, 1e-9)[:, None]
        error = (left**2).mean(axis=0)
        found[:, error < best] = vectors @ weights[:, error < best]
        best = np.minimum(best, error)
    return found


def _gram_axes(X):
    """Principal axes of more columns than rows."""
    squares, left = eigh(X @ X.T)
    kept = squares > 1e-10 * squares[-1]
    return squares[kept] / len(X), X.T @ left[:, kept] / np.sqrt(squares[kept])
