"""Which directions of the data carry the label."""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh
from sklearn.cross_decomposition import PLSRegression
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.utils.extmath import randomized_svd

from sklearn_homeo._ciphers.rotation import DENSE_LIMIT

__all__ = [
    "PrincipalAxes",
    "curved_directions",
    "label_mixing",
    "linear_directions",
    "principal_mixing",
]

# Strength of the logistic regressions' penalty, scikit-learn's C.
LOGISTIC_C = 0.1
MIN_SHRINKAGE = 1e-3
WIDE_RANK = 256
SLICED_AXES = 512


@dataclass(frozen=True)
class PrincipalAxes:
    """Principal axes of standardised rows, with shrunk variances.

    Parameters
    ----------
    vectors : ndarray of shape (n, n_axes), dtype float64
        Orthonormal columns, by decreasing variance.
    gains : ndarray of shape (n_axes,), dtype float64
        Factor that brings each axis to unit (shrunk) variance.
    tail_gain : float
        The same for every direction outside the axes.
    """

    vectors: np.ndarray
    gains: np.ndarray
    tail_gain: float

    @classmethod
    def from_data(cls, X):
        """Find the axes of standardised rows ``X`` of shape (n_samples, n)."""
        n_samples, n = X.shape
        vectors, variances = _full_axes(X) if n <= DENSE_LIMIT else _leading_axes(X)
        shrinkage = max(_ledoit_wolf_shrinkage(X), MIN_SHRINKAGE)
        left = n - len(variances)
        residual = max((X**2).sum() / n_samples - variances.sum(), 0.0)
        tail = (1 - shrinkage) * (residual / left if left else 0.0) + shrinkage
        shrunk = (1 - shrinkage) * variances + shrinkage
        return cls(vectors, shrunk**-0.5, float(tail**-0.5))


def _full_axes(X):
    variances, vectors = eigh(X.T @ X / len(X))
    return vectors[:, ::-1], np.maximum(variances[::-1], 0.0)


def _leading_axes(X):
    rank = min(WIDE_RANK, len(X) - 1)
    if len(X) > DENSE_LIMIT:
        _, singular, vectors = randomized_svd(X, rank, random_state=0)
        return vectors.T, singular**2 / len(X)
    # Few rows: the small Gram matrix has the same spectrum and takes no iterations.
    squares, rows = eigh(X @ X.T, subset_by_index=[len(X) - rank, len(X) - 1])
    if squares[-1] <= 0:
        return np.eye(X.shape[1], 1), np.zeros(1)
    kept = np.flatnonzero(squares > 1e-10 * squares[-1])[::-1]
    vectors = (X.T @ rows[:, kept]) / np.sqrt(squares[kept])
    return vectors, squares[kept] / len(X)


def _ledoit_wolf_shrinkage(X):
    """Ledoit and Wolf's (2004) shrinkage of the covariance of centred rows."""
    n_samples, n = X.shape
    gram = X @ X.T if n_samples < n else X.T @ X
    square = (gram**2).sum() / n_samples**2
    distance = square - (X**2).sum() ** 2 / (n_samples**2 * n)
    spread = ((X**2).sum(axis=1) ** 2).sum() / n_samples**2 - square / n_samples
    return min(1.0, spread / distance) if distance > 0 else 1.0


def linear_directions(U, gains, target, n_directions):
    """Directions that carry the label, those of linear models first.

    Classes: the span of multinomial logistic regressions. Numbers: partial least
    squares. After these, `curved_directions` of the remainder.

    Parameters
    ----------
    U : ndarray of shape (n_samples, n_axes)
        Rows on their principal axes.
    gains : ndarray of shape (n_axes,)
    target : Target
    n_directions : int
        At most ``n_axes``.

    Returns
    -------
    directions : ndarray of shape (n_axes, n_directions), dtype float64
        Orthonormal columns, among the whitened axes.
    """
    if target.is_numeric:
        first = _pls_directions(U, gains, target.outputs, n_directions)
    else:
        first = _logistic_directions(U, gains, target.outputs)
    first = first[:, :n_directions]
    if first.shape[1] == n_directions:
        return first
    rest = _sliced_directions(U * gains, target.slices(), first)
    return np.hstack([first, rest])[:, :n_directions]


def curved_directions(U, gains, target, n_directions):
    """Directions in which classes, or slices of a number, differ in covariance.

    Sliced average variance estimation (Cook and Weisberg 1991): what boundaries
    need that curve around the mean, where linear models see nothing. Parameters
    and result are those of `linear_directions`.
    """
    none = np.zeros((U.shape[1], 0))
    return _sliced_directions(U * gains, target.slices(), none)[:, :n_directions]


def _logistic_directions(U, gains, outputs):
    functionals = _logistic_functionals(U, outputs) / gains[:, None]
    left, singular, _ = np.linalg.svd(functionals, full_matrices=False)
    return left[:, singular > 1e-8 * singular.max(initial=1e-300)]


def _logistic_functionals(U, outputs):
    found = []
    for labels in outputs.T:
        if labels.min() == labels.max():
            continue
        model = LogisticRegression(C=LOGISTIC_C, max_iter=300)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            weights = model.fit(U, labels).coef_.T
        centred = weights - weights.mean(axis=1, keepdims=True)
        found.append(centred if weights.shape[1] > 1 else weights)
    return np.hstack(found) if found else np.eye(U.shape[1])[:, :1]


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
