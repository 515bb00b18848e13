"""One owner's rows and labels, checked against the plan."""

from dataclasses import dataclass

import numpy as np

from sklearn_homeo._utils.arrays import to_numpy
from sklearn_homeo._utils.labels import missing_labels
from sklearn_homeo._utils.rows import (
    as_float_rows,
    check_finite,
    column_name,
    is_tensor,
)
from sklearn_homeo.ciphers.base import RowOutOfRange, Workspace
from sklearn_homeo.ciphers.lattice import Lattice
from sklearn_homeo.encryption.label_space.classifiers import indicators
from sklearn_homeo.encryption.summaries.ranges import HIGHEST
from sklearn_homeo.encryption.summaries.sums import FOLDS

__all__ = [
    "COARSE_BITS",
    "COARSE_STEP",
    "VALUE_BITS",
    "VALUE_STEP",
    "OwnRows",
    "coarsened",
    "own_rows",
]

# Standardised rows in steps of 2**-12 up to 32 standard deviations; where products of
# three are summed up, in steps of 2**-6.
VALUE_BITS, VALUE_STEP, LATTICE_BITS = 17, 2.0**-12, 15
COARSE_BITS, COARSE_STEP = 11, 2.0**-6


@dataclass(frozen=True, eq=False, repr=False)
class OwnRows:
    """Rows, targets and folds.

    Parameters
    ----------
    numbers : ndarray of shape (n_samples, n_features + n_numbers), dtype float64
        The columns, and numbers that are targets.
    codes : ndarray of shape (n_samples, n_outputs), dtype int64 or None
        Class codes; None for numbers.
    folds : ndarray of shape (n_samples,), dtype int64
    """

    numbers: np.ndarray
    codes: np.ndarray | None
    folds: np.ndarray

    def lattice_rows(self, plan):
        """Return the rows on the lattice that the second round gave."""
        lattice = Lattice(plan.known["mean"], plan.known["scale"])
        try:
            return lattice.round(self.numbers[:, : plan.n_features], Workspace())
        except RowOutOfRange as error:
            name = column_name(error.column, plan.columns)
            raise ValueError(
                f"Row {error.row} of X {error.reason} in column {name}. Leave it out, "
                "from the first round on."
            ) from None

    def standardised(self, plan):
        """Return the standardised rows, clipped, in integer steps of 2**-12.

        Returns
        -------
        values : ndarray of shape (n_samples, n_features), dtype float64
        """
        values = np.rint(self.lattice_rows(plan) * 2.0**-LATTICE_BITS)
        return np.clip(values, -(2.0**VALUE_BITS), 2.0**VALUE_BITS)

    def targets(self, plan):
        """Return indicators of classes, or standardised numbers in integer steps.

        Returns
        -------
        targets : ndarray of shape (n_samples, t), dtype float64
        """
        if self.codes is not None:
            return indicators(self.codes, plan.sizes)
        numbers = self.numbers[:, plan.n_features :]
        units = (numbers - plan.known["target_mean"]) / plan.known["target_scale"]
        end = 2.0**plan.target_bits
        return np.clip(np.rint(units / plan.target_step), -end, end)

    def __repr__(self):
        return f"OwnRows({len(self.numbers)} rows)"


def coarsened(values):
    """Return standardised rows in integer steps of 2**-6."""
    return np.rint(values * (VALUE_STEP / COARSE_STEP))


def own_rows(plan, X, y):
    """Check an owner's rows and labels.

    Parameters
    ----------
    plan : SummaryPlan
    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)

    Returns
    -------
    rows : OwnRows

    Raises
    ------
    ValueError
        If columns, labels or lengths are not those of the plan, values are missing or
        a value is 2**64 or more; the message shows no value.
    """
    X = _checked_columns(plan, X)
    y = np.asarray(y)
    if y.ndim == 1:
        y = y[:, None]
    if y.shape != (len(X), plan.n_outputs):
        raise ValueError(
            f"y has the shape {y.shape}, but the plan has {plan.n_outputs} outputs and "
            f"X has {len(X)} rows."
        )
    if missing_labels(y).any():
        raise ValueError("Input y contains missing values; drop these rows.")
    if plan.sizes is None:
        y = as_float_rows(y, "y", "SummaryPlan")
        check_finite(y, "y", "SummaryPlan")
        numbers = np.hstack([X, y])
        _check_sizes(numbers, plan.columns)
        return OwnRows(numbers, None, np.arange(len(X)) % FOLDS)
    codes = np.column_stack(
        [_codes(one, labels) for one, labels in zip(y.T, plan.classes, strict=True)]
    )
    _check_sizes(X, plan.columns)
    if plan.bounds is not None:
        X = np.clip(X, *plan.bounds)
    return OwnRows(X, codes, _dealt(codes[:, 0]))


def _checked_columns(plan, X):
    names = [str(name) for name in X.columns] if hasattr(X, "columns") else None
    if names is not None and plan.columns is not None and names != list(plan.columns):
        raise ValueError(
            "The columns of X are not those of the plan, or in another order. Put them "
            "in its order, as in X[plan.columns]."
        )
    X = to_numpy(X.detach()) if is_tensor(X) else X
    X = as_float_rows(X, "X", "SummaryPlan")
    if X.shape[1] != plan.n_features:
        raise ValueError(
            f"X has {X.shape[1]} features, but the plan has {plan.n_features}."
        )
    check_finite(X, "X", "SummaryPlan", plan.columns)
    return X


def _check_sizes(numbers, columns):
    large = np.abs(numbers) >= 2.0**HIGHEST
    if large.any():
        row, column = (int(i) for i in np.argwhere(large)[0])
        place = "y"
        if columns is None or column < len(columns):
            place = column_name(column, columns)
        raise ValueError(
            f"Row {row} has a number of 2**64 or more in column {place}. Divide the "
            "column by a power of ten that all owners agree on."
        )


def _codes(labels, classes):
    place = {label: i for i, label in enumerate(classes)}
    found = np.array([place.get(label, -1) for label in labels.tolist()], dtype=int)
    if (found < 0).any():
        raise ValueError(
            f"{(found < 0).sum()} labels in y are none of the plan's classes, first in "
            f"row {np.argmax(found < 0)}. All owners must agree on all classes."
        )
    return found


def _dealt(codes):
    """Folds that take turns within each class, in the order of the rows."""
    order = np.argsort(codes, kind="stable")
    folds = np.empty(len(codes), np.int64)
    folds[order] = np.arange(len(codes)) % FOLDS
    return folds
