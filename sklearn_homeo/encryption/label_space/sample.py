"""Standardised rows and their target, as the finders of label directions see them."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy.linalg import eigh
from sklearn.utils.extmath import randomized_svd

from sklearn_homeo.encryption.label_space.target import Target

__all__ = ["LeadingAxes", "Sample", "balanced_rows"]

# Most principal axes among which curved directions are sought.
MOST_AXES = 128
# Beyond this many columns the leading axes are found by random projections.
DENSE_COLUMNS = 512
MIN_SHRINKAGE = 1e-3


@dataclass(frozen=True)
class LeadingAxes:
    """Leading principal axes of standardised rows.

    Parameters
    ----------
    vectors : ndarray of shape (n, n_axes), dtype float64
        Orthonormal columns, by decreasing variance.
    whitening : ndarray of shape (n_axes,), dtype float64
        Factor that brings each axis to unit (shrunk) variance.
    """

    vectors: np.ndarray
    whitening: np.ndarray

    @classmethod
    def from_rows(cls, X):
        """Find the axes of rows ``X`` of shape (n_samples, n)."""
        n_samples, n = X.shape
        rank = min(n, MOST_AXES, max(n_samples - 1, 1))
        if n <= DENSE_COLUMNS:
            variances, vectors = eigh(
                X.T @ X / n_samples, subset_by_index=[n - rank, n - 1]
            )
            variances, vectors = variances[::-1], vectors[:, ::-1]
        else:
            _, singular, vectors = randomized_svd(X, rank, random_state=0)
            variances, vectors = singular**2 / n_samples, vectors.T
        shrinkage = max(_ledoit_wolf_shrinkage(X), MIN_SHRINKAGE)
        variances = (1 - shrinkage) * np.maximum(variances, 0.0) + shrinkage
        return cls(vectors, variances**-0.5)


def _ledoit_wolf_shrinkage(X):
    """Ledoit and Wolf's (2004) shrinkage of the covariance of centred rows.

    By the smaller of the two matrices of products; scikit-learn's function takes the
    covariance column by column.
    """
    n_samples, n = X.shape
    gram = X @ X.T if n_samples < n else X.T @ X
    square = (gram**2).sum() / n_samples**2
    distance = square - (X**2).sum() ** 2 / (n_samples**2 * n)
    spread = ((X**2).sum(axis=1) ** 2).sum() / n_samples**2 - square / n_samples
    return min(1.0, spread / distance) if distance > 0 else 1.0


@dataclass(frozen=True)
class Sample:
    """Rows in random order, their principal axes and their target.

    Finders of label directions take a sample and how many directions are wanted, and
    return an array of shape (n, k) with at most that many columns, the most telling
    first: label coordinates of rows ``X`` are ``X @ directions``.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n), dtype float64
        Standardised rows.
    axes : LeadingAxes
        Axes of these rows or of similar ones.
    target : Target
    shared : dict
        What one finder computed and another can use.
    """

    X: np.ndarray
    axes: LeadingAxes
    target: Target
    shared: dict = field(default_factory=dict)

    def take(self, rows):
        """The sample of some rows, with the same axes."""
        return Sample(self.X[rows], self.axes, self.target.take(rows))

    def head(self, n_rows):
        """The first rows, which are as random as any."""
        return self if len(self.X) <= n_rows else self.take(slice(0, n_rows))

    @cached_property
    def on_axes(self):
        """Rows on the leading axes, each with its own variance."""
        return self.X @ self.axes.vectors

    @cached_property
    def white(self):
        """Rows on the leading axes, brought to one size."""
        return self.on_axes * self.axes.whitening

    def from_white(self, directions):
        """Directions among the white axes as directions among the columns."""
        return self.axes.vectors @ (self.axes.whitening[:, None] * directions)


def balanced_rows(target, most):
    """Indices of at most that many rows, in random order, with rare classes whole.

    Classes (of all outputs together) get equal shares as far as they have the rows;
    scores are of balanced classes and do not mind. Classes of fewer rows than folds
    need are left out.

    Parameters
    ----------
    target : Target
    most : int

    Returns
    -------
    rows : ndarray of shape (n_rows,), dtype int64
    """
    order = np.random.RandomState(0).permutation(len(target.outputs))
    order = order[target.common_rows()[order]]
    if len(order) <= most:
        return order
    if target.is_numeric:
        return order[:most]
    groups = np.unique(target.outputs[order], axis=0, return_inverse=True)[1].ravel()
    # A row's place among the rows of its class: first of each class, second of each ...
    place = np.empty(len(groups), dtype=np.int64)
    by_group = np.argsort(groups, kind="stable")
    sizes = np.bincount(groups)
    starts = np.repeat(np.cumsum(sizes) - sizes, sizes)
    place[by_group] = np.arange(len(groups)) - starts
    return order[np.sort(np.argsort(place, kind="stable")[:most])]
