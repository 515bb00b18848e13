"""Checks of rows beyond scikit-learn's: of text, tensors, pieces and outputs."""

import numpy as np
from sklearn.utils import assert_all_finite
from sklearn.utils.validation import validate_data

from sklearn_homeo._utils.arrays import namespace
from sklearn_homeo._utils.messages import listed

__all__ = [
    "as_finite",
    "check_out",
    "check_tensor",
    "is_tensor",
    "new_rows",
    "validate_numbers",
]


def validate_numbers(estimator, X, dtype=np.float64, **checks):
    """Return what scikit-learn's ``validate_data`` does; ValueError names text columns.

    Its own message would show a value.
    """
    try:
        return validate_data(estimator, X, dtype=dtype, **checks)
    except ValueError:
        names = _text_columns(X)
        if not names:
            raise
    raise ValueError(
        f"{type(estimator).__name__} takes numbers, but of X these columns hold text "
        f"or something else: {listed(names)}. Encode them first, for instance "
        "with OneHotEncoder in a ColumnTransformer, or leave them out."
    )


def _text_columns(X):
    if hasattr(X, "columns"):
        columns = [(name, X[name]) for name in X.columns]
    else:
        X = np.asarray(X)
        if X.ndim != 2 or X.dtype.kind not in "OSU":
            return []
        columns = list(enumerate(X.T))
    return [repr(name) for name, column in columns if not _are_numbers(column)]


def _are_numbers(column):
    try:
        np.asarray(column, dtype=np.float64)
    except ValueError:
        return False
    except TypeError:
        pass  # Missing values and dates, which are scikit-learn's to report.
    return True


def is_tensor(rows):
    """Whether rows are a torch tensor, without importing torch."""
    return namespace(rows) is not np


def new_rows(rows, n_columns):
    """Return an array of float64 of as many rows, not filled.

    Of the kind and in the place of ``rows``.
    """
    if is_tensor(rows):
        return rows.new_empty((len(rows), n_columns), dtype=namespace(rows).float64)
    return np.empty((len(rows), n_columns))


def as_finite(rows, estimator, name):
    """Return rows in float64; ValueError, in scikit-learn's words, for NaN."""
    if not is_tensor(rows):
        rows = np.asarray(rows, dtype=np.float64)
        assert_all_finite(
            rows, estimator_name=type(estimator).__name__, input_name=name
        )
        return rows
    rows = rows.double()
    if not bool(rows.isfinite().all()):
        raise ValueError(f"Input {name} contains NaN or infinity.")
    return rows


def check_tensor(rows, n_features, name):
    """Check the shape of a tensor and return it without its gradient."""
    if rows.ndim != 2 or len(rows) == 0:
        raise ValueError(
            f"Expected a 2D tensor of at least one row for {name}, got the shape "
            f"{tuple(rows.shape)}."
        )
    if rows.shape[1] != n_features:
        raise ValueError(
            f"{name} has {rows.shape[1]} features, but {n_features} are expected."
        )
    return rows.detach()


def check_out(out, shape):
    """Check that ciphertexts or rows of a shape fit into an array exactly."""
    if tuple(out.shape) != tuple(shape):
        raise ValueError(
            f"out has the shape {tuple(out.shape)}, but the rows need {tuple(shape)}."
        )
    if not str(out.dtype).endswith("float64"):
        raise ValueError(
            f"out holds {out.dtype}, but only float64 holds ciphertexts and rows "
            "exactly."
        )
