"""What the scores of all families of cells have in common.

A *scorer* maps lattice rows to label scores by integers alone: logits of the classes of
each output, or standardised numbers, in steps of 2**-10. Cells are cut in its scores.
"""

import warnings

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from sklearn_homeo._utils.threads import single_threaded_blas

__all__ = [
    "LATTICE_STEP",
    "MAX_CALIBRATED",
    "MAX_SCORE",
    "SCORE_STEP",
    "UNSEEN",
    "class_sizes",
    "in_steps",
    "indicators",
    "linear_discriminant",
    "logits_of",
    "logistic_regression",
    "thirds",
]

LATTICE_STEP = 2.0**-27
SCORE_STEP = 2.0**-10
MAX_SCORE = 2.0**20
# Logit of a class that no row was seen of.
UNSEEN = -16.0
# Calibrating many classes on many scores must not take longer than finding them.
MAX_CALIBRATED = 30


def class_sizes(target):
    """Return the number of classes of each output, or None for numbers."""
    if target.is_numeric:
        return None
    return tuple(int(size) for size in target.outputs.max(axis=0) + 1)


def indicators(outputs, sizes):
    """Return a column of zeros and ones for each class of each output, side by side."""
    blocks = zip(outputs.T, sizes, strict=True)
    return np.hstack([np.eye(size)[labels] for labels, size in blocks])


def in_steps(products, units):
    """Round exact products, integers in ``units`` (powers of two), to score steps."""
    steps = np.rint(products * (units / SCORE_STEP))
    return np.clip(steps, -MAX_SCORE, MAX_SCORE, out=steps)


def logistic_regression(X, labels, size, C, max_iter=100):
    """Return logits of all classes as a linear function.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n)
    labels : ndarray of shape (n_samples,), dtype int64
    size : int
        Number of classes; not all need occur.
    C : float
        Inverse strength of the penalty.
    max_iter : int, default=100

    Returns
    -------
    weights : ndarray of shape (n, size), dtype float64
    offsets : ndarray of shape (size,), dtype float64
    """
    return _logits_by(LogisticRegression(C=C, max_iter=max_iter), X, labels, size)


def linear_discriminant(X, labels, size):
    """Return logits of all classes if each is normal, with a covariance in common.

    Parameters
    ----------
    X, labels, size
        See `logistic_regression`.

    Returns
    -------
    weights : ndarray of shape (n, size), dtype float64
    offsets : ndarray of shape (size,), dtype float64
    """
    return _logits_by(LinearDiscriminantAnalysis(solver="lsqr"), X, labels, size)


def _logits_by(model, X, labels, size):
    """Logits by a linear classifier of scikit-learn's."""
    weights, offsets = np.zeros((X.shape[1], size)), np.full(size, UNSEEN)
    seen = np.unique(labels)
    if len(seen) == 1:
        offsets[seen] = 0.0
        return weights, offsets
    with warnings.catch_warnings(), single_threaded_blas():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, labels)
    if len(seen) == 2:
        half = np.array([-0.5, 0.5])
        weights[:, seen] = model.coef_.T * half
        offsets[seen] = model.intercept_ * half
    else:
        weights[:, seen], offsets[seen] = model.coef_.T, model.intercept_
    return weights, offsets


def logits_of(scores, outputs, sizes):
    """Return the linear function that turns raw scores of classes into logits.

    Parameters
    ----------
    scores : ndarray of shape (n_samples, sum of sizes)
        One per class of each output, about 0 to 1.
    outputs : ndarray of shape (n_samples, n_outputs), dtype int64
    sizes : tuple of int

    Returns
    -------
    matrix : ndarray of shape (sum of sizes, sum of sizes), dtype float64
    offsets : ndarray of shape (sum of sizes,), dtype float64
    """
    total, start = sum(sizes), 0
    matrix, offsets = np.zeros((total, total)), np.zeros(total)
    for size, labels in zip(sizes, outputs.T, strict=True):
        block = slice(start, start + size)
        if size <= MAX_CALIBRATED:
            weights, intercepts = logistic_regression(
                scores[:, block], labels, size, 100.0, 500
            )
        else:
            weights, intercepts = np.eye(size) * 8.0, np.zeros(size)
        matrix[block, block], offsets[block] = weights, intercepts
        start += size
    return matrix, offsets


def thirds(labels):
    """Folds for choosing a penalty: each holds out a third, with classes in proportion.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,), dtype int64

    Returns
    -------
    folds : list of (ndarray of int, ndarray of int), or None
        None if a class has fewer than three rows.
    """
    counts = np.bincount(labels)
    if counts[counts > 0].min() < 3:
        return None
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    return list(folds.split(labels, labels))
