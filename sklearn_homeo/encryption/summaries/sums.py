"""Sums over rows, exact in integers, and what least squares need of them."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import eigh

__all__ = ["FOLDS", "FoldSums", "exact_product", "fold_sums"]

# Every owner's rows are dealt into so many parts, class by class: what is learnt from
# the others' sums is scored on the sums of each.
FOLDS = 3
_EXACT_BITS = 53


def exact_product(left, right, bits):
    """Return ``left.T @ right`` of integers, the same in any order of rows.

    Parameters
    ----------
    left, right : ndarray of shape (n_samples, p) and (n_samples, q), dtype float64
        Integers.
    bits : int
        A product of two of their entries is at most ``2**bits`` in magnitude.

    Returns
    -------
    product : ndarray of shape (p, q), dtype int64

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo.encryption.summaries.sums import exact_product
    >>> exact_product(np.array([[1.0], [2.0]]), np.array([[3.0], [4.0]]), 3)
    array([[11]])
    """
    n_rows = 2 ** (_EXACT_BITS - bits)
    total = np.zeros((left.shape[1], right.shape[1]), np.int64)
    for start in range(0, len(left), n_rows):
        piece = slice(start, start + n_rows)
        total += (left[piece].T @ right[piece]).astype(np.int64)
    return total


def fold_sums(features, targets, folds, feature_bits, target_bits):
    """Return first and second moments of features and targets in each fold.

    Parameters
    ----------
    features : ndarray of shape (n_samples, d), dtype float64
        Integers of magnitude ``2**feature_bits`` at most.
    targets : ndarray of shape (n_samples, t), dtype float64
        Integers of magnitude ``2**target_bits`` at most.
    folds : ndarray of shape (n_samples,), dtype int64

    Returns
    -------
    sums : dict of str to ndarray, dtype int64
        Second moments are upper triangles.
    """
    bits = {"features": feature_bits, "targets": target_bits, "one": 0}
    found = {}
    for fold in range(FOLDS):
        rows = folds == fold
        parts = {
            "features": features[rows],
            "targets": targets[rows],
            "one": np.ones((rows.sum(), 1)),
        }
        for name, (left, right) in _MOMENTS.items():
            product = exact_product(parts[left], parts[right], bits[left] + bits[right])
            if left == right:
                product = product[np.triu_indices(len(product))]
            found.setdefault(name, []).append(product)
    return {name: np.stack(products) for name, products in found.items()}


_MOMENTS = {
    "gram": ("features", "features"),
    "cross": ("features", "targets"),
    "target_gram": ("targets", "targets"),
    "sums": ("one", "features"),
    "target_sums": ("one", "targets"),
    "counts": ("one", "one"),
}


@dataclass(frozen=True, eq=False)
class FoldSums:
    """Moments in each fold, in real numbers.

    Parameters
    ----------
    gram : ndarray of shape (n_folds, d, d)
    cross : ndarray of shape (n_folds, d, t)
    target_gram : ndarray of shape (n_folds, t, t)
    sums : ndarray of shape (n_folds, d)
    target_sums : ndarray of shape (n_folds, t)
    counts : ndarray of shape (n_folds,)
    """

    gram: np.ndarray
    cross: np.ndarray
    target_gram: np.ndarray
    sums: np.ndarray
    target_sums: np.ndarray
    counts: np.ndarray

    @classmethod
    def from_totals(cls, totals, feature_step, target_step):
        """Take the totals of `fold_sums` over all owners, with what 1 is worth."""
        return cls(
            _square(totals["gram"]) * feature_step**2,
            totals["cross"] * (feature_step * target_step),
            _square(totals["target_gram"]) * target_step**2,
            totals["sums"][:, 0] * feature_step,
            totals["target_sums"][:, 0] * target_step,
            totals["counts"][:, 0].astype(np.float64),
        )

    def possible(self, noise):
        """The nearest moments that rows can have, if noise was added to these.

        Parameters
        ----------
        noise : float
            Its standard deviation in entries of the second moments: features along
            which rows vary no more than noise does must not decide anything.
        """
        parts = [_possible(*self.part(fold)) for fold in range(len(self.counts))]
        d = self.sums.shape[1]
        for gram, *_ in parts:
            gram[np.diag_indices(d)] += noise * np.sqrt(d)
        return FoldSums(*(np.stack(one) for one in zip(*parts, strict=True)))

    def of_features(self, places):
        """The moments of some of the features."""
        pairs = np.ix_(range(len(self.gram)), places, places)
        return FoldSums(
            self.gram[pairs],
            self.cross[:, places],
            self.target_gram,
            self.sums[:, places],
            self.target_sums,
            self.counts,
        )

    def mapped(self, matrix):
        """The moments of the first features times a square matrix, and the others."""
        first, gram = slice(len(matrix)), self.gram.copy()
        gram[:, first] = matrix.T @ gram[:, first]
        gram[:, :, first] = gram[:, :, first] @ matrix
        cross, sums = self.cross.copy(), self.sums.copy()
        cross[:, first] = matrix.T @ cross[:, first]
        sums[:, first] = sums[:, first] @ matrix
        return replace(self, gram=gram, cross=cross, sums=sums)

    def part(self, fold):
        """Moments of one fold, as a tuple in the order of the fields."""
        return tuple(value[fold] for value in vars(self).values())

    def all_but(self, fold):
        """Moments of the other folds; of all, if `fold` is None."""
        kept = [i for i in range(len(self.counts)) if i != fold]
        return tuple(value[kept].sum(axis=0) for value in vars(self).values())


def _square(triangles):
    """Symmetric matrices of their upper triangles."""
    d = int((np.sqrt(8 * triangles.shape[1] + 1) - 1) / 2)
    full = np.zeros((len(triangles), d, d))
    upper = np.triu_indices(d)
    full[:, upper[0], upper[1]] = triangles
    full[:, upper[1], upper[0]] = triangles
    return full


def _possible(gram, cross, target_gram, sums, target_sums, count):
    """Moments of one fold, as one matrix without negative eigenvalues."""
    d, t = cross.shape
    joint = np.block(
        [
            [gram, cross, sums[:, None]],
            [cross.T, target_gram, target_sums[:, None]],
            [sums[None], target_sums[None], np.full((1, 1), count)],
        ]
    )
    values, vectors = eigh(joint)
    joint = (vectors * np.maximum(values, 0.0)) @ vectors.T
    own, others = slice(d), slice(d, d + t)
    return (
        joint[own, own],
        joint[own, others],
        joint[others, others],
        joint[own, -1],
        joint[others, -1],
        joint[-1, -1],
    )
