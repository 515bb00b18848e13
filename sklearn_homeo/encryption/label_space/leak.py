"""What label coordinates give away of the rows."""

import numpy as np
from scipy.linalg import eigh
from scipy.spatial import cKDTree
from sklearn.metrics.pairwise import rbf_kernel

from sklearn_homeo._utils.threads import single_threaded_blas

__all__ = ["explained_variance_ratio", "linear_leaks", "repeated_rows_share"]

# The kernel reconstruction is cubic in its rows.
RECONSTRUCTION_ROWS = 700
# Root mean square over the columns, in standard deviations, at which rows are one.
REPEAT_DISTANCE = 3e-3


def linear_leaks(X, directions):
    """Share of the variance of rows that the first 1, 2, ... coordinates determine.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n)
        Standardised rows.
    directions : ndarray of shape (n, k)
        Linearly independent.

    Returns
    -------
    leaks : ndarray of shape (k,), dtype float64
        Between 0 and 1, increasing.
    """
    axes, _ = np.linalg.qr(X @ directions)
    squares = ((X.T @ axes) ** 2).sum(axis=0)
    return np.minimum(np.cumsum(squares) / max((X**2).sum(), 1e-300), 1.0)


def explained_variance_ratio(S, X):
    """Share of the variance of ``X`` that its preserved coordinates give away.

    The better of two reconstructions: least squares, and kernel ridge regression
    (RBF) by leave-one-out, on at most 700 rows. Rows that repeat another row (see
    `repeated_rows_share`) count as given away whole, because equal rows have equal
    ciphertexts.

    Parameters
    ----------
    S : ndarray of shape (n_samples, n_preserved)
    X : ndarray of shape (n_samples, n)
        Standardised; constant columns are zero.

    Returns
    -------
    ratio : float in [0, 1]
    """
    total = (X**2).sum()
    if total == 0:
        return 0.0
    linear = S @ np.linalg.lstsq(S, X, rcond=None)[0]
    ratio = 1.0 - ((X - linear) ** 2).sum() / total
    rows = _even_rows(len(S), RECONSTRUCTION_ROWS)
    ratio = np.clip(max(ratio, _kernel_ratio(S[rows], X[rows])), 0.0, 1.0)
    repeated = repeated_rows_share(X)
    return float(repeated + (1.0 - repeated) * ratio)


def repeated_rows_share(X):
    """Share of standardised rows that come again, or nearly so, in other rows.

    Nearly: within a root mean square of `REPEAT_DISTANCE` standard deviations over
    the columns; such rows have nearly the same label coordinates.
    """
    axes = np.argsort(-X.var(axis=0), kind="stable")[:8]
    neighbours = cKDTree(X[:, axes]).query(X[:, axes], k=min(3, len(X)))[1]
    own = np.arange(len(X))
    repeated = np.zeros(len(X), dtype=bool)
    for column in neighbours.T:
        distance = np.sqrt(((X - X[column]) ** 2).mean(axis=1))
        repeated |= (distance <= REPEAT_DISTANCE) & (column != own)
    return float(repeated.mean())


def _even_rows(n_samples, most):
    if n_samples <= most:
        return np.arange(n_samples)
    return np.sort(np.random.RandomState(0).permutation(n_samples)[:most])


def _kernel_ratio(S, X):
    whole = S / max(S.std(), 1e-300)
    by_column = S / np.maximum(S.std(axis=0), 1e-300)
    scales = [(whole, 0.1), (whole, 0.5), (by_column, 3.0), (by_column, 20.0)]
    with single_threaded_blas():
        return max(
            _leave_one_out_ratio(rbf_kernel(scaled, gamma=gamma / S.shape[1]), X)
            for scaled, gamma in scales
        )


def _leave_one_out_ratio(kernel, X):
    """Best share over penalties, all from one eigendecomposition."""
    values, vectors = eigh(kernel)
    projected = vectors.T @ X
    best = 0.0
    for penalty in (1e-3, 1e-2, 0.1, 1.0):
        weights = 1.0 / (np.maximum(values, 0.0) + penalty)
        residual = vectors @ (weights[:, None] * projected)
        residual /= ((vectors**2) @ weights)[:, None]
        best = max(best, 1.0 - (residual**2).sum() / (X**2).sum())
    return best
