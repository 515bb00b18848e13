"""Principal axes of the data, and how far they are brought to one size."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh
from scipy.stats import mannwhitneyu
from sklearn.utils.extmath import randomized_svd

from sklearn_homeo.ciphers.rotation import DENSE_LIMIT

__all__ = ["PrincipalAxes"]

# What may be added to the variances, in squared standard deviations. More would make
# the coordinates small beside the grid to which they are rounded.
RIDGES = np.geomspace(1e-3, 10.0, 81)
# Chance to tell a training row from another by their lengths: as good as none, and
# how much more is as good as the least.
QUIET_AUC, QUIET_GAIN = 0.525, 0.005
RIDGE_ROWS = 2000
MIN_SHRINKAGE = 1e-3
WIDE_RANK = 256


@dataclass(frozen=True)
class PrincipalAxes:
    """Principal axes of standardised rows, and how they are brought to one size.

    Whitening fits its own rows: directions of little variance in training have more
    of it elsewhere, so that fully whitened rows tell by their length whether they
    were among those. The least ridge on the variances is taken with which they do
    not, and the largest axis has unit variance.

    Parameters
    ----------
    vectors : ndarray of shape (n, n_axes), dtype float64
        Orthonormal columns, by decreasing variance.
    gains : ndarray of shape (n_axes,), dtype float64
        Factor that brings each axis to unit variance or less.
    tail_gain : float
        The same for every direction outside the axes.
    whitening : ndarray of shape (n_axes,), dtype float64
        Factor that brings each axis to unit (shrunk) variance, to search directions.
    """

    vectors: np.ndarray
    gains: np.ndarray
    tail_gain: float
    whitening: np.ndarray

    @classmethod
    def from_data(cls, X):
        """Find the axes of standardised rows ``X`` of shape (n_samples, n)."""
        n_samples, n = X.shape
        vectors, variances = _full_axes(X) if n <= DENSE_LIMIT else _leading_axes(X)
        left = n - len(variances)
        residual = max((X**2).sum() / n_samples - variances.sum(), 0.0)
        tail = residual / left if left else variances.mean()
        rows = X[:: -(-n_samples // RIDGE_ROWS)]
        squares = (rows @ vectors) ** 2
        outside = np.maximum((rows**2).sum(axis=1) - squares.sum(axis=1), 0.0)
        shrinkage = _ledoit_wolf_shrinkage(X)
        ridge = _quiet_ridge(
            np.column_stack([squares, outside]),
            np.append(variances, tail),
            n_samples,
            shrinkage,
        )
        largest = variances.max()
        size = (1.0 + ridge / largest) ** 0.5 if largest > 0 else 1.0
        gains = size * (variances + ridge) ** -0.5
        shrinkage = max(shrinkage, MIN_SHRINKAGE)
        whitening = ((1 - shrinkage) * variances + shrinkage) ** -0.5
        tail_gain = float(size * (tail + ridge) ** -0.5)
        return cls(vectors, gains, tail_gain, whitening)


def _full_axes(X):
    variances, vectors = eigh(X.T @ X / len(X))
    return vectors[:, ::-1], np.maximum(variances[::-1], 0.0)


def _leading_axes(X):
    rank = min(WIDE_RANK, len(X) - 1)
    if len(X) > DENSE_LIMIT:
        _, singular, vectors = randomized_svd(X, rank, random_state=0)
        return vectors.T, singular**2 / len(X)
    # Few rows: the small Gram matrix has the same spectrum and takes no iterations.
    squares, rows = eigh(X @ X.T, subset_by_index=[len(X) - rank, len(X) - 1])
    if squares[-1] <= 0:
        return np.eye(X.shape[1], 1), np.zeros(1)
    kept = np.flatnonzero(squares > 1e-10 * squares[-1])[::-1]
    vectors = (X.T @ rows[:, kept]) / np.sqrt(squares[kept])
    return vectors, squares[kept] / len(X)


def _ledoit_wolf_shrinkage(X):
    """Ledoit and Wolf's (2004) shrinkage of the covariance of centred rows."""
    n_samples, n = X.shape
    gram = X @ X.T if n_samples < n else X.T @ X
    square = (gram**2).sum() / n_samples**2
    distance = square - (X**2).sum() ** 2 / (n_samples**2 * n)
    spread = ((X**2).sum(axis=1) ** 2).sum() / n_samples**2 - square / n_samples
    return min(1.0, spread / distance) if distance > 0 else 1.0


def _quiet_ridge(squares, variances, n_samples, shrinkage):
    """Least ridge with which a row's length does not tell that it was fitted.

    Not less than the shrinkage amounts to. Without a row of squared length q among
    them, the same n rows whiten it to q / (1 - q / n) (Sherman and Morrison).
    """
    enough = RIDGES * (1.0 - shrinkage) >= shrinkage
    ridges = RIDGES[enough] if enough.any() else RIDGES[-1:]
    lengths = squares @ (1.0 / (variances[:, None] + ridges))
    elsewhere = lengths / np.maximum(1.0 - lengths / n_samples, 1e-12)
    greater = mannwhitneyu(elsewhere, lengths, method="asymptotic").statistic
    told = greater / len(lengths) ** 2
    return ridges[np.argmax(told <= max(QUIET_AUC, told.min() + QUIET_GAIN))]
