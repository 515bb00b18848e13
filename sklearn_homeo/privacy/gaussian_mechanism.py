"""What the Gaussian mechanism costs in differential privacy, exactly.

A release with sensitivity D, in the Euclidean norm, and normal noise of standard
deviation sigma has mu = D / sigma. Several of them, even chosen one after the other,
are together as private as one with mu = (mu_1**2 + mu_2**2 + ...) ** 0.5 [2]_. In
zero-concentrated differential privacy that is rho = mu**2 / 2, which adds up.

References
----------
.. [1] B. Balle, Y.-X. Wang, "Improving the Gaussian mechanism for differential
   privacy: analytical calibration and optimal denoising", ICML 2018, theorem 8.
.. [2] J. Dong, A. Roth, W. Su, "Gaussian differential privacy", Journal of the Royal
   Statistical Society B 84(1), 2022, corollary 3.3.
"""

import numpy as np
from scipy.optimize import brentq
from scipy.special import log_ndtr

__all__ = ["gaussian_delta", "gaussian_epsilon", "gaussian_mu"]

# Roots are taken on the safe side of what they were found to.
_TOLERANCE = 1e-10


def gaussian_delta(epsilon, mu):
    """Return the least delta of a Gaussian mechanism for an epsilon.

    Parameters
    ----------
    epsilon : float
        At least 0.
    mu : float
        Sensitivity over the standard deviation of the noise.

    Returns
    -------
    delta : float

    Examples
    --------
    >>> from sklearn_homeo.privacy.gaussian_mechanism import gaussian_delta
    >>> print(f"{gaussian_delta(1.0, 1.0):.4f}")
    0.1269
    """
    below = log_ndtr(mu / 2 - epsilon / mu)
    above = epsilon + log_ndtr(-mu / 2 - epsilon / mu)
    # exp(below) - exp(above), also where both are beyond the range of floats.
    return float(np.exp(below) * -np.expm1(min(above - below, 0.0)))


def gaussian_mu(epsilon, delta):
    """Return the greatest mu that keeps a guarantee.

    Parameters
    ----------
    epsilon : float
        Above 0.
    delta : float
        Between 0 and 1.

    Returns
    -------
    mu : float
        The noise has the standard deviation sensitivity / mu.

    Examples
    --------
    >>> from sklearn_homeo.privacy.gaussian_mechanism import gaussian_mu
    >>> print(f"{gaussian_mu(1.0, 1e-5):.4f}")
    0.2681
    """
    # At the first, delta is far below what floats can hold beside 1; the second
    # exceeds epsilon and all that a delta can add.
    low, high = np.log(epsilon) - 7.0, np.log(2 * epsilon + 20.0)
    root = brentq(
        lambda x: gaussian_delta(epsilon, np.exp(x)) - delta,
        low,
        high,
        xtol=_TOLERANCE,
        rtol=_TOLERANCE,
    )
    return float(np.exp(root) * (1 - 100 * _TOLERANCE))


def gaussian_epsilon(mu, delta):
    """Return the least epsilon of a Gaussian mechanism, or of several together.

    Parameters
    ----------
    mu : float
        Sensitivity over the noise's standard deviation; of several mechanisms, the root
        of the sum of their squares.
    delta : float

    Returns
    -------
    epsilon : float

    Examples
    --------
    >>> from sklearn_homeo.privacy.gaussian_mechanism import (
    ...     gaussian_epsilon,
    ... )
    >>> print(f"{gaussian_epsilon(0.268, 1e-5):.3f}")
    1.000
    """
    if gaussian_delta(0.0, mu) <= delta:
        return 0.0
    # zCDP's bound, which is never below the exact one.
    high = mu**2 / 2 + mu * np.sqrt(2 * np.log(1 / delta))
    root = brentq(lambda x: gaussian_delta(x, mu) - delta, 0.0, high)
    return float(root + _TOLERANCE * (1 + root))
