"""Directional regression: means and covariances of slices together."""

import numpy as np
from scipy.linalg import eigh

__all__ = ["directional_directions"]


def directional_directions(sample, n_directions):
    """Directions along which rows of one class differ from those of others [1]_.

    In closed form: where first moments of the slices tell the label as well as where
    second moments do.

    References
    ----------
    .. [1] B. Li, S. Wang, "On directional regression for dimension reduction",
       Journal of the American Statistical Association 102, 2007.
    """
    W = sample.white - sample.white.mean(axis=0)
    n = W.shape[1]
    found = np.zeros((n, n))
    for labels in sample.target.slices():
        groups = [W[labels == label] for label in np.unique(labels)]
        moments = [rows.T @ rows / len(rows) for rows in groups]
        means = np.array([rows.mean(axis=0) for rows in groups])
        whole, share = np.mean(moments, axis=0), 1.0 / len(groups)
        centred = means - means.mean(axis=0)
        found += 2 * share * sum((m - whole) @ (m - whole) for m in moments)
        between = share * centred.T @ centred
        found += 2 * between @ between + 2 * np.trace(between) * between
    return sample.from_white(eigh(found)[1][:, ::-1][:, :n_directions])
