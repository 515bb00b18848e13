"""Labelled tables: scikit-learn's, or a file of one's own."""

import warnings
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.utils import Bunch

from sklearn_homeo._utils.messages import listed
from sklearn_homeo.files._sources import open_source
from sklearn_homeo.tables._encoder import TableEncoder
from sklearn_homeo.tables._reading import EXCEL, PARQUET, read_table

__all__ = ["BUNDLED", "load_bundled", "read_file"]

BUNDLED = {
    "digits": load_digits,
    "breast cancer": load_breast_cancer,
    "wine": load_wine,
}

_MIN_ROWS = 20
_MIN_CLASS_ROWS = 4


def load_bundled(name):
    """Load one of the real tables that come with scikit-learn.

    Parameters
    ----------
    name : {"digits", "breast cancer", "wine"}

    Returns
    -------
    table : Bunch
        name : str
        X : ndarray of shape (n_samples, n_features), dtype float64
        y : ndarray of shape (n_samples,), dtype int64
        task : {"classification", "regression"}
        feature_names : list of str

    Raises
    ------
    ValueError
        If the name is unknown.

    Examples
    --------
    >>> from sklearn_homeo.demo.tables import load_bundled
    >>> table = load_bundled("wine")
    >>> table.X.shape, table.task
    ((178, 13), 'classification')
    """
    if name not in BUNDLED:
        raise ValueError(f"unknown dataset {name!r}; choose from {list(BUNDLED)}")
    data = BUNDLED[name]()
    return Bunch(
        name=name,
        X=np.asarray(data.data, dtype=np.float64),
        y=data.target,
        task="classification",
        feature_names=list(data.feature_names),
    )


def read_file(path, target):
    """Read a labelled table from a file and encode its features as numbers.

    Parameters
    ----------
    path : str or Path
        CSV, Parquet or a spreadsheet: see
        :func:`sklearn_homeo.tables._reading.read_table`.
    target : str
        Name of the column to predict. Text and numbers of few values are classes;
        numbers of more than max(20, n_samples / 10) values, or of more than 10 with
        fractions among them, are a continuous target. Equal numbers are one class,
        however they are written.

    Returns
    -------
    table : Bunch
        As in :func:`load_bundled`; `y` holds str (classes) or float64. `X` is what
        :class:`sklearn_homeo.TableEncoder` makes of the other columns, and `notes` are
        its warnings: identifiers and free text are left out.

    Raises
    ------
    ImportError
        If pandas is not installed.
    OSError
        If the file cannot be opened.
    ValueError
        If the file is not a table, the target is not in it or has gaps, or no feature
        stays. If there are fewer than 20 rows or 2 classes, or a class has fewer than 4
        rows. The message names the file, the column and its first ten offending rows,
        counted from 1 after the header, and no value.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_homeo.demo.tables import read_file
    >>> lines = ["width,colour,kind"]
    >>> lines += [f"{i},{'red' if i % 3 else 'blue'},{'ab'[i % 2]}" for i in range(20)]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "table.csv")
    ...     _ = path.write_text("\\n".join(lines))
    ...     table = read_file(path, "kind")
    >>> table.X.shape, table.task, table.feature_names
    ((20, 3), 'classification', ['width', 'colour_blue', 'colour_red'])
    """
    path = Path(path)
    frame = read_table(path)
    if target not in frame.columns:
        raise ValueError(f"{path}: no column {target!r}")
    if len(frame) < _MIN_ROWS:
        raise ValueError(f"{path}: {len(frame)} rows; at least {_MIN_ROWS} are needed")
    try:
        y, task = _labels(frame[target])
    except ValueError as error:
        raise ValueError(f"{path}: target {target!r} {error}") from None
    if path.suffix.lower() not in (*PARQUET, *EXCEL):
        # As `encrypt` reads text, in which dates are dates.
        frame = open_source(path).frame()
    try:
        X, names, notes = _encode(frame.drop(columns=target))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from None
    return Bunch(name=path.stem, X=X, y=y, task=task, feature_names=names, notes=notes)


def _encode(features):
    if not features.shape[1]:
        raise ValueError("no column but the target")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        # Fine columns hold the last digits: nothing to learn from.
        encoder = TableEncoder(exact=False).fit(features)
    names = encoder.get_feature_names_out().tolist()
    if not names:
        raise ValueError("only identifiers and free text next to the target")
    notes = [str(warning.message) for warning in caught]
    return encoder.transform(features), names, notes


def _labels(column):
    _reject(column.isna(), "is missing")
    if column.dtype.kind in "iuf":
        values = column.to_numpy(np.float64)
        _reject(np.isinf(values), "is infinite")
        if _is_continuous(values):
            return values, "regression"
    y = np.array([_class_name(value) for value in column.tolist()])
    classes, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
    if len(classes) < 2:
        raise ValueError("has one class only")
    if counts.min() < _MIN_CLASS_ROWS:
        rows = np.flatnonzero(counts[codes] < _MIN_CLASS_ROWS) + 1
        raise ValueError(
            f"has {np.sum(counts < _MIN_CLASS_ROWS)} class(es) of fewer than "
            f"{_MIN_CLASS_ROWS} rows: in row(s) {listed(rows)}"
        )
    return y, "classification"


def _reject(bad, reason):
    rows = np.flatnonzero(bad) + 1
    if len(rows):
        raise ValueError(f"{reason} in {len(rows)} row(s): {listed(rows)}")


def _class_name(value):
    """The name of a class: 1, "1" and "1.0" are one class."""
    text = str(value).strip()
    try:
        number = float(text)
    except ValueError:
        return text
    if not np.isfinite(number) or isinstance(value, bool):
        return text
    return str(int(number)) if number.is_integer() else repr(number)


def _is_continuous(values):
    n_values = len(np.unique(values))
    has_fractions = np.any(values != np.round(values))
    return n_values > (10 if has_fractions else max(20, len(values) / 10))
