"""Directions along which a kernel machine's prediction changes."""

import numpy as np
from scipy.linalg import cho_factor, cho_solve, eigh

from sklearn_homeo.encryption.label_space.columns import unit_vectors

__all__ = [
    "gradient_columns",
    "gradient_directions",
    "gradient_outer_product",
    "next_moments",
]

# The machine is cubic in its rows.
MACHINE_ROWS = 1200
# Rows at which gradients are taken; of more outputs than ten at fewer rows.
GRADIENT_ROWS, FEWEST_GRADIENT_ROWS = 600, 50
N_ROUNDS = 4
RIDGE = 1e-2
MEDIAN_ROWS = 300


def gradient_directions(sample, n_directions):
    """Leading directions of the average gradient outer product."""
    moments = gradient_outer_product(sample)
    leading = eigh(moments)[1][:, ::-1][:, :n_directions]
    return sample.axes.vectors @ leading


def gradient_columns(sample, n_directions):
    """Columns along which the prediction changes most, as they are."""
    vectors = sample.axes.vectors
    moments = gradient_outer_product(sample)
    changes = np.einsum("ij,jk,ik->i", vectors, moments, vectors)
    order = np.argsort(-changes, kind="stable")[:n_directions]
    return unit_vectors(len(changes), order)


def gradient_outer_product(sample):
    """Average gradient outer product of an iterated kernel machine.

    A recursive feature machine [1]_: kernel ridge regression on the label, whose
    Gaussian kernel takes distances along what the last round's predictions changed
    with. The idea is older than the name [2]_ [3]_.

    Parameters
    ----------
    sample : Sample

    Returns
    -------
    moments : ndarray of shape (n_axes, n_axes), dtype float64
        Among the sample's leading axes; the mean of the diagonal is 1.

    References
    ----------
    .. [1] A. Radhakrishnan, D. Beaglehole, P. Pandit, M. Belkin, "Mechanism for feature
       learning in neural networks and backpropagation-free machine learning models",
       Science 383, 2024.
    .. [2] M. Hristache, A. Juditsky, J. Polzehl, V. Spokoiny, "Structure adaptive
       approach for dimension reduction", Annals of Statistics 29, 2001.
    .. [3] Y. Xia, H. Tong, W. K. Li, L.-X. Zhu, "An adaptive estimation of dimension
       reduction space", Journal of the Royal Statistical Society B 64, 2002.
    """
    if "gradients" not in sample.shared:
        head = sample.head(MACHINE_ROWS)
        outputs = _centred_outputs(head.target)
        moments = np.eye(head.on_axes.shape[1])
        for _ in range(N_ROUNDS):
            moments = next_moments(head.on_axes, outputs, moments)
        sample.shared["gradients"] = moments
    return sample.shared["gradients"]


def _centred_outputs(target):
    """Numbers, or indicators of classes that count alike."""
    if target.is_numeric:
        return target.outputs
    indicators = target.indicators()
    indicators = indicators[:, indicators.any(axis=0)]
    if indicators.shape[1] == 2:
        # The second is the first with the other sign.
        indicators = indicators[:, :1]
    centred = indicators - indicators.mean(axis=0)
    return centred / np.sqrt(np.maximum(centred.var(axis=0), 1e-12))


def next_moments(U, outputs, moments):
    """Return the outer product of gradients with distances along those of before.

    Parameters
    ----------
    U : ndarray of shape (n_samples, n_axes), dtype float64
        Rows; all are landmarks of the machine.
    outputs : ndarray of shape (n_samples, n_outputs), dtype float64
        Centred numbers, or indicators of classes.
    moments : ndarray of shape (n_axes, n_axes), dtype float64
        The outer product of before.

    Returns
    -------
    moments : ndarray of shape (n_axes, n_axes), dtype float64
        The mean of their diagonal is 1.
    """
    values, vectors = eigh(moments)
    Z = U @ (vectors * np.sqrt(np.maximum(values, 0.0)))
    lengths = (Z**2).sum(axis=1)
    distances = Z @ (-2.0 * Z.T)
    distances += lengths[:, None]
    distances += lengths
    np.maximum(distances, 0.0, out=distances)
    # All rows are alike: a part of them tells what lies in the middle.
    middle = np.median(distances[:MEDIAN_ROWS])
    distances /= -max(middle, 1e-12)
    kernel = np.exp(distances, out=distances)
    system = kernel.copy()
    system[np.diag_indices(len(U))] += RIDGE
    # In LAPACK's order, which is the transposed one, nothing is copied.
    factor = cho_factor(system.T, lower=True, overwrite_a=True, check_finite=False)
    weights = cho_solve(factor, outputs, check_finite=False)
    n_rows = min(GRADIENT_ROWS, 10 * GRADIENT_ROWS // outputs.shape[1])
    n_rows = max(n_rows, FEWEST_GRADIENT_ROWS)
    kernel, at = kernel[:n_rows], U[:n_rows]
    found = np.zeros_like(moments)
    for column in weights.T:
        pull = kernel * column
        gradients = (pull.sum(axis=1)[:, None] * at - pull @ U) @ moments
        found += gradients.T @ gradients
    return found * (len(found) / max(np.trace(found), 1e-300))
