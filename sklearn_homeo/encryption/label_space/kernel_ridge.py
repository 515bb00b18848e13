"""Ridge regression on Gaussian kernels of landmarks, in real numbers."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import solve_triangular

__all__ = ["KernelRidge", "kernel_of_pairs", "squared_distances"]

PENALTIES = 10.0 ** np.arange(-3, 2)
# A weaker penalty must gain more than that: the more rows are fitted, the less their
# scores are like those of others.
_WORTHWHILE = 0.97
# On the diagonal of the landmarks' kernel: equal landmarks do no harm, and weights stay
# so small that rounding the landmarks' places does none either.
_JITTER = 1e-3
# Kernels that are worked on at a time.
_FITTED_KERNELS = 2**18


def kernel_of_pairs(points):
    return np.exp(-np.maximum(squared_distances(points, points), 0.0))


def squared_distances(points, landmarks):
    """Exact for integers of magnitude 2**20 at most in 1,024 columns or fewer."""
    squares = points @ (-2.0 * landmarks.T)
    squares += (points**2).sum(axis=1)[:, None]
    squares += (landmarks**2).sum(axis=1)
    return squares


@dataclass(frozen=True, eq=False)
class KernelRidge:
    """Kernel ridge regression on landmarks, on features of which none tells of another.

    Parameters
    ----------
    factor : float
        What squared distances are multiplied by.
    turn : ndarray of shape (n_landmarks, n_landmarks)
        From kernels to features.
    shrunk : ndarray of shape (n_landmarks, n_penalties)
        Shares of the features' covariances with the targets, for each penalty.
    coefficients : ndarray of shape (n_landmarks, n_penalties, n_targets)
    error : float
        Sum of squared errors of left-out rows.
    """

    factor: float
    turn: np.ndarray
    shrunk: np.ndarray
    coefficients: np.ndarray
    error: float = np.inf

    @classmethod
    def fit(cls, squares, factor, targets, rows):
        """Fit it with all penalties, from one decomposition, and take the best."""
        kernel = np.exp(squares[rows] * factor) + _JITTER * np.eye(len(rows))
        triangle = np.linalg.cholesky(kernel).T
        gram, moments = np.zeros_like(kernel), np.zeros((len(rows), targets.shape[1]))
        for some in _in_cache(squares):
            kernel = np.exp(squares[some] * factor)
            gram += kernel.T @ kernel
            moments += kernel.T @ targets[some]
        # Of features that are the kernel times the inverse of the triangle.
        half = _solved(triangle, gram, trans="T")
        spectrum, turn = np.linalg.eigh(_solved(triangle, half.T, trans="T"))
        turn = _solved(triangle, turn)
        shrunk = 1.0 / (np.maximum(spectrum, 0.0)[:, None] + PENALTIES[::-1])
        coefficients = shrunk[:, :, None] * (turn.T @ moments)[:, None]
        return cls(factor, turn, shrunk, coefficients)._with_best(squares, targets)

    def _with_best(self, squares, targets):
        """The same with the penalty of least error."""
        errors = np.zeros(self.shrunk.shape[1])
        for some, left_out in self._pieces(squares, targets):
            errors += ((left_out - targets[some, None]) ** 2).sum(axis=(0, 2))
        best = 0
        for i, error in enumerate(errors):
            if error < _WORTHWHILE * errors[best]:
                best = i
        one = slice(best, best + 1)
        return replace(
            self,
            shrunk=self.shrunk[:, one],
            coefficients=self.coefficients[:, one],
            error=float(errors[best]),
        )

    def left_out(self, squares, targets):
        """What would be predicted of each row, with the best penalty, without it."""
        pieces = [left_out[:, 0] for _, left_out in self._pieces(squares, targets)]
        return np.concatenate(pieces)

    def without(self, squares, targets, parts):
        """Return what the coefficients would be without each part of the rows.

        Parameters
        ----------
        squares : ndarray of shape (n_samples, n_landmarks), dtype float64
        targets : ndarray of shape (n_samples, n_targets), dtype float64
        parts : ndarray of shape (n_samples,), dtype int64
            The part of each row, from 0.

        Returns
        -------
        coefficients : ndarray of shape (n_parts, n_landmarks, n_targets)
            With the best penalty.
        held_out : ndarray of shape (n_samples, n_targets)
            What is predicted of each row by the coefficients without its part.
        """
        found = np.repeat(self.coefficients[None, :, 0], parts.max() + 1, axis=0)
        held_out = np.empty_like(targets)
        for part in range(len(found)):
            rows = np.flatnonzero(parts == part)
            features = np.exp(squares[rows] * self.factor) @ self.turn
            shrunk = features * self.shrunk[:, 0]
            # Rows that are taken away from the normal equations (Woodbury's identity).
            left = np.eye(len(rows)) - shrunk @ features.T
            errors = targets[rows] - features @ found[part]
            errors = np.linalg.solve(left, errors)
            held_out[rows] = targets[rows] - errors
            found[part] -= shrunk.T @ errors
        return found, held_out

    def _pieces(self, squares, targets):
        """Yield which rows, and what would be predicted of them with each penalty."""
        flat = self.coefficients.reshape(len(self.turn), -1)
        for some in _in_cache(squares):
            features = np.exp(squares[some] * self.factor) @ self.turn
            fitted = (features @ flat).reshape(-1, *self.coefficients.shape[1:])
            leverage = np.minimum(features**2 @ self.shrunk, 0.999)[:, :, None]
            yield some, (fitted - leverage * targets[some, None]) / (1.0 - leverage)


def _in_cache(kernels):
    """Slices of so few rows that what is worked out of them stays in the cache."""
    size = max(_FITTED_KERNELS // kernels.shape[1], 1)
    return [slice(start, start + size) for start in range(0, len(kernels), size)]


def _solved(triangle, right, trans="N"):
    return solve_triangular(triangle, right, trans=trans, check_finite=False)
