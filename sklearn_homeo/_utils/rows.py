"""Checks of rows beyond scikit-learn's, with messages that show no value.

scikit-learn's own messages print a row of one dimension, a cell of text or a complex
array, and rows are what is to be kept secret: here columns and rows are named instead.
"""

import numbers
import os

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import check_array
from sklearn.utils.validation import column_or_1d, validate_data

from sklearn_homeo._utils.arrays import namespace
from sklearn_homeo._utils.labels import is_missing
from sklearn_homeo._utils.messages import listed

__all__ = [
    "as_float_rows",
    "as_table",
    "check_apart",
    "check_finite",
    "check_out",
    "check_real",
    "check_real_array",
    "check_separate",
    "check_table",
    "check_tensor",
    "check_vector",
    "column_name",
    "find_invalid",
    "is_tensor",
    "validate_numbers",
]

# Beyond, squares and sums of a column may be infinite.
LARGEST = 1e300
_ROWS_AT_ONCE = 4096


def validate_numbers(estimator, X, dtype=np.float64, ensure_finite=True, **checks):
    """Return what scikit-learn's ``validate_data`` does, of rows of real numbers.

    Parameters
    ----------
    estimator : estimator
    X : array-like of shape (n_samples, n_features)
    dtype : dtype or list of dtype, default=float64
    ensure_finite : bool, default=True
        Whether to look for missing and infinite values.
    **checks : dict
        For ``validate_data``.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)

    Raises
    ------
    TypeError
        If X is sparse, or holds objects that are neither numbers nor text.
    ValueError
        If X is not a table of real numbers; the message names the row or the columns
        and shows no value.
    """
    owner = type(estimator).__name__
    rows = X if hasattr(X, "columns") else as_table(X, "X")
    _check_columns(rows, "X", owner)
    X = validate_data(estimator, X, dtype=dtype, ensure_all_finite=False, **checks)
    if ensure_finite:
        check_finite(X, "X", owner, getattr(estimator, "feature_names_in_", None))
    return X


def check_table(rows, name, owner):
    """Raise the errors of `validate_numbers`, but for missing or infinite values."""
    if not hasattr(rows, "columns"):
        rows = as_table(rows, name)
    _check_columns(rows, name, owner)


def check_real_array(
    rows, *, input_name, dtype=np.float64, allow_nd=False, ensure_2d=True, **checks
):
    """Return what scikit-learn's ``check_array`` does; errors show no value.

    Parameters
    ----------
    rows : array-like
    input_name : str
    dtype : dtype or "numeric", default=float64
    allow_nd, ensure_2d : bool, default=False and True
    **checks : dict
        For ``check_array``, whose parameters these are.

    Returns
    -------
    rows : ndarray
    """
    if allow_nd or not ensure_2d:
        check_real(rows, input_name)
        if np.ndim(rows) == 0:
            raise ValueError(f"{input_name} must be an array, got a single number.")
    else:
        check_table(rows, input_name, "This function")
    return check_array(
        rows,
        dtype=dtype,
        allow_nd=allow_nd,
        ensure_2d=ensure_2d,
        input_name=input_name,
        **checks,
    )


def check_vector(values, name):
    """Return values of one dimension, as scikit-learn's ``column_or_1d`` does.

    Complex ones raise ValueError here, without being shown.
    """
    if np.iscomplexobj(np.asarray(values)):
        raise ValueError(f"{name} holds complex numbers, which have no order.")
    return column_or_1d(values)


def check_real(array, name):
    """Raise ValueError for what holds no real numbers, of any dimensions."""
    try:
        array = np.asarray(array)
        if array.dtype.kind == "O":
            array = array.astype(np.float64)
    except (ValueError, TypeError, OverflowError):
        array = np.empty(0, dtype=object)
    if array.dtype.kind not in "biuf":
        raise ValueError(
            f"{name} must hold real numbers, but holds complex ones, text, dates or "
            "other objects, or has rows of different lengths."
        )


def as_float_rows(rows, name, owner):
    """Return rows, of any container, as float64; errors as in `validate_numbers`."""
    if not hasattr(rows, "columns"):
        rows = as_table(rows, name)
    _check_columns(rows, name, owner)
    try:
        return np.asarray(rows, dtype=np.float64)
    except OverflowError:
        raise ValueError(
            f"{name} has integers that are too large for float64."
        ) from None


def check_finite(rows, name, owner, names=None):
    """Raise ValueError, naming row and column, for a value that is missing or huge."""
    found = find_invalid(rows)
    if found is None:
        return
    row, column = found
    value = float(rows[row, column])
    kind = "NaN" if np.isnan(value) else "infinity"
    if np.isfinite(value):
        kind = f"a value beyond {LARGEST:g}, as good as infinity,"
    raise ValueError(
        f"Input {name} contains {kind} in row {row}, column "
        f"{column_name(column, names)}. {owner} needs finite numbers: leave these rows "
        "out, or encode the table with TableEncoder, which keeps gaps."
    )


def find_invalid(rows):
    """Return row and column of the first value beyond 1e300 or not finite, or None."""
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        piece = rows[start : start + _ROWS_AT_ONCE]
        if piece.size == 0 or (piece.max() <= LARGEST and piece.min() >= -LARGEST):
            continue
        row, column = np.argwhere(~(np.abs(piece) <= LARGEST))[0]
        return start + int(row), int(column)
    return None


def column_name(column, names=None):
    """How messages name a column: by number and, if it has one, by name."""
    return str(column) if names is None else f"{column} ({names[column]!r})"


def as_table(X, name):
    """Return an array of two dimensions; errors show no value."""
    if issparse(X):
        raise TypeError(
            f"{name} is a sparse matrix, but dense data is required: use toarray(), "
            "and sparse_output=False in OneHotEncoder."
        )
    try:
        rows = np.asarray(X)
    except (ValueError, TypeError):
        raise ValueError(
            f"{name} is not a table: its rows have different lengths or hold something "
            "other than numbers."
        ) from None
    if rows.ndim != 2:
        raise ValueError(
            f"Expected 2D array, got {'scalar' if rows.ndim == 0 else f'{rows.ndim}D'} "
            f"array instead for {name}. Reshape your data either using "
            "array.reshape(-1, 1) if your data has a single feature or "
            "array.reshape(1, -1) if it contains a single sample."
        )
    return rows


def _check_columns(rows, name, owner):
    """Raise ValueError that names the columns that hold no real numbers."""
    kinds = {}
    for label, column in _doubtful_columns(rows):
        kind = _kind_of(column)
        if kind is not None:
            kinds.setdefault(kind, []).append(label)
    if "complex numbers" in kinds:
        raise ValueError(
            f"Complex data not supported: {owner} takes real numbers, but of {name} "
            f"these columns hold complex ones: {listed(kinds['complex numbers'])}."
        )
    if "dates or times" in kinds:
        raise ValueError(
            f"{owner} takes numbers, but of {name} these columns hold dates or times: "
            f"{listed(kinds['dates or times'])}. TableEncoder turns such columns into "
            "numbers."
        )
    if "text" in kinds:
        raise ValueError(
            f"{owner} takes numbers, but of {name} these columns hold text: "
            f"{listed(kinds['text'])}. TableEncoder turns such columns into numbers."
        )
    if "huge numbers" in kinds:
        raise ValueError(
            f"{owner} takes numbers below 1e308, but of {name} these columns hold "
            f"greater ones: {listed(kinds['huge numbers'])}. Scale them, or leave them "
            "out."
        )
    if kinds:
        raise TypeError(
            f"{owner} takes numbers, but of {name} these columns hold other objects, "
            "and an argument must be a string that is a number, or a number: "
            f"{listed(kinds['objects'])}. Convert them first, or leave them out."
        )


def _doubtful_columns(rows):
    """Labels and columns of what is not numbers by its type already."""
    if hasattr(rows, "columns"):
        columns = ((repr(label), rows[label]) for label in dict.fromkeys(rows.columns))
        return [pair for pair in columns if not _is_plain(pair[1])]
    if rows.dtype.kind in "biuf":
        return []
    return [(str(i), column) for i, column in enumerate(rows.T)]


def _is_plain(column):
    dtype = getattr(column, "dtype", None)
    return isinstance(dtype, np.dtype) and dtype.kind in "biuf"


def _kind_of(column):
    """What a column holds instead of real numbers, in words; None for these."""
    values = np.asarray(column)
    if values.dtype.kind == "O":
        real = [isinstance(v, numbers.Real) or is_missing(v) for v in values.flat]
        if all(real):
            return _kind_by_conversion(values) if _are_huge(values) else None
        return _kind_of_objects(values)
    if values.dtype.kind in "mM":
        return "dates or times"
    if values.dtype.kind == "c":
        return "complex numbers"
    return None if values.dtype.kind in "biuf" else _kind_by_conversion(values)


def _kind_of_objects(values):
    first = next(
        v for v in values.flat if not (isinstance(v, numbers.Real) or is_missing(v))
    )
    if isinstance(first, numbers.Complex):
        return "complex numbers"
    if isinstance(first, np.datetime64 | np.timedelta64) or (
        type(first).__module__.split(".")[0] in ("datetime", "pandas")
    ):
        return "dates or times"
    return _kind_by_conversion(values)


def _are_huge(values):
    """Whether integers of Python are beyond what float64 can hold."""
    return any(isinstance(v, int) and v.bit_length() > 1023 for v in values.flat)


def _kind_by_conversion(values):
    try:
        values.astype(np.float64)
    except OverflowError:
        return "huge numbers"
    except ValueError:
        return "text"
    except TypeError:
        return "objects"
    return None


def is_tensor(rows):
    """Whether rows are a torch tensor, without importing torch."""
    return namespace(rows) is not np


def check_tensor(rows, n_features, name):
    """Check a tensor's shape and type and return it without its gradient."""
    if rows.ndim != 2 or len(rows) == 0:
        raise ValueError(
            f"Expected a 2D tensor of at least one row for {name}, got the shape "
            f"{tuple(rows.shape)}."
        )
    if rows.shape[1] != n_features:
        raise ValueError(
            f"{name} has {rows.shape[1]} features, but {n_features} are expected."
        )
    if rows.is_complex():
        raise ValueError(f"Complex data not supported: {name} holds complex numbers.")
    return rows.detach()


def check_out(out, shape):
    """Check that ciphertexts or rows of a shape fit into an array exactly."""
    if not is_tensor(out) and not isinstance(out, np.ndarray):
        raise TypeError(
            f"out must be an array that exists, or a tensor, got {type(out).__name__}."
        )
    if tuple(out.shape) != tuple(shape):
        raise ValueError(
            f"out has the shape {tuple(out.shape)}, but the rows need {tuple(shape)}."
        )
    if not str(out.dtype).endswith("float64"):
        raise ValueError(
            f"out holds {out.dtype}, but only float64 holds ciphertexts and rows "
            "exactly."
        )
    if isinstance(out, np.ndarray) and not out.flags.writeable:
        raise ValueError('out is read-only: open its file with mode "r+".')


def check_separate(rows, out):
    """Raise ValueError if arrays share memory, or a file, but are not the same.

    Rows would be overwritten before they are read.
    """
    mine, other = _extent(rows), _extent(out)
    if _overlap(mine, other) and mine != other:
        raise ValueError(
            "out shares a part of its memory with the rows, which would be overwritten "
            "before they are read. Use the same array, or one of its own."
        )


def check_apart(rows, out):
    """Raise ValueError if arrays share memory, or a file, or are the same."""
    if rows is out or _overlap(_extent(rows), _extent(out)):
        raise ValueError(
            "out shares memory with Z. If the work stopped halfway, nobody could tell "
            "old ciphertexts from new ones: give it memory, or a file, of its own."
        )


def _overlap(mine, other):
    if mine is None or other is None or mine[0] != other[0]:
        return False
    return mine[1] < other[2] and other[1] < mine[2]


def _extent(array):
    """Where an array is: in memory or which file, first and last byte, layout."""
    if not isinstance(array, np.ndarray) or array.size == 0:
        return None
    low, high = np.lib.array_utils.byte_bounds(array)
    layout = (array.shape, array.strides, array.dtype.str)
    root = array
    while isinstance(root.base, np.ndarray):
        root = root.base
    if not (isinstance(root, np.memmap) and os.path.exists(root.filename or "")):
        return None, low, high, layout
    status = os.stat(root.filename)
    shift = root.offset - np.lib.array_utils.byte_bounds(root)[0]
    return (status.st_dev, status.st_ino), low + shift, high + shift, layout
