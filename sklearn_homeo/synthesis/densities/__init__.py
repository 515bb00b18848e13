"""Densities of the rows of each class, to draw synthetic rows from.

A density is fitted to rows and class codes and draws rows of one class:
``density.sample(code, n, rng)``. All but the private one describe the coordinates
that `scales` finds worth describing, and leave the others to noise.
"""

from sklearn_homeo.synthesis.densities.gaussian import fit_gaussians
from sklearn_homeo.synthesis.densities.kde import fit_kernels
from sklearn_homeo.synthesis.densities.mixture import fit_mixtures

__all__ = ["fit_density", "rows_needed"]


def fit_density(method, X, codes, rng, **options):
    """Fit the density of a method that has no privacy guarantee.

    Parameters
    ----------
    method : {"gaussian", "mixture", "kde", "vae"}
    X : ndarray of shape (n_samples, n_features), dtype float64
    codes : ndarray of shape (n_samples,), dtype int
    rng : Generator
    **options : dict
        ``n_components`` of "mixture"; ``max_epochs``, ``device`` and ``verbose`` of
        "vae".

    Returns
    -------
    density : Gaussians, Mixtures, KernelDensities or Autoencoder
    """
    if method == "mixture":
        return fit_mixtures(X, codes, rng, options["n_components"])
    if method == "vae":
        # Loads torch, which the other methods do without.
        from sklearn_homeo.synthesis.densities.vae import (
            DEFAULT_EPOCHS,
            fit_autoencoder,
        )

        return fit_autoencoder(
            X,
            codes,
            rng,
            max_epochs=options["max_epochs"] or DEFAULT_EPOCHS,
            device=options["device"],
            verbose=options["verbose"],
        )
    return {"gaussian": fit_gaussians, "kde": fit_kernels}[method](X, codes, rng)


def rows_needed(method, n_components):
    """Least number of rows of a class."""
    return 2 * n_components if method == "mixture" else 2
