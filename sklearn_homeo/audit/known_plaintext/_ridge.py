"""The regressions of the known-plaintext attacks."""

import numpy as np
from scipy.linalg import cho_factor, cho_solve, eigh
from sklearn.base import clone
from sklearn.metrics.pairwise import euclidean_distances

# Of ridge regressions on records, relative to the largest squared singular value.
PENALTIES = tuple(10.0**power for power in range(-8, 3))
_ROUND_OFF = 1e-7


class Spectrum:
    """Every ridge regression of X on Z, from one singular value decomposition."""

    def __init__(self, Z, X):
        self._Z_mean, self._X_mean = Z.mean(axis=0), X.mean(axis=0)
        left, values, right = np.linalg.svd(Z - self._Z_mean, full_matrices=False)
        # Directions at round-off level carry nothing and would blow up by whitening.
        floor = values[0] * max(Z.shape) * np.finfo(float).eps
        kept = values > floor
        self.rank = int(kept.sum())
        self._axes = right[kept].T / values[kept]
        self._strength = (values[kept] / max(values[0], np.finfo(float).tiny)) ** 2
        self._coefficients = left[:, kept].T @ (X - self._X_mean)
        self._unit = np.sqrt(len(Z))

    def whiten(self, Z):
        return (Z - self._Z_mean) @ self._axes * self._unit

    def predict(self, Z, view, penalty):
        strength = self._strength if view == "standardised" else 1.0
        shrinkage = strength / (strength + penalty)
        scores = (Z - self._Z_mean) @ self._axes * shrinkage
        return scores @ self._coefficients + self._X_mean


class LeftOutRidge:
    """Ridge regressions on the same records, and their leave-one-out predictions."""

    def __init__(self, X):
        self.mean = X.mean(axis=0)
        self.left, self.values, self.right = _decompose(X - self.mean)

    def shrinkage(self, penalty):
        return self.values**2 / (self.values**2 + penalty * self.values[0] ** 2)

    def predict(self, T, penalty):
        """Predictions of centred targets."""
        shrinkage = self.shrinkage(penalty)
        leverage = self.left**2 @ shrinkage + 1 / len(T)
        leverage = np.minimum(leverage, 1 - 1e-6)[:, None]
        fitted = self.left @ (shrinkage[:, None] * (self.left.T @ T))
        return (fitted - leverage * T) / (1 - leverage)

    def weights(self, T, penalty):
        coefficients = self.shrinkage(penalty)[:, None] * (self.left.T @ T)
        return self.right.T @ (coefficients / self.values[:, None])

    def best(self, T):
        """Left-out predictions, weights and penalties, each column by its own best."""
        predicted = np.empty_like(T)
        weights = np.empty((len(self.mean), T.shape[1]))
        least, chosen = np.full((2, T.shape[1]), np.inf)
        for penalty in PENALTIES:
            left_out = self.predict(T, penalty)
            errors = ((T - left_out) ** 2).sum(axis=0)
            better = errors < least
            least[better], chosen[better] = errors[better], penalty
            predicted[:, better] = left_out[:, better]
            weights[:, better] = self.weights(T[:, better], penalty)
        return predicted, weights, chosen


def _decompose(X):
    """Singular values of X, largest first, and the vectors on either side.

    They come from the smaller of the two matrices of products, which is several times
    as fast. It loses singular values that the least of `PENALTIES` removes.
    """
    if len(X) < X.shape[1]:
        right, values, left = _decompose(X.T)
        return left.T, values, right.T
    squares, vectors = eigh(X.T @ X)
    floor = _ROUND_OFF**2 * max(squares[-1], np.finfo(float).tiny)
    kept = np.flatnonzero(squares > floor)[::-1]
    values, right = np.sqrt(squares[kept]), vectors[:, kept]
    return X @ right / values, values, right.T


def rbf(A, B, gamma):
    """Gaussian kernel between the rows of two arrays."""
    return np.exp(-gamma * euclidean_distances(A, B, squared=True))


def median_off_diagonal(distances):
    """Median over pairs of different rows; never zero."""
    median = np.median(distances[np.triu_indices_from(distances, k=1)])
    return max(median, np.finfo(float).tiny)


def kernel_weights(kernel, X, penalty):
    """Dual coefficients of the kernel ridge regression of X."""
    penalised = kernel + penalty * np.eye(len(kernel))
    return cho_solve(cho_factor(penalised, overwrite_a=True), X)


def fit_predict(trees, Z, X, Z_target):
    """Grow trees on pairs and predict records of other ciphertexts."""
    fitted = clone(trees).fit(Z, X)
    # One thread: several add the trees' predictions up in an order that varies.
    return fitted.set_params(n_jobs=1).predict(Z_target).reshape(len(Z_target), -1)
