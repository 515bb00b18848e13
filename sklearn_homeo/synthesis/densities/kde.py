"""One kernel density estimate a class."""

from dataclasses import dataclass

import numpy as np

from sklearn_homeo.synthesis.densities.gaussian import (
    AMPLE_ROWS,
    Gaussians,
    fit_gaussians,
)

__all__ = ["KernelDensities", "fit_kernels"]


@dataclass(frozen=True)
class KernelDensities:
    """Training rows, and the width of the normal kernel around each.

    Parameters
    ----------
    gaussians : Gaussians
        Gaussians of the classes; they give the kernels' shape.
    rows : list of ndarray of shape (n_rows, n_signal)
        Training rows of each class, whitened.
    widths : ndarray of shape (n_classes,)
    """

    gaussians: Gaussians
    rows: list
    widths: np.ndarray

    @property
    def n_directions(self):
        """Number of directions that are described, others being noise."""
        return self.gaussians.n_directions

    def sample(self, code, n, rng):
        """Draw rows of shape (n, n_features) of a class."""
        rows, width = self.rows[code], self.widths[code]
        whitened = rows[rng.integers(len(rows), size=n)]
        # Without shrinkage, the kernels would add their variance to that of the rows.
        whitened *= np.sqrt(1 - width**2)
        whitened += width * rng.standard_normal(whitened.shape)
        return self.gaussians.embed(whitened, code, rng)


def fit_kernels(X, codes, rng):
    """Take the rows of each class and Scott's width.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype float64
    codes : ndarray of shape (n_samples,), dtype int
    rng : Generator

    Returns
    -------
    density : KernelDensities

    References
    ----------
    D. Scott, "Multivariate Density Estimation", Wiley, 1992; B. Silverman, G. Young,
    "The bootstrap: to smooth or not to smooth?", Biometrika 74, 1987 (the shrinkage).
    """
    gaussians = fit_gaussians(X, codes, rng, AMPLE_ROWS)
    counts = np.bincount(codes)
    rows = [gaussians.whiten(X[codes == code], code) for code in range(len(counts))]
    widths = counts ** (-1.0 / (gaussians.means.shape[1] + 4))
    return KernelDensities(gaussians, rows, widths)
