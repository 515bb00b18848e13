"""NumPy arrays as tables: columns of one type, or of objects."""

import numpy as np

from sklearn_homeo.tables._cells import (
    Cells,
    UnsupportedColumn,
    float_cells,
    one_state,
)
from sklearn_homeo.tables._objects import read_objects, write_objects

__all__ = ["ArrayTable", "read_array", "write_array"]

NANOSECONDS = {
    "W": 7 * 86_400 * 10**9,
    "D": 86_400 * 10**9,
    "h": 3_600 * 10**9,
    "m": 60 * 10**9,
    "s": 10**9,
    "ms": 10**6,
    "us": 10**3,
    "ns": 1,
}
_NO_TIME = np.iinfo(np.int64).min


class ArrayTable:
    """A two-dimensional NumPy array.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_columns)
    """

    library = "numpy"

    def __init__(self, X):
        self.values = X
        self.labels = list(range(self.values.shape[1]))
        self.dtypes = [self.values.dtype] * len(self.labels)
        self.index = None

    def __len__(self):
        return len(self.values)

    def read(self, place, known=()):
        """Return the cells of a column; `known` levels are of no use."""
        return read_array(self.values[:, place])

    def select(self, places):
        """Return some columns, as an array."""
        return self.values[:, places]

    @staticmethod
    def build(columns, labels, dtypes, index):
        """Return an array of columns; `index` is not used.

        Parameters
        ----------
        columns : list of Cells or of columns as `select` returns them
        labels, dtypes : list
            Those of the columns.
        index : None
        """
        written = [
            write_array(column, dtype) if isinstance(column, Cells) else column
            for column, dtype in zip(columns, dtypes, strict=True)
        ]
        return np.column_stack(written)


def as_array(X):
    """Return rows as an array; numbers among text stay numbers."""
    if hasattr(X, "__array__") or not isinstance(X, list | tuple):
        return X
    values = np.asarray(X)
    return np.asarray(X, dtype=object) if values.dtype.kind in "US" else values


def read_array(values):
    """Return the cells of a one-dimensional array."""
    kind = values.dtype.kind
    if kind == "b":
        return Cells("boolean", values, np.zeros(len(values), dtype=np.uint8))
    if kind in "iu":
        wide = np.uint64 if values.dtype == np.uint64 else np.int64
        states = np.zeros(len(values), dtype=np.uint8)
        return Cells("integer", values.astype(wide), states)
    if kind == "f":
        return float_cells(values)
    if kind in "mM":
        return read_times(values)
    if kind == "O":
        return read_objects(values)
    if kind in "US":
        levels, codes = np.unique(values, return_inverse=True)
        states = np.zeros(len(values), dtype=np.uint8)
        return Cells("category", codes, states, levels=tuple(levels.tolist()))
    raise UnsupportedColumn(f"dtype {values.dtype}")


def read_times(values):
    """Return the cells of an array of datetime64 or timedelta64."""
    name, count = np.datetime_data(values.dtype)
    unit = NANOSECONDS[name] * count if name in NANOSECONDS else f"{count}{name}"
    ticks = values.astype(values.dtype.newbyteorder("=")).view(np.int64)
    missing = ticks == _NO_TIME
    return Cells("ticks", np.where(missing, 0, ticks), unit=unit, **one_state(missing))


def write_array(cells, dtype):
    """Return the one-dimensional array of a dtype that cells were read from."""
    if dtype.kind == "O":
        return write_objects(cells)
    if dtype.kind in "US":
        return write_objects(cells).astype(dtype)
    if dtype.kind == "f":
        values = cells.values.astype(dtype)
        for marker in cells.markers:
            value = np.nan if marker in ("missing", "nan") else float(marker)
            values[cells.missing(marker)] = value
        return values
    if dtype.kind in "mM":
        ticks = np.where(cells.present, cells.values, _NO_TIME)
        return ticks.view(dtype.newbyteorder("="))
    if dtype.kind in "iu":
        return limited(cells.values, dtype)
    return cells.values.astype(dtype)


def limited(values, dtype):
    """Return integers in a dtype; made-up rows may decode to any number."""
    bounds, own = np.iinfo(dtype), np.iinfo(values.dtype)
    low, high = max(bounds.min, own.min), min(bounds.max, own.max)
    return np.clip(values, low, high).astype(dtype)
