"""Which directions of the data carry the label."""

import warnings

import numpy as np
from scipy.linalg import eigh, null_space
from sklearn.cross_decomposition import PLSRegression
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from sklearn_homeo._utils.threads import single_threaded_blas

__all__ = [
    "can_spare",
    "curved_directions",
    "label_mixing",
    "linear_directions",
    "principal_mixing",
    "sparing_directions",
]

# Strength of the logistic regressions' penalty, scikit-learn's C.
LOGISTIC_C = 0.1
# The same for the one direction of two classes, times the number of axes: what many
# standardised axes add up to grows with their number.
BINARY_C_AXES = 12.8
# Leading axes within the classes that the preserved coordinates shall not follow.
HIDDEN_AXES = 4
SLICED_AXES = 512


def linear_directions(U, axes, target, n_directions):
    """Directions that carry the label, those of linear models first.

    Classes: the span of multinomial logistic regressions. Numbers: partial least
    squares. After these, `curved_directions` of the remainder.

    Parameters
    ----------
    U : ndarray of shape (n_samples, n_axes)
        Rows on their principal axes.
    axes : PrincipalAxes
    target : Target
    n_directions : int
        At most ``n_axes``.

    Returns
    -------
    directions : ndarray of shape (n_axes, n_directions), dtype float64
        Orthonormal columns, among the frame's axes.
    """
    if target.is_numeric:
        first = _pls_directions(U, axes.gains, target.outputs, n_directions)
    else:
        first = _spanned(_logistic_functionals(U, target.outputs), axes.gains)
    return _completed(U, axes, target, n_directions, first)


def sparing_directions(U, axes, target, n_directions):
    """Directions that carry the label and little else of what varies most.

    Those of `linear_directions` for classes, but uncorrelated within every class with
    the leading `HIDDEN_AXES` principal axes within classes: of all that preserved
    coordinates could tell beside the label, these axes are the most telling. They
    are spared as far as that takes a sixteenth of all directions. Parameters and
    result are those of `linear_directions`.
    """
    with single_threaded_blas():
        functionals = _sparing_functionals(U, target)
    first = _spanned(functionals, axes.gains)
    return _completed(U, axes, target, n_directions, first)


def can_spare(n_axes, target):
    """Whether `sparing_directions` can spare anything of the data."""
    return not target.is_numeric and _n_hidden(n_axes, target) > 0


def _completed(U, axes, target, n_directions, first):
    """The first directions found, and curved ones if more are wanted."""
    first = first[:, :n_directions]
    if first.shape[1] == n_directions:
        return first
    # Covariances are compared on white axes, whatever the frame makes of them.
    stretch = (axes.whitening / axes.gains)[:, None]
    white, _ = np.linalg.qr(first / stretch)
    rest = stretch * _sliced_directions(U * axes.whitening, target.slices(), white)
    rest = rest[:, : n_directions - first.shape[1]]
    rest, _ = np.linalg.qr(rest - first @ (first.T @ rest))
    return np.hstack([first, rest])


def curved_directions(U, axes, target, n_directions):
    """Directions in which classes, or slices of a number, differ in covariance.

    Sliced average variance estimation (Cook and Weisberg 1991): what boundaries
    need that curve around the mean, where linear models see nothing. Parameters
    and result are those of `linear_directions`.
    """
    none = np.zeros((U.shape[1], 0))
    return _completed(U, axes, target, n_directions, none)


def _spanned(functionals, gains):
    """Orthonormal directions among the frame's axes that span the functionals."""
    left, singular, _ = np.linalg.svd(functionals / gains[:, None], full_matrices=False)
    return left[:, singular > 1e-8 * singular.max(initial=1e-300)]


def _logistic_functionals(U, outputs, C=LOGISTIC_C):
    found = []
    for labels in outputs.T:
        if labels.min() == labels.max():
            continue
        model = LogisticRegression(C=C, max_iter=300)
        with warnings.catch_warnings(), single_threaded_blas():
            warnings.simplefilter("ignore", ConvergenceWarning)
            weights = model.fit(U, labels).coef_.T
        centred = weights - weights.mean(axis=1, keepdims=True)
        found.append(centred if weights.shape[1] > 1 else weights)
    return np.hstack(found) if found else np.eye(U.shape[1])[:, :1]


def _n_hidden(n_axes, target):
    n_classes = target.indicators().shape[1]
    return min(HIDDEN_AXES, n_axes // (16 * n_classes))


def _sparing_functionals(U, target):
    """Logistic regressions that no class relates to the leading axes within classes."""
    n_axes, n_hidden = U.shape[1], _n_hidden(U.shape[1], target)
    centred = [U[rows] - U[rows].mean(axis=0) for rows in _class_masks(target)]
    pooled = sum(rows.T @ rows for rows in centred)
    _, hidden = eigh(pooled, subset_by_index=[n_axes - n_hidden, n_axes - 1])
    related = [rows.T @ (rows @ hidden) for rows in centred]
    free = null_space(np.hstack(related).T)
    C = BINARY_C_AXES / n_axes if target.is_binary() else LOGISTIC_C
    return free @ _logistic_functionals(U @ free, target.outputs, C)


def _class_masks(target):
    masks = target.indicators().T.astype(bool)
    return masks[masks.any(axis=1)]


def _pls_directions(U, gains, outputs, n_directions):
    n_components = min(n_directions, U.shape[1], len(U) - 1)
    if not U.any():
        return np.eye(U.shape[1])[:, :1]
    model = PLSRegression(n_components, scale=False)
    with warnings.catch_warnings():
        # A target that fewer components fit exactly ends the search early.
        warnings.simplefilter("ignore")
        rotations = model.fit(U, outputs).x_rotations_
    usable = np.isfinite(rotations).all(axis=0) & (np.abs(rotations).max(axis=0) > 0)
    rotations = rotations[:, np.cumprod(usable).astype(bool)]
    if rotations.shape[1] == 0:
        return np.eye(U.shape[1])[:, :1]
    rotations = rotations / np.linalg.norm(rotations, axis=0) / gains[:, None]
    columns, triangle = np.linalg.qr(rotations)
    sizes = np.abs(triangle.diagonal())
    return columns[:, np.cumprod(sizes > 1e-8 * sizes[0]).astype(bool)]


def _sliced_directions(W, slices, first):
    """All other directions, by how much the slices' covariances differ there."""
    n_axes = W.shape[1]
    head = min(n_axes, SLICED_AXES)
    contrast = np.zeros((n_axes, n_axes))
    for labels in slices:
        contrast[:head, :head] += _covariance_contrast(W[:, :head], labels)
    # Axes on which nothing differs come last, leading ones first.
    contrast[np.diag_indices(n_axes)] += np.linspace(1e-9, 0.0, n_axes)
    keep = np.eye(n_axes) - first @ first.T
    _, vectors = eigh(keep @ contrast @ keep + first @ first.T * -1.0)
    rest = vectors[:, ::-1][:, : n_axes - first.shape[1]]
    return rest - first @ (first.T @ rest)


def _covariance_contrast(W, labels):
    _, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    centred = W - _group_means(W, codes, counts)[codes]
    pooled = centred.T @ centred / len(W)
    contrast = np.zeros_like(pooled)
    for code, count in enumerate(counts):
        rows = centred[codes == code]
        difference = rows.T @ rows / count - pooled
        contrast += count / len(W) * difference @ difference
    return contrast


def _group_means(W, codes, counts):
    sums = np.zeros((len(counts), W.shape[1]))
    np.add.at(sums, codes, W)
    return sums / counts[:, None]


def label_mixing(S, target):
    """Matrix that gives the preserved coordinates unit variance within classes.

    Parameters
    ----------
    S : ndarray of shape (n_samples, n_preserved)
    target : Target

    Returns
    -------
    mixing : ndarray of shape (n_preserved, n_preserved), dtype float64
    """
    residual = S - S.mean(axis=0)
    if not target.is_numeric:
        indicators = target.indicators()
        residual = S - indicators @ np.linalg.lstsq(indicators, S, rcond=None)[0]
    variances, vectors = eigh(residual.T @ residual / len(S))
    floor = 0.01 * S.var(axis=0).mean()
    if floor < 1e-12:
        # Nothing varies in training; what comes later keeps its size.
        return np.eye(S.shape[1])
    return vectors / np.sqrt(np.maximum(variances, floor))


def principal_mixing(gains):
    """Matrix that restores the principal axes' relative sizes, without labels."""
    sizes = 1.0 / gains
    return np.diag(sizes / np.sqrt((sizes**2).mean()))
