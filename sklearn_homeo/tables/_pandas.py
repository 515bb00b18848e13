"""pandas' data frames as tables."""

import numpy as np
import pandas as pd

from sklearn_homeo.tables._arrays import (
    NANOSECONDS,
    limited,
    read_array,
    read_times,
    write_array,
)
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

__all__ = ["PandasTable"]


class PandasTable:
    """A pandas data frame.

    Parameters
    ----------
    X : pandas.DataFrame
    """

    library = "pandas"

    def __init__(self, X):
        self.frame = X
        self.labels = list(X.columns)
        self.dtypes = list(X.dtypes)
        self.index = X.index

    def __len__(self):
        return len(self.frame)

    def read(self, place, known=()):
        """Return the cells of a column; of text, with `known` levels if those do."""
        series = self.frame.iloc[:, place]
        if known and isinstance(series.dtype, pd.StringDtype | pd.ArrowDtype):
            found = _read_known_text(series, known)
            if found is not None:
                return found
        return read_series(series)

    def select(self, places):
        """Return some columns, as a frame."""
        return self.frame.iloc[:, places]

    @staticmethod
    def build(columns, labels, dtypes, index):
        """Return a frame of columns.

        Parameters
        ----------
        columns : list of Cells or of pandas.Series
        labels, dtypes : list
            Those of the columns.
        index : pandas.Index or None
            None numbers the rows.
        """
        written = {
            i: write_series(column, dtype) if isinstance(column, Cells) else column
            for i, (column, dtype) in enumerate(zip(columns, dtypes, strict=True))
        }
        if index is None:
            n_rows = len(written[0]) if written else 0
            index = pd.RangeIndex(n_rows)
        for i, column in written.items():
            column = pd.Series(column, copy=False)
            column.index = index
            written[i] = column
        frame = pd.DataFrame(written, index=index)
        frame.columns = labels if isinstance(labels, pd.Index) else pd.Index(labels)
        return frame


def read_series(series):
    """Return the cells of a series."""
    dtype = series.dtype
    if isinstance(dtype, np.dtype):
        return read_array(series.to_numpy())
    for kind, read in _READERS.items():
        if isinstance(dtype, kind):
            return read(series)
    raise UnsupportedColumn(f"dtype {dtype}")


def _read_categories(series):
    codes = series.cat.codes.to_numpy().astype(np.int64)
    return Cells(
        "category",
        codes,
        **one_state(codes < 0),
        levels=tuple(series.cat.categories.tolist()),
        declared=True,
        ordered=bool(series.cat.ordered),
    )


def _read_text(series):
    codes, levels = pd.factorize(series)
    return Cells(
        "category", codes.astype(np.int64), **one_state(codes < 0), levels=tuple(levels)
    )


def _read_known_text(series, known):
    """Return the cells of a column of no other texts than `known`, else None.

    A third of the time of `_read_text`, as no table of what is there is made.
    """
    if not hasattr(series.array, "__arrow_array__"):
        return None
    import pyarrow as pa
    import pyarrow.compute as pc

    array = series.array.__arrow_array__()
    if not _is_arrow_text(array.type) or not all(isinstance(k, str) for k in known):
        return None
    codes = pc.index_in(array, value_set=pa.array(known, array.type))
    if codes.null_count > array.null_count:
        return None
    codes = codes.fill_null(-1).to_numpy().astype(np.int64)
    return Cells("category", codes, **one_state(codes < 0), levels=known)


def _read_zoned(series):
    naive = series.dt.tz_convert("UTC").dt.tz_localize(None)
    return read_times(naive.to_numpy())


def _read_periods(series):
    ordinals = pd.PeriodIndex(series).asi8
    missing = series.isna().to_numpy()
    ticks = np.where(missing, 0, ordinals)
    return Cells("ticks", ticks, unit=str(series.dtype), **one_state(missing))


def _read_masked(series):
    missing = series.isna().to_numpy()
    kind = series.dtype.kind
    dtype = series.dtype.numpy_dtype
    values = series.to_numpy(dtype=dtype, na_value=dtype.type(0))
    if kind == "f":
        return float_cells(values, missing)
    cells = read_array(values)
    return Cells(cells.kind, cells.values, **one_state(missing))


def _read_sparse(series):
    return read_series(series.sparse.to_dense())


def _read_intervals(series):
    return read_objects(series.to_numpy(dtype=object))


def _read_arrow(series):
    import pyarrow as pa

    kind = series.dtype.pyarrow_dtype
    if any(unread(kind) for unread in _unread_kinds()):
        raise UnsupportedColumn(f"dtype {series.dtype}")
    missing = series.isna().to_numpy()
    if pa.types.is_null(kind):
        return Cells("nothing", np.zeros(len(series), np.int64), **one_state(missing))
    if _is_arrow_text(kind):
        return _read_text(series)
    if pa.types.is_decimal(kind):
        return read_objects(series.to_numpy(dtype=object, na_value=None))
    array = series.array.__arrow_array__()
    array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    if pa.types.is_temporal(kind):
        small = pa.int64() if kind.bit_width == 64 else pa.int32()
        values = array.cast(small).cast(pa.int64()).fill_null(0).to_numpy(False)
        return Cells("ticks", values, unit=_arrow_unit(kind), **one_state(missing))
    if pa.types.is_dictionary(kind):
        codes = array.indices.fill_null(0).to_numpy(False).astype(np.int64)
        return Cells(
            "category",
            codes,
            **one_state(missing),
            levels=tuple(array.dictionary.to_pylist()),
            declared=True,
            ordered=bool(kind.ordered),
        )
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind):
        nothing = False if pa.types.is_boolean(kind) else 0
        cells = read_array(array.fill_null(nothing).to_numpy(False))
        return Cells(cells.kind, cells.values, **one_state(missing))
    if pa.types.is_floating(kind):
        return float_cells(array.fill_null(0.0).to_numpy(False), missing)
    return read_objects(series.to_numpy(dtype=object, na_value=None))


def _unread_kinds():
    """Tests for types of which pandas or Arrow cannot count the values."""
    import pyarrow as pa

    return pa.types.is_string_view, pa.types.is_binary_view, pa.types.is_interval


def _is_arrow_text(kind):
    import pyarrow as pa

    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _arrow_unit(kind):
    import pyarrow as pa

    if pa.types.is_date32(kind):
        return NANOSECONDS["D"]
    return NANOSECONDS["ms" if pa.types.is_date64(kind) else kind.unit]


# Intervals come before others: each of these is no subclass of another.
_READERS = {
    pd.CategoricalDtype: _read_categories,
    pd.DatetimeTZDtype: _read_zoned,
    pd.PeriodDtype: _read_periods,
    pd.IntervalDtype: _read_intervals,
    pd.SparseDtype: _read_sparse,
    pd.StringDtype: _read_text,
    pd.ArrowDtype: _read_arrow,
    pd.BooleanDtype: _read_masked,
    **dict.fromkeys(
        (
            *(pd.Int8Dtype, pd.Int16Dtype, pd.Int32Dtype, pd.Int64Dtype),
            *(pd.UInt8Dtype, pd.UInt16Dtype, pd.UInt32Dtype, pd.UInt64Dtype),
            *(pd.Float32Dtype, pd.Float64Dtype),
        ),
        _read_masked,
    ),
}


def write_series(cells, dtype):
    """Return the series of a dtype that cells were read from."""
    if isinstance(dtype, np.dtype):
        values = write_array(cells, dtype)
        return pd.Series(values, dtype=object if dtype.kind == "O" else None)
    for kind, write in _WRITERS.items():
        if isinstance(dtype, kind):
            return write(cells, dtype)
    raise UnsupportedColumn(f"dtype {dtype}")


def _write_categories(cells, dtype):
    places = {level: i for i, level in enumerate(dtype.categories)}
    table = np.array([*(places.get(level, -1) for level in cells.levels), -1])
    codes = table[np.where(cells.present, cells.values, -1)]
    return pd.Series(pd.Categorical.from_codes(codes, dtype=dtype))


def _write_text(cells, dtype):
    levels = np.array([*cells.levels, None], dtype=object)
    objects = levels[np.where(cells.present, cells.values, -1)]
    return pd.Series(pd.array(objects, dtype=dtype))


def _write_zoned(cells, dtype):
    naive = pd.Series(write_array(cells, np.dtype(f"M8[{dtype.unit}]")))
    return naive.dt.tz_localize("UTC").dt.tz_convert(dtype.tz)


def _write_periods(cells, dtype):
    ordinals = np.where(cells.present, cells.values, pd.NaT._value)
    return pd.Series(pd.PeriodIndex.from_ordinals(ordinals, freq=dtype.freq))


def _write_masked(cells, dtype):
    missing = cells.missing("missing")
    numpy_dtype = dtype.numpy_dtype
    if numpy_dtype.kind in "iu":
        values = limited(cells.values, numpy_dtype)
    else:
        values = cells.values.astype(numpy_dtype)
    for marker in set(cells.markers) - {"missing"}:
        values[cells.missing(marker)] = float(marker)
    return pd.Series(dtype.construct_array_type()(values, missing))


def _write_sparse(cells, dtype):
    return write_series(cells, dtype.subtype).astype(dtype)


def _write_intervals(cells, dtype):
    objects = write_objects(cells)
    if dtype.subtype.kind in "iu":
        # Only made-up rows: intervals of integers have no missing value.
        objects[~cells.present] = cells.levels[0]
    return pd.Series(pd.array(objects, dtype=dtype))


def _write_arrow(cells, dtype):
    import pyarrow as pa

    kind = dtype.pyarrow_dtype
    missing = cells.missing("missing")
    if cells.kind == "decimal":
        cells = limited_decimals(cells, kind.precision)
    if cells.kind in ("category", "decimal", "nothing"):
        array = pa.array(write_objects(cells), type=kind, from_pandas=True)
    elif cells.kind == "ticks":
        array = _arrow_times(cells, kind, missing)
    else:
        values = cells.values
        if pa.types.is_integer(kind):
            values = limited(values, np.dtype(str(kind)))
        for marker in set(cells.markers) - {"missing"}:
            values[cells.missing(marker)] = float(marker)
        array = pa.array(values, mask=missing).cast(kind)
    return pd.Series(pd.arrays.ArrowExtensionArray(array))


def _arrow_times(cells, kind, missing):
    import pyarrow as pa

    if kind.bit_width == 64:
        return pa.array(cells.values, mask=missing).view(kind)
    days = limited(cells.values, np.dtype(np.int32))
    return pa.array(days, mask=missing).view(kind)


_WRITERS = {
    pd.CategoricalDtype: _write_categories,
    pd.DatetimeTZDtype: _write_zoned,
    pd.PeriodDtype: _write_periods,
    pd.IntervalDtype: _write_intervals,
    pd.SparseDtype: _write_sparse,
    pd.StringDtype: _write_text,
    pd.ArrowDtype: _write_arrow,
    **{kind: _write_masked for kind, read in _READERS.items() if read is _read_masked},
}
