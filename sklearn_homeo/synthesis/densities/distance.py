"""Keeping synthetic rows away from real ones."""

import numpy as np
from sklearn.neighbors import NearestNeighbors

__all__ = ["Exclusion", "fit_exclusion"]

_MAX_ROUNDS = 100


class Exclusion:
    """Real rows, and the distance to keep from each.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype float64
        Real rows of all classes.
    radius : float
    """

    def __init__(self, X, radius):
        self.radius = radius
        self._neighbours = NearestNeighbors(n_neighbors=1).fit(X)

    def draw(self, sample, n):
        """Draw n rows, drawing again those that are too near to a real row.

        Parameters
        ----------
        sample : callable
            From a number of rows to rows of shape (n, n_features).
        n : int

        Returns
        -------
        rows : ndarray of shape (n, n_features), dtype float64
        n_redrawn : int
        """
        rows, n_redrawn = sample(n), 0
        near = np.flatnonzero(self._is_near(rows))
        for _ in range(_MAX_ROUNDS):
            if len(near) == 0:
                return rows, n_redrawn
            n_redrawn += len(near)
            rows[near] = sample(len(near))
            near = near[self._is_near(rows[near])]
        raise ValueError(
            f"{len(near)} of {n} synthetic rows were nearer than {self.radius:.3g} to "
            f"a real row in each of {_MAX_ROUNDS} draws. Set min_distance to a "
            "smaller quantile."
        )

    def _is_near(self, rows):
        if len(rows) == 0:
            return np.zeros(0, dtype=bool)
        return self._neighbours.kneighbors(rows)[0][:, 0] < self.radius


def fit_exclusion(X, quantile):
    """Exclude what is nearer to a real row than real rows are to each other.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype float64
    quantile : float
        Quantile of the distances of real rows to the nearest other real row.

    Returns
    -------
    exclusion : Exclusion
    """
    nearest = NearestNeighbors(n_neighbors=1).fit(X).kneighbors()[0][:, 0]
    return Exclusion(X, float(np.quantile(nearest, quantile)))
