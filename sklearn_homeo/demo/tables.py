"""Labelled tables for the main job: scikit-learn's, or a CSV file of one's own."""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.utils import Bunch

__all__ = ["BUNDLED", "load_bundled", "read_csv", "read_header"]

BUNDLED = {
    "digits": load_digits,
    "breast cancer": load_breast_cancer,
    "wine": load_wine,
}

_MIN_ROWS = 20
_MIN_CLASS_ROWS = 4
_MAX_LISTED = 20


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


def read_csv(path, target):
    """Read a labelled table of numbers from a CSV file with a header line.

    Parameters
    ----------
    path : str or Path
        The file.
    target : str
        Name of the column to predict. Text and numbers of few values are classes;
        numbers of more than max(20, n_samples / 10) values, or of more than 10 with
        fractions among them, are a continuous target.

    Returns
    -------
    table : Bunch
        As of :func:`load_bundled`; `y` holds str (classes) or float64.

    Raises
    ------
    ImportError
        If pandas is not installed.
    OSError
        If the file cannot be opened.
    ValueError
        If the file is no CSV table, the target is not in it, a value is missing,
        infinite or (in a feature) not a number, there are fewer than 20 rows or 2
        classes, or a class has fewer than 4 rows. The message names the file, the
        column and the first offending row, counted from 1 after the header.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_homeo.demo.tables import read_csv
    >>> lines = ["width,kind"] + [f"{i},{'ab'[i % 2]}" for i in range(20)]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "table.csv")
    ...     _ = path.write_text("\\n".join(lines))
    ...     table = read_csv(path, "kind")
    >>> table.X.shape, table.task
    ((20, 1), 'classification')
    """
    path = Path(path)
    frame = _read_frame(path)
    if target not in frame.columns:
        raise ValueError(
            f"{path}: no column {target!r}; columns: {_listing(frame.columns)}"
        )
    if frame.shape[1] < 2:
        raise ValueError(f"{path}: no feature column beside the target {target!r}")
    if len(frame) < _MIN_ROWS:
        raise ValueError(f"{path}: {len(frame)} rows; the job needs {_MIN_ROWS}")
    features = [name for name in frame.columns if name != target]
    X = np.column_stack([_numbers(path, frame[name]) for name in features])
    y, task = _labels(path, frame[target])
    return Bunch(name=path.stem, X=X, y=y, task=task, feature_names=features)


def read_header(path):
    """Read the column names of a CSV file.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    listing : str
        The names, quoted and separated by commas; at most twenty.

    Raises
    ------
    ImportError, OSError, ValueError
        As :func:`read_csv`.
    """
    return _listing(_read_frame(Path(path)).columns)


def _read_frame(path):
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError(
            'reading CSV files needs pandas: pip install "sklearn-homeo[demo]"'
        ) from error
    try:
        # As text: a column's type must not hide where its first bad value is. The
        # header as a row: pandas would take a surplus field for an index.
        rows = pd.read_csv(path, dtype=str, skipinitialspace=True, header=None)
    except OSError:
        raise
    except ValueError as error:
        raise ValueError(f"{path}: not a CSV table ({_one_line(error)})") from error
    names = ["" if pd.isna(name) else name.strip() for name in rows.iloc[0]]
    wrong = [name for name in names if names.count(name) > 1 or name == ""]
    if wrong:
        raise ValueError(
            f"{path}: column names must be given and differ, got {wrong[0]!r} "
            f"{names.count(wrong[0])} time(s) in the header"
        )
    return rows.iloc[1:].set_axis(names, axis=1).reset_index(drop=True)


def _numbers(path, column):
    import pandas as pd

    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
    _reject(path, column, _is_missing(column), "is missing")
    _reject(path, column, np.isnan(values), "is not a number")
    _reject(path, column, np.isinf(values), "is infinite")
    return values


def _labels(path, column):
    import pandas as pd

    _reject(path, column, _is_missing(column), "is missing")
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
    if not np.isnan(values).any():
        _reject(path, column, np.isinf(values), "is infinite")
        if _is_continuous(values):
            return values, "regression"
    y = column.str.strip().to_numpy(dtype=str)
    classes, counts = np.unique(y, return_counts=True)
    if len(classes) < 2:
        raise ValueError(f"{path}: target {column.name!r} has one class, {classes[0]}")
    if counts.min() < _MIN_CLASS_ROWS:
        raise ValueError(
            f"{path}: class '{classes[counts.argmin()]}' of target {column.name!r} has "
            f"{counts.min()} row(s); the job needs {_MIN_CLASS_ROWS} of each"
        )
    return y, "classification"


def _is_continuous(values):
    n_values = len(np.unique(values))
    has_fractions = np.any(values != np.round(values))
    return n_values > (10 if has_fractions else max(20, len(values) / 10))


def _is_missing(column):
    return (column.isna() | (column.str.strip() == "")).to_numpy(dtype=bool)


def _reject(path, column, bad, reason):
    if bad.any():
        row = int(np.argmax(bad))
        shown = "" if reason == "is missing" else f" {column.iloc[row]!r}"
        raise ValueError(
            f"{path}: column {column.name!r}, row {row + 1}:{shown} {reason}"
        )


def _listing(columns):
    names = [repr(name) for name in columns]
    more = [f"... ({len(names)} in all)"] if len(names) > _MAX_LISTED else []
    return ", ".join(names[:_MAX_LISTED] + more)


def _one_line(error):
    return " ".join(str(error).split())
