"""Penalised least squares from sums, and class logits of what they predict."""

import functools
from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from sklearn_homeo._utils.threads import single_threaded_blas
from sklearn_homeo.encryption.summaries.sums import FOLDS

__all__ = [
    "IMPOSSIBLE",
    "Ridge",
    "ScoreMoments",
    "class_blocks",
    "fit_ridge",
    "is_single_label",
    "score_moments",
]

# Times the mean variance of a feature.
PENALTIES = np.geomspace(10.0, 1e-6, 15)
# A weaker penalty must gain more than that: the more rows are fitted, the less their
# scores are like those of others.
_WORTHWHILE = 0.98
# Of the variance of a score: what keeps scores that tell each other apart.
_JITTER = 1e-3
IMPOSSIBLE = (
    "No rows can have these sums: an owner has sent wrong ones, or noise that the plan "
    "does not know of."
)


@dataclass(frozen=True, eq=False)
class Ridge:
    """Weights that were fitted to all folds but one, and to all.

    Parameters
    ----------
    weights : ndarray of shape (n_folds + 1, d, t)
        Fold by fold those that never saw it; the last of all rows.
    offsets : ndarray of shape (n_folds + 1, t)
    error : float
        Squared error on left-out folds, a row's mean over the outputs.
    fresh_error : float
        The same on the first fold alone, from which no metric is learnt.
    penalty : float
        Times the mean variance of a feature.
    """

    weights: np.ndarray
    offsets: np.ndarray
    error: float
    fresh_error: float
    penalty: float


def fit_ridge(sums, near=None):
    """Fit with the penalty of least squared error on left-out folds.

    Parameters
    ----------
    sums : FoldSums
    near : float, default=None
        The penalty where the search begins, of features like these.

    Returns
    -------
    ridge : Ridge

    Raises
    ------
    ValueError
        If no rows can have such sums.
    """
    parts = [sums.part(fold) for fold in range(FOLDS)]
    with single_threaded_blas():
        systems = [_System(sums.all_but(fold)) for fold in range(FOLDS)]

        @functools.cache
        def errors(place):
            pairs = zip(systems, parts, strict=True)
            return np.array(
                [
                    _squared_error(*system.weights(PENALTIES[place]), part)
                    for system, part in pairs
                ]
            )

        start = len(PENALTIES) // 2
        if near is not None:
            start = int(np.argmin(np.abs(np.log(PENALTIES / near))))
        best = _best_place(lambda place: errors(place).sum(), start)
        penalty, systems = PENALTIES[best], [*systems, _System(sums.all_but(None))]
        fitted = [system.weights(penalty) for system in systems]
    weights, offsets = (np.stack(one) for one in zip(*fitted, strict=True))
    n_outputs = sums.target_sums.shape[1]
    error = errors(best).sum() / (sums.counts.sum() * n_outputs)
    fresh = errors(best)[0] / (sums.counts[0] * n_outputs)
    return Ridge(weights, offsets, float(error), float(fresh), float(penalty))


def _best_place(error, start):
    """The strongest penalty that errs hardly more than the best: down the hill."""
    best, last = start, len(PENALTIES) - 1
    for step in (1, -1):
        while 0 <= best + step <= last and error(best + step) < error(best):
            best += step
    least = error(best)
    while best > 0 and _WORTHWHILE * error(best - 1) <= least:
        best -= 1
    return best


class _System:
    """Centred moments, ready for any penalty."""

    def __init__(self, moments):
        gram, cross, _, sums, target_sums, count = moments
        self.mean, self.target_mean = sums / count, target_sums / count
        self.covariance = gram / count - np.outer(self.mean, self.mean)
        self.scale = max(np.trace(self.covariance) / len(gram), 1e-12)
        self.products = cross / count - np.outer(self.mean, self.target_mean)

    def weights(self, penalty):
        shrunk = self.covariance.copy()
        shrunk[np.diag_indices(len(shrunk))] += penalty * self.scale
        try:
            factor = cho_factor(shrunk, overwrite_a=True, check_finite=False)
        except LinAlgError:
            raise ValueError(IMPOSSIBLE) from None
        weights = cho_solve(factor, self.products, check_finite=False)
        return weights, self.target_mean - self.mean @ weights


def _squared_error(weights, offsets, moments):
    gram, cross, target_gram, sums, target_sums, count = moments
    error = np.trace(target_gram) - 2 * (weights * cross).sum()
    error += (weights * (gram @ weights)).sum() - 2 * offsets @ target_sums
    return error + 2 * offsets @ (weights.T @ sums) + count * offsets @ offsets


@dataclass(frozen=True, eq=False)
class ScoreMoments:
    """Moments of what weights predict of left-out rows.

    Parameters
    ----------
    means : ndarray of shape (n_classes, t) or (1, t)
        Means over the rows of each class of each output; over all rows for numbers.
    second : ndarray of shape (t, t)
        Second moment of all rows.
    counts : ndarray of shape (n_classes,) or (1,)
    sizes : tuple of int or None
        Number of classes of each output; None for numbers.
    """

    means: np.ndarray
    second: np.ndarray
    counts: np.ndarray
    sizes: tuple | None

    def logits(self):
        """Return the linear function that turns scores into logits of the classes.

        It comes from LDA of each output. Numbers stay.

        Returns
        -------
        matrix : ndarray of shape (t, t)
        offsets : ndarray of shape (t,)
        """
        t = len(self.second)
        matrix, offsets = np.eye(t), np.zeros(t)
        for block in class_blocks(self.sizes):
            means, within = self.means[block, block], self._within(block)
            jitter = _JITTER * max(np.trace(within) / len(within), 1e-9)
            found = np.linalg.solve(within + jitter * np.eye(len(within)), means.T)
            shares = np.maximum(self.counts[block], 0.5) / self.counts[block].sum()
            matrix[block, block] = found
            offsets[block] = np.log(shares) - (means * found.T).sum(axis=1) / 2
        return matrix, offsets

    def state(self):
        """Return what it was made of, by name, but for the sizes."""
        return {"means": self.means, "second": self.second, "counts": self.counts}

    def spread(self):
        """Return mean scores of each class, and how scores spread around them.

        Several outputs, and numbers, count as one class.

        Returns
        -------
        means : ndarray of shape (n_groups, t)
        covariance : ndarray of shape (t, t)
        shares : ndarray of shape (n_groups,)
            Parts of the rows that are theirs.
        """
        shares = self.counts / self.counts.sum()
        if is_single_label(self.sizes):
            return self.means, self._within(slice(None)), shares
        means = shares[None] @ self.means
        return means, self.second - means.T @ means, np.ones(1)

    def _within(self, block):
        means, counts = self.means[block, block], self.counts[block]
        between = (means.T * (counts / counts.sum())) @ means
        return self.second[block, block] - between


def score_moments(ridge, sums, sizes):
    """Return the moments of scores of left-out rows.

    Parameters
    ----------
    ridge : Ridge
    sums : FoldSums
    sizes : tuple of int or None

    Returns
    -------
    moments : ScoreMoments
    """
    t = sums.cross.shape[2]
    by_class, second = np.zeros((t, t)), np.zeros((t, t))
    whole, count = np.zeros(t), sums.counts.sum()
    for fold in range(FOLDS):
        gram, cross, _, total, target_sums, n_rows = sums.part(fold)
        weights, offsets = ridge.weights[fold], ridge.offsets[fold]
        by_class += cross.T @ weights + np.outer(target_sums, offsets)
        mixed = np.outer(weights.T @ total, offsets)
        second += weights.T @ gram @ weights + mixed + mixed.T
        second += n_rows * np.outer(offsets, offsets)
        whole += weights.T @ total + n_rows * offsets
    if sizes is None:
        return ScoreMoments(whole[None] / count, second / count, np.ones(1), None)
    counts = np.rint(sums.target_sums.sum(axis=0))
    return ScoreMoments(by_class / counts[:, None], second / count, counts, sizes)


def class_blocks(sizes):
    """Return where the classes of each output lie among all classes, as slices."""
    sizes = sizes or ()
    ends = zip(np.cumsum(sizes), sizes, strict=True)
    return [slice(int(end) - size, int(end)) for end, size in ends]


def is_single_label(sizes):
    """Return whether there is one output, and it has classes."""
    return sizes is not None and len(sizes) == 1
