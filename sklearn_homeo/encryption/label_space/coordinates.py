"""The scale of label coordinates."""

import numpy as np
from scipy.linalg import cholesky, solve_triangular

__all__ = ["scaled_directions"]

# Share of its whole variance that a coordinate is taken to have within classes, at
# least: what keeps coordinates finite that tell the label without error.
LEAST_WITHIN = 0.01


def scaled_directions(X, target, found):
    """Directions whose coordinates have unit spread within classes.

    Columns stay as they are, but for their size. Other directions are made
    uncorrelated, within classes, with the columns and with those before them.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n)
        Standardised rows.
    target : Target
    found : Found
        Linearly independent directions.

    Returns
    -------
    directions : ndarray of shape (n, k), dtype float64
    """
    S = X @ found.vectors
    sizes = np.sqrt(np.mean((S - S.mean(axis=0)) ** 2, axis=0))
    sizes = np.where(sizes > 0, sizes, 1.0)
    within = _within_classes(S / sizes, target)
    covariance = within.T @ within / len(X) + LEAST_WITHIN * np.eye(len(sizes))
    # Cholesky's factor takes the columns first and changes only what comes later.
    order = np.argsort(~found.by_column, kind="stable")
    factor = cholesky(covariance[np.ix_(order, order)], lower=True)
    mixing = np.empty_like(factor)
    mixing[np.ix_(order, order)] = solve_triangular(
        factor, np.eye(len(order)), lower=True
    ).T
    own = np.flatnonzero(found.by_column)
    mixing[:, own] = 0.0
    mixing[own, own] = np.diag(covariance)[own] ** -0.5
    return (found.vectors / sizes) @ mixing


def _within_classes(S, target):
    """Coordinates less the mean of their class (of all outputs), or of all rows."""
    if target.is_numeric:
        return S - S.mean(axis=0)
    indicators = target.indicators()
    return S - indicators @ np.linalg.lstsq(indicators, S, rcond=None)[0]
