"""Class labels of any type, and how many rows of each to draw."""

import warnings
from collections.abc import Mapping
from numbers import Integral

import numpy as np
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import assert_all_finite, column_or_1d

from sklearn_homeo._utils.messages import listed
from sklearn_homeo.exceptions import MemorisationWarning

__all__ = [
    "check_class_sizes",
    "check_labels",
    "class_counts",
    "requested_counts",
    "warn_of_memorising",
]

# From so many on, attacks were at chance in benchmarks/hybrid.py.
_ROWS_PER_DIRECTION = 30


def check_labels(y):
    """Check labels and number their classes.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Numbers, strings, booleans or other labels that can be ordered.

    Returns
    -------
    classes : ndarray of shape (n_classes,)
        Sorted.
    codes : ndarray of shape (n_samples,), dtype int64

    Raises
    ------
    ValueError
        If labels are missing, continuous, or cannot be ordered.
    """
    y = column_or_1d(y, warn=True)
    if y.dtype.kind == "f":
        assert_all_finite(y, input_name="y")
    if y.dtype.kind == "O" and any(_is_missing(label) for label in y):
        raise ValueError("Input y contains missing labels (None or NaN); drop them.")
    if y.dtype.kind in "fc" and type_of_target(y).startswith("continuous"):
        raise ValueError(
            "y is continuous, but rows are synthesized by class. Cut it into classes "
            "first, for example by sklearn.preprocessing.KBinsDiscretizer with "
            'encode="ordinal" and strategy="quantile".'
        )
    try:
        classes, codes = np.unique(y, return_inverse=True)
    except TypeError as error:
        raise ValueError(
            f"y mixes labels that cannot be ordered ({error}); make them all strings "
            "or all numbers."
        ) from None
    return classes, codes.reshape(-1)


def _is_missing(label):
    try:
        return label is None or bool(label != label)
    except TypeError:
        # pandas.NA has no truth value.
        return True


def check_class_sizes(classes, counts, needed, purpose):
    """Raise ValueError if a class has too few rows; name it and what is needed."""
    if counts.min() < needed:
        short = int(np.argmin(counts))
        raise ValueError(
            f"Class {classes.tolist()[short]!r} has n_samples={counts[short]} row(s), "
            f"but {purpose} needs at least {needed} of each class. Add rows, merge "
            "classes, or leave the class out."
        )


def warn_of_memorising(classes, counts, n_directions):
    """Warn if a class has so few rows that synthetic ones may give them away.

    The parameters of a density of k directions, from n rows, tell members from
    others the better the greater k / n is.
    """
    short = int(np.argmin(counts))
    if counts[short] < _ROWS_PER_DIRECTION * n_directions:
        warnings.warn(
            f"Class {classes.tolist()[short]!r} has {counts[short]} rows for "
            f"{n_directions} described direction(s). With fewer than "
            f"{_ROWS_PER_DIRECTION} rows for each, synthetic rows tell to some extent "
            "which records they were made from: measure it by "
            "sklearn_homeo.audit.membership_attack. More rows, fewer or larger "
            "classes, encrypting first, or epsilon help.",
            MemorisationWarning,
            stacklevel=4,
        )


def class_counts(strategy, classes, counts):
    """Rows to draw of each class by a sampling strategy.

    Parameters
    ----------
    strategy : "same", "balanced", int or dict
    classes : ndarray of shape (n_classes,)
    counts : ndarray of shape (n_classes,), dtype int
        Rows of each class seen during fit.

    Returns
    -------
    wanted : ndarray of shape (n_classes,), dtype int
    """
    if isinstance(strategy, str):
        return counts if strategy == "same" else np.full_like(counts, counts.max())
    return requested_counts(strategy, classes, counts, "sampling_strategy")


def requested_counts(request, classes, counts, name):
    """Rows to draw of each class, by a dict or a total.

    Parameters
    ----------
    request : dict or int
        Rows by label, or their total, which is shared out in proportion to `counts`
        by largest remainders.
    classes : ndarray of shape (n_classes,)
    counts : ndarray of shape (n_classes,), dtype int
    name : str
        Of the argument, for messages.

    Returns
    -------
    wanted : ndarray of shape (n_classes,), dtype int

    Raises
    ------
    ValueError
        If a label is unknown or a number is negative or not an integer.
    """
    if not isinstance(request, Mapping):
        return _share_out(_check_number(request, name), counts)
    codes = {label: code for code, label in enumerate(classes.tolist())}
    wanted = np.zeros(len(classes), dtype=np.int64)
    for label, number in request.items():
        if label not in codes:
            known = listed([*map(repr, codes)])
            raise ValueError(
                f"{name} asks for rows of class {label!r}, which was not among the "
                f"{len(classes)} classes seen during fit: {known}."
            )
        wanted[codes[label]] = _check_number(number, f"{name}[{label!r}]")
    return wanted


def _check_number(number, name):
    if not isinstance(number, Integral) or isinstance(number, bool) or number < 0:
        raise ValueError(
            f"{name} must be a number of rows, an integer from 0 on; got {number!r}."
        )
    return int(number)


def _share_out(total, counts):
    # Python's integers, which do not overflow.
    n_rows = int(counts.sum())
    shares = [divmod(total * int(count), n_rows) for count in counts]
    wanted = np.array([whole for whole, _ in shares], dtype=np.int64)
    # Stable, so that equal remainders go to the classes that come first.
    order = np.argsort([-remainder for _, remainder in shares], kind="stable")
    wanted[order[: total - int(wanted.sum())]] += 1
    return wanted
