"""The finders of label directions, by name, and their unions."""

from typing import NamedTuple

import numpy as np

from sklearn_homeo.encryption.label_space.columns import (
    boosting_columns,
    forest_columns,
)
from sklearn_homeo.encryption.label_space.directional_regression import (
    directional_directions,
)
from sklearn_homeo.encryption.label_space.gradients import (
    gradient_columns,
    gradient_directions,
)
from sklearn_homeo.encryption.label_space.linear import (
    can_spare,
    linear_directions,
    partial_least_squares,
    sparing_directions,
)
from sklearn_homeo.encryption.label_space.sliced import sliced_directions

__all__ = [
    "BY_COLUMN",
    "FINDERS",
    "UNIONS",
    "Found",
    "completed",
    "find",
    "suitable_finders",
]

# To add one: a function of a sample and a number of directions, and a line here.
FINDERS = {
    "linear": linear_directions,
    "sparing": sparing_directions,
    "least squares": partial_least_squares,
    "gradient columns": gradient_columns,
    "gradients": gradient_directions,
    "boosting columns": boosting_columns,
    "forest columns": forest_columns,
    "directional": directional_directions,
    "sliced": sliced_directions,
}
# The first one's directions, then those of the others in turn.
UNIONS = {
    "linear + sliced": ("linear", "sliced"),
    "linear + gradients": ("linear", "gradients"),
    "linear + columns": ("linear", "boosting columns"),
    "linear + gradients + columns": ("linear", "gradients", "boosting columns"),
}
# More of one finder are never of use.
MOST_DIRECTIONS = 128
BY_COLUMN = {"gradient columns", "boosting columns", "forest columns"}


class Found(NamedTuple):
    """Directions, the most telling first, and which of them are columns as they are.

    Parameters
    ----------
    vectors : ndarray of shape (n, k), dtype float64
    by_column : ndarray of shape (k,), dtype bool
    """

    vectors: np.ndarray
    by_column: np.ndarray

    def first(self, width):
        """The first directions."""
        return Found(self.vectors[:, :width], self.by_column[:width])

    def turned(self):
        """With the largest weight of each positive, whatever the machine made it."""
        sizes = np.abs(self.vectors)
        # Of weights as good as equal the first, whatever rounding says.
        row = np.argmax(sizes > 0.999 * sizes.max(axis=0, initial=0.0), axis=0)
        signs = np.sign(self.vectors[row, np.arange(sizes.shape[1])])
        return self._replace(vectors=self.vectors * np.where(signs == 0, 1.0, signs))


def suitable_finders(sample):
    """Names of finders and unions that are of use for the sample's target.

    Parameters
    ----------
    sample : Sample

    Returns
    -------
    names : list of str
    """
    skipped = set()
    if not can_spare(sample.X.shape[1], sample.target):
        skipped.add("sparing")
    if not sample.target.is_numeric:
        skipped.add("least squares")
    return [name for name in (*FINDERS, *UNIONS) if name not in skipped]


def find(name, sample, n_directions):
    """Directions of one finder or union.

    Parameters
    ----------
    name : str
        A key of `FINDERS` or `UNIONS`.
    sample : Sample
    n_directions : int
        At most ``n``.

    Returns
    -------
    found : Found
        Linearly independent on the sample; perhaps fewer than wanted. Signs do not
        depend on the machine: each direction's largest weight is positive.
    """
    if name in UNIONS:
        return _union(UNIONS[name], sample, n_directions)
    if (name, "found") not in sample.shared:
        vectors = FINDERS[name](sample, min(sample.X.shape[1], MOST_DIRECTIONS))
        vectors = vectors[:, _independent(sample, vectors)]
        by_column = np.full(vectors.shape[1], name in BY_COLUMN)
        sample.shared[name, "found"] = Found(vectors, by_column).turned()
    return sample.shared[name, "found"].first(n_directions)


def completed(found, sample, width):
    """Directions, followed by principal ones up to `width`.

    Parameters
    ----------
    found : Found
    sample : Sample
    width : int

    Returns
    -------
    found : Found
        With fewer directions only if the sample has no more.
    """
    if found.vectors.shape[1] >= width:
        return found.first(width)
    vectors = np.hstack([found.vectors, sample.axes.vectors])
    kept = _independent(sample, vectors)
    if len(kept) < width:
        vectors = np.hstack([vectors, np.eye(len(vectors))])
        kept = _independent(sample, vectors)
    kept = kept[:width]
    flags = np.zeros(vectors.shape[1], dtype=bool)
    flags[: len(found.by_column)] = found.by_column
    return Found(vectors[:, kept], flags[kept]).turned()


def _union(names, sample, n_directions):
    first, *others = (find(name, sample, MOST_DIRECTIONS) for name in names)
    most = max(other.vectors.shape[1] for other in others)
    # Taken in turn: first of each, second of each ...
    turns = [(i, other) for i in range(most) for other in others]
    turns = [(i, other) for i, other in turns if i < other.vectors.shape[1]]
    vectors = [first.vectors, *(other.vectors[:, i : i + 1] for i, other in turns)]
    flags = [first.by_column, *(other.by_column[i : i + 1] for i, other in turns)]
    # More than are wanted, since some may depend on others.
    most = 2 * n_directions + first.vectors.shape[1]
    vectors, flags = np.hstack(vectors)[:, :most], np.concatenate(flags)[:most]
    kept = _independent(sample, vectors)[:n_directions]
    return Found(vectors[:, kept], flags[kept])


def _independent(sample, vectors):
    """Indices of directions that are not combinations of earlier ones on the sample."""
    S = sample.X @ vectors
    sizes = np.linalg.norm(S, axis=0)
    usable = np.flatnonzero(sizes > 1e-9 * sizes.max(initial=1e-300))
    triangle = np.linalg.qr(S[:, usable] / sizes[usable], mode="r")
    own = np.zeros(len(usable))
    own[: len(triangle)] = np.abs(triangle.diagonal())
    return usable[own > 1e-4]
