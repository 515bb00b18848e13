"""What label coordinates give away of the rows."""

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from scipy.linalg.lapack import dpotrf, dpotri
from scipy.spatial import cKDTree
from sklearn.metrics.pairwise import rbf_kernel

from sklearn_homeo._utils.threads import single_threaded_blas

__all__ = ["explained_variance_ratio", "linear_leaks", "repeated_rows_share"]

# The kernel reconstruction is cubic in its rows.
RECONSTRUCTION_ROWS = 700
# Root mean square over the columns, in standard deviations, at which rows are one.
REPEAT_DISTANCE = 3e-3
# Strongest first.
PENALTIES = (1.0, 0.1, 1e-2, 1e-3)


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
    S = X @ directions
    # The triangle of a QR decomposition in half the time.
    triangle = cholesky(S.T @ S)
    along = solve_triangular(triangle, S.T @ X, trans="T")
    squares = (along**2).sum(axis=1)
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
    n_samples = len(X)
    X, counts = _distinct_rows(X)
    axes = np.argsort(-X.var(axis=0), kind="stable")[:8]
    # What is farther on some axes is farther on all of them.
    reach = 1.001 * REPEAT_DISTANCE * np.sqrt(X.shape[1])
    tree = cKDTree(X[:, axes])
    nearest = tree.query(X[:, axes], k=min(3, len(X)), distance_upper_bound=reach)[1]
    own = np.arange(len(X))
    repeated = counts > 1
    for column in nearest.reshape(len(X), -1).T:
        # Where there is no neighbour, its index is the number of rows.
        rows = np.flatnonzero((column != own) & (column < len(X)))
        distance = np.sqrt(((X[rows] - X[column[rows]]) ** 2).mean(axis=1))
        repeated[rows[distance <= REPEAT_DISTANCE]] = True
    return float(counts[repeated].sum() / n_samples)


def _distinct_rows(X):
    """Distinct rows and how often each comes; a tree of equal ones is quadratic."""
    # Adding zero makes -0.0 and 0.0 the same bytes.
    rows = np.ascontiguousarray(X + 0.0)
    as_bytes = rows.view(np.dtype((np.void, rows.strides[0]))).ravel()
    _, first, counts = np.unique(as_bytes, return_index=True, return_counts=True)
    return rows[first], counts


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
    """Share left by weaker and weaker penalties, as long as it grows."""
    total, best = (X**2).sum(), 0.0
    for penalty in PENALTIES:
        precision = _inverse(kernel + penalty * np.eye(len(kernel)))
        residual = (precision @ X) / precision.diagonal()[:, None]
        ratio = 1.0 - (residual**2).sum() / total
        if ratio < best:
            break
        best = ratio
    return best


def _inverse(matrix):
    """The inverse of a symmetric, positive definite matrix."""
    # In LAPACK's order, which is the transposed one, nothing is copied.
    factor, _ = dpotrf(matrix.T, lower=True, overwrite_a=True)
    lower, _ = dpotri(factor, lower=True, overwrite_c=True)
    inverse = lower + lower.T
    inverse[np.diag_indices(len(inverse))] *= 0.5
    return inverse
