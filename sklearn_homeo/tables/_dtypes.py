"""Types of columns, and values that only pandas has, as plain values and back."""

import numpy as np

__all__ = ["read_dtype", "read_level", "write_dtype", "write_level"]


def write_dtype(dtype, library):
    """Return a column's type as what `dump_tree` takes.

    Parameters
    ----------
    dtype : numpy.dtype, or pandas' or polars' type
    library : {"numpy", "pandas", "polars"}

    Raises
    ------
    TypeError
        If there is no way to write it.
    """
    if isinstance(dtype, np.dtype):
        return {"numpy": dtype.str}
    return _write_polars(dtype) if library == "polars" else _write_pandas(dtype)


def read_dtype(written, library):
    """Return the type of `write_dtype`."""
    if "numpy" in written:
        return np.dtype(written["numpy"])
    return _read_polars(written) if library == "polars" else _read_pandas(written)


def _write_pandas(dtype):
    import pandas as pd

    if isinstance(dtype, pd.CategoricalDtype):
        return {
            "category": [write_level(level) for level in dtype.categories.tolist()],
            "of": write_dtype(dtype.categories.dtype, "pandas"),
            "ordered": bool(dtype.ordered),
        }
    if isinstance(dtype, pd.DatetimeTZDtype):
        return {"zone": str(dtype.tz), "unit": dtype.unit}
    if isinstance(dtype, pd.SparseDtype):
        fill = np.asarray(dtype.fill_value).item()
        return {"sparse": write_dtype(dtype.subtype, "pandas"), "fill": fill}
    if isinstance(dtype, pd.StringDtype):
        return {"string": dtype.storage, "nan": dtype.na_value is not pd.NA}
    if isinstance(dtype, pd.ArrowDtype):
        import pyarrow as pa

        schema = pa.schema([("column", dtype.pyarrow_dtype)])
        return {"arrow": schema.serialize().to_pybytes()}
    # Nullable types, periods and intervals are their names.
    if pd.api.types.pandas_dtype(str(dtype)) != dtype:
        raise TypeError(f"columns of type {dtype} cannot be written to a file")
    return {"pandas": str(dtype)}


def _read_pandas(written):
    import pandas as pd

    if "category" in written:
        levels = [read_level(level) for level in written["category"]]
        of = read_dtype(written["of"], "pandas")
        categories = pd.Index(pd.Series(levels, dtype=of))
        return pd.CategoricalDtype(categories, ordered=written["ordered"])
    if "zone" in written:
        return pd.DatetimeTZDtype(written["unit"], written["zone"])
    if "sparse" in written:
        return pd.SparseDtype(read_dtype(written["sparse"], "pandas"), written["fill"])
    if "string" in written:
        missing = np.nan if written["nan"] else pd.NA
        return pd.StringDtype(written["string"], na_value=missing)
    if "arrow" in written:
        import pyarrow as pa

        schema = pa.ipc.read_schema(pa.py_buffer(written["arrow"]))
        return pd.ArrowDtype(schema.field("column").type)
    return pd.api.types.pandas_dtype(written["pandas"])


def _write_polars(dtype):
    name = dtype.base_type().__name__
    if name == "Enum":
        return {"polars": name, "arguments": [dtype.categories.to_list()]}
    if name == "Datetime":
        return {"polars": name, "arguments": [dtype.time_unit, dtype.time_zone]}
    if name == "Duration":
        return {"polars": name, "arguments": [dtype.time_unit]}
    if name == "Decimal":
        return {"polars": name, "arguments": [dtype.precision, dtype.scale]}
    if name == "List":
        return {"polars": name, "inner": _write_polars(dtype.inner), "arguments": []}
    if name == "Array":
        inner = dtype.inner
        for _ in dtype.shape[1:]:
            inner = inner.inner
        return {
            "polars": name,
            "inner": _write_polars(inner),
            "arguments": [tuple(dtype.shape)],
        }
    if name == "Struct":
        fields = [[field.name, _write_polars(field.dtype)] for field in dtype.fields]
        return {"polars": name, "fields": fields}
    return {"polars": name, "arguments": []}


def _read_polars(written):
    import polars as pl

    kind = getattr(pl, written["polars"])
    if "fields" in written:
        return kind(
            [pl.Field(name, _read_polars(of)) for name, of in written["fields"]]
        )
    inner = [_read_polars(written["inner"])] if "inner" in written else []
    arguments = [*inner, *written["arguments"]]
    return kind(*arguments) if arguments else kind()


def write_level(level):
    """Return a value of a column as what `dump_tree` takes."""
    name = type(level).__name__
    if name == "Timestamp":
        return {"Timestamp": [level.value, level.unit, level.tz and str(level.tz)]}
    if name == "Timedelta":
        return {"Timedelta": [level.value, level.unit]}
    if name == "Interval":
        ends = [write_level(level.left), write_level(level.right)]
        return {"Interval": [*ends, level.closed]}
    if name == "Period":
        return {"Period": [level.ordinal, level.freqstr]}
    return level.item() if isinstance(level, np.generic) else level


def read_level(written):
    """Return the value of `write_level`."""
    if not isinstance(written, dict):
        return written
    import pandas as pd

    ((name, parts),) = written.items()
    if name == "Timestamp":
        value, unit, zone = parts
        moment = pd.Timestamp(value).as_unit(unit)
        return moment.tz_localize("UTC").tz_convert(zone) if zone else moment
    if name == "Timedelta":
        return pd.Timedelta(parts[0]).as_unit(parts[1])
    if name == "Interval":
        return pd.Interval(read_level(parts[0]), read_level(parts[1]), parts[2])
    return pd.Period(ordinal=parts[0], freq=parts[1])
