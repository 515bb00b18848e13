"""polars' data frames as tables."""

import numpy as np
import polars as pl

from sklearn_homeo.tables._arrays import NANOSECONDS, limited
from sklearn_homeo.tables._cells import (
    Cells,
    UnsupportedColumn,
    float_cells,
    one_state,
)
from sklearn_homeo.tables._objects import (
    limited_decimals,
    read_objects,
    write_objects,
)

__all__ = ["PolarsTable"]


class PolarsTable:
    """A polars data frame.

    Parameters
    ----------
    X : polars.DataFrame
    """

    library = "polars"

    def __init__(self, X):
        self.frame = X
        self.labels = list(X.columns)
        self.dtypes = list(X.dtypes)
        self.index = None

    def __len__(self):
        return self.frame.height

    def read(self, place, known=()):
        """Return the cells of a column; `known` levels are of no use."""
        return read_series(self.frame.to_series(place))

    def select(self, places):
        """Return some columns, as a frame."""
        return self.frame[:, places]

    @staticmethod
    def build(columns, labels, dtypes, index):
        """Return a frame of columns; `index` is not used.

        Parameters
        ----------
        columns : list of Cells or of polars.Series
        labels, dtypes : list
            Those of the columns.
        index : None
        """
        return pl.DataFrame(
            [
                (
                    write_series(column, dtype) if isinstance(column, Cells) else column
                ).alias(label)
                for column, label, dtype in zip(columns, labels, dtypes, strict=True)
            ]
        )


def read_series(series):
    """Return the cells of a series."""
    dtype = series.dtype
    missing = series.is_null().to_numpy()
    if dtype == pl.Null:
        return Cells("nothing", np.zeros(len(series), np.int64), **one_state(missing))
    if dtype.is_float():
        return float_cells(series.fill_null(0.0).to_numpy(), missing)
    if dtype == pl.Boolean:
        values = series.fill_null(False).to_numpy()
        return Cells("boolean", values, **one_state(missing))
    if dtype.is_integer() and dtype not in _LONG:
        wide = np.uint64 if dtype == pl.UInt64 else np.int64
        values = series.fill_null(0).to_numpy().astype(wide)
        return Cells("integer", values, **one_state(missing))
    if dtype.is_temporal():
        values = series.to_physical().cast(pl.Int64).fill_null(0).to_numpy()
        return Cells("ticks", values, unit=_unit(dtype), **one_state(missing))
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return _read_text(series, missing)
    if dtype.is_decimal() or dtype in (pl.Binary, *_LONG):
        values = np.empty(len(series), dtype=object)
        values[:] = series.to_list()
        return read_objects(values)
    raise UnsupportedColumn(f"dtype {dtype}")


_LONG = (pl.Int128, pl.UInt128) if hasattr(pl, "UInt128") else (pl.Int128,)


def _read_text(series, missing):
    declared = series.dtype == pl.Enum
    if declared:
        levels = series.dtype.categories
    else:
        levels = series.cast(pl.String).unique().drop_nulls().sort()
    codes = series.cast(pl.String).cast(pl.Enum(levels)).to_physical()
    return Cells(
        "category",
        codes.cast(pl.Int64).fill_null(0).to_numpy(),
        **one_state(missing),
        levels=tuple(levels.to_list()),
        declared=declared,
    )


def _unit(dtype):
    if dtype == pl.Date:
        return NANOSECONDS["D"]
    return 1 if dtype == pl.Time else NANOSECONDS[dtype.time_unit]


def write_series(cells, dtype):
    """Return the series of a dtype that cells were read from."""
    if cells.kind in ("category", "decimal", "nothing") or dtype in _LONG:
        return _write_objects(cells, dtype)
    values = cells.values
    if dtype.is_integer():
        values = limited(values, np.dtype(str(dtype).lower()))
    elif cells.kind == "ticks":
        values = _limited_times(values, dtype)
    for marker in set(cells.markers) - {"missing"}:
        values[cells.missing(marker)] = float(marker)
    series = pl.Series(values).cast(dtype)
    missing = cells.missing("missing")
    if not missing.any():
        return series
    # Series.set knows no times before polars 2.
    return pl.select(pl.when(pl.Series(~missing)).then(series)).to_series()


def _write_objects(cells, dtype):
    if cells.kind == "decimal":
        cells = limited_decimals(cells, dtype.precision)
    if dtype in (pl.Categorical, pl.Enum):
        return pl.Series(write_objects(cells).tolist(), dtype=pl.String).cast(dtype)
    return pl.Series(write_objects(cells).tolist(), dtype=dtype)


def _limited_times(ticks, dtype):
    if dtype == pl.Time:
        return np.clip(ticks, 0, NANOSECONDS["D"] - 1)
    return limited(ticks, np.dtype(np.int32)) if dtype == pl.Date else ticks
