"""Fresh residues for views that a density drew."""

import numpy as np

from sklearn_homeo.ciphers.packing import RESIDUE_BITS, UNIT, VIEW_BITS

__all__ = ["with_fresh_residues"]

_END = 1 << (VIEW_BITS - 1)
# Of a view, in the units of ciphertexts.
_STEP = 2.0**RESIDUE_BITS * UNIT


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
    codes = np.clip(np.rint(views / _STEP), -_END, _END - 1).astype(np.int64)
    residues = rng.integers(1 << RESIDUE_BITS, size=codes.shape)
    return ((codes << RESIDUE_BITS) + residues) * UNIT
