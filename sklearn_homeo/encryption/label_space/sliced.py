"""Directions in which the covariances of classes, or of slices of a number, differ."""

import numpy as np
from scipy.linalg import eigh

__all__ = ["sliced_directions"]


def sliced_directions(sample, n_directions):
    """Sliced average variance estimation [1]_: what curves around the mean.

    Slices count alike, however rare their class.

    References
    ----------
    .. [1] R. D. Cook, S. Weisberg, "Sliced inverse regression for dimension reduction:
       comment", Journal of the American Statistical Association 86, 1991.
    """
    W = sample.white
    contrast = np.zeros((W.shape[1], W.shape[1]))
    for labels in sample.target.slices():
        groups = [W[labels == label] for label in np.unique(labels)]
        centred = [rows - rows.mean(axis=0) for rows in groups]
        covariances = [rows.T @ rows / len(rows) for rows in centred]
        pooled = np.mean(covariances, axis=0)
        for covariance in covariances:
            difference = covariance - pooled
            contrast += difference @ difference
    return sample.from_white(eigh(contrast)[1][:, ::-1][:, :n_directions])
