"""Class labels of any type, and how many rows of each to draw."""

from collections.abc import Mapping
from numbers import Number

import numpy as np
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import column_or_1d

from sklearn_homeo._utils.labels import missing_labels
from sklearn_homeo._utils.messages import check_count, listed
from sklearn_homeo._utils.warning import warn
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
        If labels are missing, continuous, or of types that do not go together: text
        with numbers, booleans with numbers, bytes with text.
    """
    _check_types(y)
    if np.iscomplexobj(y):
        # scikit-learn's own message shows them.
        raise ValueError("y holds complex numbers, which have no order.")
    missing = np.flatnonzero(missing_labels(y))
    y = column_or_1d(y, warn=True)
    if len(missing) > 0:
        raise ValueError(
            f"{len(missing)} labels of y are missing (None, NaN, NaT or masked), in "
            f"rows {listed(missing)}; drop these rows."
        )
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        rows = np.flatnonzero(~np.isfinite(y))
        raise ValueError(f"y holds infinity in rows {listed(rows)}.")
    if y.dtype.kind == "f" and type_of_target(y).startswith("continuous"):
        raise ValueError(
            "y is continuous, but rows are synthesized by class. Cut it into classes "
            "first, for example by sklearn.preprocessing.KBinsDiscretizer with "
            'encode="ordinal" and strategy="quantile".'
        )
    try:
        classes, codes = np.unique(y, return_inverse=True)
    except TypeError:
        raise ValueError(
            "y mixes labels that cannot be ordered; make them all strings or all "
            "numbers."
        ) from None
    return classes, codes.reshape(-1)


def _check_types(y):
    """Refuse labels that NumPy would take for equal, or make text of, in silence."""
    if getattr(getattr(y, "dtype", None), "kind", "O") != "O":
        return
    # A list as it is: as an array, numbers beside text would be text already.
    given = y if isinstance(y, list | tuple) else np.ravel(y)
    kinds = {_kind(label) for label in given}
    kinds.discard(None)
    if len(kinds) > 1:
        raise ValueError(
            f"y mixes labels that are {' and '.join(sorted(kinds))}, some of which "
            "would be taken for equal; make them all strings or all numbers."
        )


def _kind(label):
    for kind, name in (
        (bool | np.bool_, "booleans"),
        (Number, "numbers"),
        (str, "text"),
        (bytes, "bytes"),
    ):
        if isinstance(label, kind):
            return None if label != label else name
    return None


def check_class_sizes(classes, counts, needed, purpose):
    """Raise ValueError if a class has too few rows; say which and what is needed."""
    if counts.min() < needed:
        short = int(np.argmin(counts))
        raise ValueError(
            f"{_nth_class(short, classes)} has n_samples={counts[short]} row(s), "
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
        warn(
            f"{_nth_class(short, classes)} has {counts[short]} rows for "
            f"{n_directions} described direction(s). With fewer than "
            f"{_ROWS_PER_DIRECTION} rows for each, synthetic rows tell to some extent "
            "which records they were made from: measure it by "
            "sklearn_homeo.audit.membership_attack. More rows, fewer or larger "
            "classes, encrypting first, or epsilon help.",
            MemorisationWarning,
        )


def _nth_class(code, classes):
    """The class that is meant. Not its label: a rare one may tell what a person has."""
    return f"Class {code + 1} of {len(classes)}, in the order of their labels,"


def class_counts(strategy, classes, counts):
    """Rows to draw of each class by a sampling strategy.

    Parameters
    ----------
    strategy : "same", "balanced", int or dict
        Classes that a dict does not name keep their number.
    classes : ndarray of shape (n_classes,)
    counts : ndarray of shape (n_classes,), dtype int
        Rows of each class seen during fit.

    Returns
    -------
    wanted : ndarray of shape (n_classes,), dtype int
    """
    if isinstance(strategy, str):
        return counts if strategy == "same" else np.full_like(counts, counts.max())
    wanted = requested_counts(strategy, classes, counts, "sampling_strategy")
    if isinstance(strategy, Mapping):
        named = np.isin(np.arange(len(classes)), _codes(strategy, classes))
        return np.where(named, wanted, counts)
    return wanted


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
        Name of the argument, for messages.

    Returns
    -------
    wanted : ndarray of shape (n_classes,), dtype int

    Raises
    ------
    ValueError
        If a label is unknown or a number is negative or not an integer.
    """
    if not isinstance(request, Mapping):
        return _share_out(check_count(request, name, least=0), counts)
    wanted = np.zeros(len(classes), dtype=np.int64)
    codes = _codes(request, classes)
    for place, (code, number) in enumerate(zip(codes, request.values(), strict=True)):
        if code is None:
            raise ValueError(
                f"Entry {place} of {name} asks for rows of a class that was not among "
                f"the {len(classes)} classes seen during fit; see classes_."
            )
        wanted[code] = check_count(number, f"entry {place} of {name}", least=0)
    return wanted


def _codes(request, classes):
    """The code of each label that a dict names, None if there is no such class."""
    codes = {label: code for code, label in enumerate(classes.tolist())}
    return [codes.get(label) for label in request]


def _share_out(total, counts):
    # Python's integers, which do not overflow.
    n_rows = int(counts.sum())
    shares = [divmod(total * int(count), n_rows) for count in counts]
    wanted = np.array([whole for whole, _ in shares], dtype=np.int64)
    # Stable, so that equal remainders go to the classes that come first.
    order = np.argsort([-remainder for _, remainder in shares], kind="stable")
    wanted[order[: total - int(wanted.sum())]] += 1
    return wanted
