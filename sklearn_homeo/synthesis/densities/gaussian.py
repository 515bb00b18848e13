"""One normal distribution a class."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular

from sklearn_homeo.synthesis.densities.scales import Scales, class_means, fit_scales

__all__ = ["AMPLE_ROWS", "Gaussians", "fit_gaussians", "shrunk_means"]

# Rows of each class for every direction, from which on densities of other shapes than
# the normal one describe all directions: variances do not tell which of them matter.
AMPLE_ROWS = 10


@dataclass(frozen=True)
class Gaussians:
    """Class means and factors of class covariances, in coordinates of unit variance.

    Parameters
    ----------
    scales : Scales
    means : ndarray of shape (n_classes, n_signal), dtype float64
    factors : ndarray of shape (n_classes, n_signal, n_signal), dtype float64
        Lower triangles whose squares are the covariances.
    """

    scales: Scales
    means: np.ndarray
    factors: np.ndarray

    @property
    def n_directions(self):
        """Number of directions that are described, others being noise."""
        return self.means.shape[1]

    def sample(self, code, n, rng):
        """Draw rows of shape (n, n_features) of a class."""
        normal, inside = self.scales.draw(n, rng)
        return self._embed(inside, code, normal, inside)

    def embed(self, whitened, code, rng):
        """Rows of a class from coordinates in which it has unit covariance."""
        return self._embed(whitened, code, *self.scales.draw(len(whitened), rng))

    def _embed(self, whitened, code, normal, inside):
        coordinates = whitened @ self.factors[code].T
        coordinates += self.means[code]
        return self.scales.embed(coordinates, code, normal, inside)

    def whiten(self, X, code):
        """Coordinates (n_samples, n_signal) in which a class has unit covariance."""
        coordinates = self.scales.project(X, np.full(len(X), code))
        centred = coordinates - self.means[code]
        if centred.size == 0:
            # LAPACK's trtrs refuses it; SciPy only asks it to since version 1.14.
            return centred
        return solve_triangular(self.factors[code], centred.T, lower=True).T


def fit_gaussians(X, codes, rng, ample=np.inf):
    """Fit a normal distribution to each class.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype float64
    codes : ndarray of shape (n_samples,), dtype int
    rng : Generator
    ample : float, default=inf
        As in `fit_scales`.

    Returns
    -------
    density : Gaussians
    """
    scales = fit_scales(X, codes, rng, ample)
    coordinates = scales.project(X, codes)
    means, counts = class_means(coordinates, codes)
    factors = np.empty((len(counts), means.shape[1], means.shape[1]))
    for code in range(len(counts)):
        rows = coordinates[codes == code] - means[code]
        factors[code] = np.linalg.cholesky(shrunk_covariance(rows))
    return Gaussians(scales, shrunk_means(means, counts), factors)


def shrunk_covariance(rows):
    """Covariance of centred rows, shrunk to that of all classes.

    In coordinates of unit pooled variance that is the identity: it counts as one
    more row for each coordinate (the mean of an inverse Wishart posterior).
    """
    n_rows, n_signal = rows.shape
    scatter = rows.T @ rows * (n_rows / max(n_rows - 1, 1))
    return (scatter + n_signal * np.eye(n_signal)) / (n_rows + n_signal)


def shrunk_means(means, counts):
    """Class means without the part of their differences that is noise.

    Singular values of the differences, in standard errors, are shrunk optimally for
    white noise [1]_; those within it vanish.

    Parameters
    ----------
    means : ndarray of shape (n_classes, n_signal)
        In coordinates of unit variance within classes.
    counts : ndarray of shape (n_classes,)

    Returns
    -------
    means : ndarray of shape (n_classes, n_signal)

    References
    ----------
    .. [1] M. Gavish, D. Donoho, "Optimal shrinkage of singular values", IEEE
       Transactions on Information Theory 63, 2017.
    """
    if means.shape[1] == 0:
        return means
    overall = counts @ means / counts.sum()
    weights = np.sqrt(counts)[:, None]
    left, sizes, right = np.linalg.svd((means - overall) * weights, full_matrices=False)
    n_free, n_signal = len(counts) - 1, means.shape[1]
    squares = np.maximum((sizes**2 - n_free - n_signal), 0.0) ** 2
    shrunk = np.sqrt(np.maximum(squares - 4 * n_free * n_signal, 0.0))
    shrunk = np.divide(shrunk, sizes, out=np.zeros_like(sizes), where=sizes > 0)
    return overall + (left * shrunk) @ right / weights
