"""One mixture of normal distributions a class."""

from dataclasses import dataclass

import numpy as np
from sklearn import config_context
from sklearn.mixture import GaussianMixture

from sklearn_homeo.synthesis.densities.gaussian import (
    AMPLE_ROWS,
    Gaussians,
    fit_gaussians,
)

__all__ = ["Mixtures", "fit_mixtures"]

# Least variance of a component in any direction, where the class has variance 1:
# without it components could close in on single rows.
_LEAST_VARIANCE = 0.05


@dataclass(frozen=True)
class Mixtures:
    """Mixtures whose components have one covariance a class.

    Parameters
    ----------
    gaussians : Gaussians
        Gaussians of the classes; the mixtures are those of whitened rows.
    weights : list of ndarray of shape (n_components,)
    means : list of ndarray of shape (n_components, n_signal)
    factors : list of ndarray of shape (n_signal, n_signal)
        Lower triangles whose squares are the covariances.
    """

    gaussians: Gaussians
    weights: list
    means: list
    factors: list

    @property
    def n_directions(self):
        """Number of directions that are described, others being noise."""
        return self.gaussians.n_directions

    def sample(self, code, n, rng):
        """Draw rows of shape (n, n_features) of a class."""
        chosen = rng.choice(len(self.weights[code]), size=n, p=self.weights[code])
        whitened = rng.standard_normal((n, self.means[code].shape[1]))
        whitened = whitened @ self.factors[code].T
        whitened += self.means[code][chosen]
        return self.gaussians.embed(whitened, code, rng)


def fit_mixtures(X, codes, rng, n_components):
    """Fit a mixture to each class, of at least ``2 * n_components`` rows each.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype float64
    codes : ndarray of shape (n_samples,), dtype int
    rng : Generator
    n_components : int

    Returns
    -------
    density : Mixtures
    """
    gaussians = fit_gaussians(X, codes, rng, AMPLE_ROWS)
    fits = []
    for code in range(len(gaussians.means)):
        whitened = gaussians.whiten(X[codes == code], code)
        if whitened.shape[1] == 0:
            fits.append((np.ones(1), np.zeros((1, 0)), np.zeros((0, 0))))
            continue
        model = GaussianMixture(
            n_components,
            covariance_type="tied",
            reg_covar=_LEAST_VARIANCE,
            random_state=int(rng.integers(2**31)),
        )
        # Its k-means initialisation refuses to work under array API dispatch.
        with config_context(array_api_dispatch=False):
            model.fit(whitened)
        factor = np.linalg.cholesky(model.covariances_)
        fits.append((model.weights_, model.means_, factor))
    return Mixtures(gaussians, *map(list, zip(*fits, strict=True)))
