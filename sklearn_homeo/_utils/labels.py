"""Labels of any type: which of them are missing."""

import numpy as np
from sklearn.utils.validation import check_consistent_length

__all__ = ["check_one_each", "is_missing", "missing_labels"]


def missing_labels(y):
    """Return a mask of the labels that are None, NaN, NaT, pandas.NA or masked.

    Parameters
    ----------
    y : array-like

    Returns
    -------
    missing : ndarray of the shape of y, dtype bool

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo._utils.labels import missing_labels
    >>> missing_labels(np.array(["a", None, float("nan"), 0], dtype=object))
    array([False,  True,  True, False])
    """
    masked = np.ma.getmaskarray(y) if isinstance(y, np.ma.MaskedArray) else False
    y = np.asarray(y)
    if y.dtype.kind in "fc":
        missing = np.isnan(y)
    elif y.dtype.kind in "mM":
        missing = np.isnat(y)
    elif y.dtype.kind in "OT":
        values = [is_missing(label) for label in y.ravel()]
        missing = np.array(values, dtype=bool).reshape(y.shape)
    else:
        missing = np.zeros(y.shape, dtype=bool)
    return missing | masked


def is_missing(value):
    """Whether a single value is None, NaN, NaT or pandas.NA."""
    try:
        return value is None or bool(value != value)
    except (TypeError, ValueError):
        # pandas.NA has no truth value, nor has an array.
        return True


def check_one_each(X, y):
    """Raise ValueError unless there is a label for each row."""
    # scikit-learn's own message shows a single label. Array-likes may refuse np.ndim.
    n_axes = y.ndim if hasattr(y, "ndim") else np.asarray(y).ndim
    if n_axes == 0:
        raise ValueError("y must be an array of labels, one for each row.")
    check_consistent_length(X, y)
