"""The label as the encryptor sees it: classes or numbers, one or more outputs."""

import warnings
from dataclasses import dataclass
from numbers import Real

import numpy as np
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import assert_all_finite

from sklearn_homeo._utils.labels import check_one_each, missing_labels

__all__ = ["Target", "are_numbers", "check_target"]

# One row of each class for every fold.
MIN_CLASS_ROWS = 3


@dataclass(frozen=True)
class Target:
    """Classes or numbers that the preserved directions must tell.

    Parameters
    ----------
    outputs : ndarray of shape (n_samples, n_outputs)
        Class codes, or standardised numbers.
    is_numeric : bool
    """

    outputs: np.ndarray
    is_numeric: bool

    @classmethod
    def from_labels(cls, y, is_numeric):
        """Encode ``y`` of shape (n_samples,) or (n_samples, n_outputs)."""
        columns = np.asarray(y)
        columns = columns[:, None] if columns.ndim == 1 else columns
        if is_numeric:
            columns = columns.astype(np.float64)
            scale = columns.std(axis=0)
            centred = columns - columns.mean(axis=0)
            return cls(centred / np.where(scale > 0, scale, 1.0), True)
        codes = [np.unique(c, return_inverse=True)[1] for c in columns.T]
        return cls(np.column_stack(codes), False)

    def take(self, rows):
        """The target of some rows."""
        return Target(self.outputs[rows], self.is_numeric)

    def n_directions(self, n_axes):
        """How many directions the label itself spans, at most."""
        if self.is_numeric:
            return min(self.outputs.shape[1], n_axes)
        return min(int((self.outputs.max(axis=0)).sum()), n_axes)

    def common_rows(self):
        """Mask of rows whose classes all have at least `MIN_CLASS_ROWS` rows."""
        if self.is_numeric:
            return np.ones(len(self.outputs), dtype=bool)
        counts = [np.bincount(column)[column] for column in self.outputs.T]
        return np.min(counts, axis=0) >= MIN_CLASS_ROWS

    def recoded(self):
        """The same classes, numbered without gaps."""
        return Target.from_labels(self.outputs, self.is_numeric)

    def is_trivial(self):
        """Whether too little is left to probe with."""
        few = len(self.outputs) < 2 * MIN_CLASS_ROWS
        return few or bool((np.ptp(self.outputs, axis=0) == 0).any())

    def indicators(self):
        """One column per class of every output."""
        return np.hstack([np.eye(c.max() + 1)[c] for c in self.outputs.T])

    def slices(self):
        """Labels by which to slice the rows, one array per output."""
        if not self.is_numeric:
            return list(self.outputs.T)
        n_slices = int(np.clip(len(self.outputs) // 20, 2, 8))
        ranks = np.argsort(np.argsort(self.outputs, axis=0, kind="stable"), axis=0)
        return list((ranks * n_slices // len(ranks)).T)

    def strata(self):
        """Labels for stratified folds."""
        return self.slices()[0]


def check_target(X, y, target_type):
    """Check ``y`` against ``X`` and encode it.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    target_type : {"auto", "discrete", "continuous"}

    Returns
    -------
    target : Target

    Raises
    ------
    ValueError
        If lengths differ, values are missing, or there is one value only.
    """
    check_one_each(X, y)
    y = np.asarray(y)
    if y.ndim > 2 or y.size == 0:
        raise ValueError(f"y must have one or two dimensions, got shape {y.shape}.")
    _check_missing(y)
    if y.dtype.kind == "O" and all(isinstance(value, Real) for value in y.ravel()):
        y = y.astype(np.float64)
    if y.dtype.kind not in "biufOSU":
        raise ValueError(f"y must hold classes or numbers, got dtype {y.dtype}.")
    try:
        target = Target.from_labels(y, are_numbers(y, target_type))
    except TypeError as error:
        raise ValueError(
            f"y mixes labels that cannot be ordered ({error}); make them all strings "
            "or all numbers."
        ) from None
    if np.ptp(target.outputs, axis=0).max() == 0:
        raise ValueError(
            "The target y has only 1 class (or one value); the directions that carry "
            "the label need at least 2. Pass other rows, or set n_preserved to an "
            "integer and y to None."
        )
    return target


def _check_missing(y):
    if y.dtype.kind == "f":
        assert_all_finite(y, input_name="y")
    elif missing_labels(y).any():
        raise ValueError("Input y contains missing values; drop these rows.")


def are_numbers(y, target_type):
    """Whether labels are numbers, not classes; ``target_type`` as of the encryptor."""
    if target_type == "auto":
        return y.dtype.kind in "iuf" and _is_continuous(y)
    if target_type == "continuous" and y.dtype.kind not in "biuf":
        raise ValueError(
            f'target_type="continuous" needs numbers in y, got dtype {y.dtype}.'
        )
    return target_type == "continuous"


def _is_continuous(y):
    """Whether numbers are meant as numbers, by their type or by how many differ."""
    with warnings.catch_warnings():
        # That many classes may be numbers is decided below.
        warnings.simplefilter("ignore", UserWarning)
        kind = type_of_target(y, input_name="y", raise_unknown=True)
    if kind.startswith("continuous"):
        return True
    n_values = max(len(np.unique(column)) for column in y.reshape(len(y), -1).T)
    return n_values > max(20, len(y) / 10)
