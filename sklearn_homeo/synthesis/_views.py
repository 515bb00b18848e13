"""Ciphertexts for a density: their views go in, fresh residues come out."""

import numpy as np

from sklearn_homeo.ciphers.packing import RESIDUE_BITS, VIEW_BITS

__all__ = ["views_of", "with_fresh_residues"]

_STEPS = 2.0 ** (VIEW_BITS - 3)
_END = 1 << (VIEW_BITS - 1)
_UNIT = 2.0 ** -(RESIDUE_BITS + 3)


def views_of(Z):
    """Return the views of ciphertexts, in the units of the ciphertexts.

    Residues are uniform whatever the records are, so a density has nothing to learn
    from them but which rows it was fitted to.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_features), dtype float64

    Returns
    -------
    views : ndarray of shape (n_samples, n_features), dtype float64
        Multiples of 1/8 in [-4, 4).
    """
    return np.floor(Z * _STEPS) / _STEPS


def with_fresh_residues(views, rng):
    """Return ciphertexts with the nearest views, whose residues are drawn anew.

    Parameters
    ----------
    views : ndarray of shape (n_samples, n_features), dtype float64
    rng : Generator

    Returns
    -------
    Z : ndarray of shape (n_samples, n_features), dtype float64
    """
    codes = np.clip(np.rint(views * _STEPS), -_END, _END - 1).astype(np.int64)
    residues = rng.integers(1 << RESIDUE_BITS, size=codes.shape)
    return ((codes << RESIDUE_BITS) + residues) * _UNIT
