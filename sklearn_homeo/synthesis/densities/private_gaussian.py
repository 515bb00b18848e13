"""Normal distributions of the classes under differential privacy."""

from dataclasses import dataclass

import numpy as np

from sklearn_homeo.keys._key import SecretKey
from sklearn_homeo.privacy.box import Box
from sklearn_homeo.privacy.gaussian_mechanism import gaussian_mu
from sklearn_homeo.privacy.ledger import (
    NOT_COVERED,
    PUBLIC,
    Mechanism,
    PrivacyLedger,
)
from sklearn_homeo.synthesis.densities.scales import class_means

__all__ = ["clip_rows", "fit_private_gaussians", "plan_gaussians", "private_normal"]

# Share of rho that the class means get.
_MEAN_SHARE = 0.5
# Least variance along any direction, of records scaled to [-1, 1].
_LEAST_VARIANCE = 1e-4


def plan_gaussians(epsilon, delta):
    """Divide a privacy budget, without any data.

    Parameters
    ----------
    epsilon, delta : float

    Returns
    -------
    ledger : PrivacyLedger

    Notes
    -----
    Means and second moments, each over its own noise, are one vector with normal
    noise: one Gaussian mechanism, whose squared sensitivity over noise is the sum of
    the two. So its exact curve of epsilon and delta applies, and each part gets a
    share of rho = mu**2 / 2.

    Examples
    --------
    >>> from sklearn_homeo.synthesis.densities.private_gaussian import plan_gaussians
    >>> print(f"{plan_gaussians(1.0, 1e-5).rho:.4f}")
    0.0359
    """
    rho = gaussian_mu(epsilon, delta) ** 2 / 2
    return PrivacyLedger(
        epsilon=float(epsilon),
        delta=float(delta),
        rho=rho,
        neighbours="one row replaced by another of the same class",
        mechanisms=(
            Mechanism(
                "mean of each class",
                "Gaussian mechanism",
                "2 max_norm / n",
                rho * _MEAN_SHARE,
            ),
            Mechanism(
                "second moment of each class",
                "Gaussian mechanism",
                "2 ** 0.5 max_norm ** 2 / n",
                rho * (1 - _MEAN_SHARE),
            ),
        ),
        public=(*PUBLIC, "max_norm"),
        not_covered=(*NOT_COVERED, "attacks on the rounding of floating-point noise"),
    )


@dataclass(frozen=True)
class PrivateGaussians:
    """Class means and factors of class covariances, of records in [-1, 1].

    Parameters
    ----------
    box : Box
    means : ndarray of shape (n_classes, n_features), dtype float64
    factors : ndarray of shape (n_classes, n_features, n_features), dtype float64
    """

    box: Box
    means: np.ndarray
    factors: np.ndarray

    @property
    def n_directions(self):
        """Number of directions that are described, others being noise."""
        return self.means.shape[1]

    def sample(self, code, n, rng):
        """Draw rows of shape (n, n_features) of a class."""
        rows = rng.standard_normal((n, self.n_directions)) @ self.factors[code].T
        rows += self.means[code]
        return self.box.embed(rows)


def fit_private_gaussians(X, codes, ledger, box, max_norm, normal):
    """Fit a normal distribution to each class under differential privacy.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype float64
    codes : ndarray of shape (n_samples,), dtype int
    ledger : PrivacyLedger
    box : Box
    max_norm : float
        Euclidean norm to which scaled rows are clipped.
    normal : callable
        From a shape to independent standard normal numbers.

    Returns
    -------
    density : PrivateGaussians
    """
    rows = clip_rows(box.scale(X), max_norm)
    means, counts = class_means(rows, codes)
    for_means, for_moments = (mechanism.rho for mechanism in ledger.mechanisms)
    errors = 2 * max_norm / counts / np.sqrt(2 * for_means)
    means = means + errors[:, None] * normal(means.shape)
    errors = np.sqrt(2) * max_norm**2 / counts / np.sqrt(2 * for_moments)
    covariances = np.stack(
        [
            rows[codes == code].T @ rows[codes == code] / count
            + errors[code] * _symmetric(normal((rows.shape[1], rows.shape[1])))
            - np.outer(means[code], means[code])
            for code, count in enumerate(counts)
        ]
    )
    covariances = _denoise(covariances, errors, counts)
    return PrivateGaussians(box, means, _factors(covariances))


def clip_rows(rows, max_norm):
    """Rows scaled down, where need be, to a Euclidean norm of `max_norm`."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows * np.minimum(1.0, max_norm / np.maximum(norms, 1e-300))


def private_normal(random_state):
    """What draws the noise: a cryptographic stream, or a generator to repeat a run."""
    if random_state is None:
        return SecretKey.generate().stream("differential privacy").normal
    return random_state.standard_normal


def _symmetric(normal):
    """Standard normal noise of symmetric matrices under the Frobenius norm."""
    upper = np.triu(normal, 1) / np.sqrt(2)
    return upper + upper.T + np.diag(np.diag(normal))


def _denoise(covariances, errors, counts):
    """Shrink to the classes' common covariance, and that to a sphere.

    By as much as the known noise explains of the differences; from here on only
    what was released is looked at, and privacy costs nothing more.
    """
    n_features = covariances.shape[1]
    energy = errors**2 * n_features * (n_features + 1) / 2
    weights = counts / counts.sum()
    pooled = np.einsum("c,cij->ij", weights, covariances)
    level = max(np.trace(pooled) / n_features, _LEAST_VARIANCE)
    sphere = level * np.eye(n_features)
    pooled = _shrink(pooled, sphere, (weights**2) @ energy)
    return np.stack(
        [_shrink(one, pooled, e) for one, e in zip(covariances, energy, strict=True)]
    )


def _shrink(matrix, target, energy):
    distance = ((matrix - target) ** 2).sum()
    weight = max(0.0, 1 - energy / distance) if distance > 0 else 0.0
    return target + weight * (matrix - target)


def _factors(covariances):
    values, vectors = np.linalg.eigh(covariances)
    values = np.maximum(values, _LEAST_VARIANCE)
    return vectors * np.sqrt(values)[:, None, :]
