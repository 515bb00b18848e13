"""The views of cells: how often each class has each of few different rows."""

from dataclasses import dataclass

import numpy as np

__all__ = ["Categories", "fit_categories"]

# Rows that share a view on average, from which on views are those of cells.
_ROWS_PER_CATEGORY = 10


@dataclass(frozen=True)
class Categories:
    """Different rows, and their shares in each class.

    Parameters
    ----------
    rows : ndarray of shape (n_categories, n_features), dtype float64
    shares : ndarray of shape (n_classes, n_categories), dtype float64
        Rows sum to 1.
    """

    rows: np.ndarray
    shares: np.ndarray

    @property
    def n_directions(self):
        """None: a category is shared by many rows and describes none of them."""
        return 0

    def sample(self, code, n, rng):
        """Draw rows of shape (n, n_features) of a class."""
        return self.rows[rng.choice(len(self.rows), size=n, p=self.shares[code])]


def fit_categories(X, codes):
    """Count the different rows of each class, if there are few.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype float64
    codes : ndarray of shape (n_samples,), dtype int

    Returns
    -------
    density : Categories or None
        None if fewer than ten rows share a row's values on average.
    """
    rows, category = np.unique(X, axis=0, return_inverse=True)
    if len(rows) * _ROWS_PER_CATEGORY > len(X):
        return None
    counts = np.zeros((codes.max() + 1, len(rows)))
    np.add.at(counts, (codes, category.reshape(-1)), 1)
    return Categories(rows, counts / counts.sum(axis=1, keepdims=True))
