"""Columns of every type, and what an encryptor may do to them at worst."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

N_ROWS = 60


def returned(Z_fit, Z, seed=0):
    """Return rows as an encryptor that was fitted on `Z_fit` may return them at worst.

    Shifted by 2**-28 of a standard deviation; columns that were whole in fit come back
    whole where they are that near.
    """
    rng = np.random.default_rng(seed)
    deviation = Z_fit.std(axis=0)
    deviation[deviation == 0] = 1.0
    found = Z + rng.choice([-1.0, 1.0], size=Z.shape) * 2.0**-28 * deviation
    whole = (Z_fit == np.rint(Z_fit)).all(axis=0)
    near = np.abs(found - np.rint(found)) <= 2.0**-27 * deviation
    return np.where(whole & near, np.rint(found), found)


def with_gaps(series):
    series = series.copy()
    series.iloc[[3, 7]] = None
    return series


def pandas_columns(seed=0):
    """Return series of 60 rows by the name of what they hold."""
    rng = np.random.default_rng(seed)
    whole, real = rng.integers(0, 100, N_ROWS), rng.normal(size=N_ROWS)
    texts = ["abc"[i % 3] for i in whole]
    days = pd.to_datetime("2020-01-01") + pd.to_timedelta(whole, "D")
    columns = {
        "int8": pd.Series(whole, dtype="int8"),
        "int64": pd.Series(whole),
        "uint64 above int64": pd.Series(whole, dtype="uint64") + 2**63,
        "integers beyond 2**53": pd.Series(whole * 10**16 + whole),
        "sentinel": pd.Series(np.where(whole < 5, 999_999_999, whole)),
        "lowest integer": pd.Series(np.where(whole < 5, -(2**63), whole)),
        "float64": pd.Series(real),
        "decimals": pd.Series(real.round(2)),
        "float32": pd.Series(real, dtype="float32"),
        "float16": pd.Series(real, dtype="float16"),
        "float64 with NaN": with_gaps(pd.Series(real)),
        "infinities": pd.Series(np.where(whole < 5, np.inf, real)),
        "negative zeros": pd.Series(np.where(whole < 50, -0.0, 1.5)),
        "decimals with 1e12": pd.Series(np.where(whole < 5, 1e12, real.round(2))),
        "decimals, -0.0, 1e12": pd.Series(np.where(whole < 5, 1e12, -0.0)),
        "far from zero": pd.Series(1e9 + 1e-6 * real),
        "tiny": pd.Series(real * 1e-310),
        "huge": pd.Series(real * 1e307),
        "all NaN": pd.Series(np.full(N_ROWS, np.nan)),
        "bool": pd.Series(whole > 50),
        "boolean": with_gaps(pd.Series(whole > 50, dtype="boolean")),
        "Int32": with_gaps(pd.Series(whole, dtype="Int32")),
        "UInt64": with_gaps(pd.Series(whole, dtype="UInt64")),
        "Float64": with_gaps(pd.Series(real, dtype="Float64")),
        "str": pd.Series(texts),
        "str with gaps": with_gaps(pd.Series(texts)),
        "string": with_gaps(pd.Series(texts, dtype="string")),
        "object text": pd.Series(texts, dtype=object),
        "text of many values": pd.Series([f"v{i}" for i in whole]),
        "category": with_gaps(pd.Series(pd.Categorical(texts, list("zbcay")))),
        "ordered": pd.Series(pd.Categorical(texts, list("zbcay"), ordered=True)),
        "category of int": with_gaps(pd.Series(pd.Categorical(whole % 4))),
        "datetime": with_gaps(pd.Series(days)),
        "datetime ns": pd.Series(pd.to_datetime(rng.integers(0, 2**60, N_ROWS))),
        "time zone": with_gaps(pd.Series(days.tz_localize("Europe/Berlin"))),
        "timedelta": with_gaps(
            pd.Series(pd.to_timedelta(rng.integers(0, 10**15, N_ROWS)))
        ),
        "date": pd.Series([day.date() for day in days], dtype=object),
        "date with None": pd.Series(
            [day.date() if day.day > 5 else None for day in days], dtype=object
        ),
        "time": pd.Series([dt.time(i % 24, i % 60, 1, i) for i in whole.tolist()]),
        "Decimal": pd.Series([Decimal(i).scaleb(-2) for i in whole.tolist()]),
        "mixed": pd.Series(
            [[1, "a", 2.5, None, True, np.nan, pd.NA][i % 7] for i in whole],
            dtype=object,
        ),
        "period": with_gaps(pd.Series(days.to_period("M"))),
        "interval": pd.Series(pd.cut(real, 4)),
        "interval array": pd.Series(
            pd.arrays.IntervalArray.from_arrays(whole % 5, whole % 5 + 1)
        ),
        "sparse": pd.Series(pd.arrays.SparseArray((whole % 3) * (whole > 60))),
        "None": pd.Series([None] * N_ROWS, dtype=object),
        "constant": pd.Series(5, index=range(N_ROWS)),
        "constant float": pd.Series(0.1 + 0.2, index=range(N_ROWS)),
        "Python ints beyond 2**64": pd.Series(
            [i * 10**20 for i in (whole % 5).tolist()], dtype=object
        ),
        "bytes": pd.Series([b"a", b"b", b"c"] * (N_ROWS // 3), dtype=object),
    }
    times = [dt.time(i % 24) for i in whole.tolist()]
    cents = [Decimal(i).scaleb(-2) for i in whole.tolist()]
    for kind, values in {
        pa.int64(): whole,
        pa.uint16(): whole,
        pa.float64(): real,
        pa.float32(): real.astype(np.float32),
        pa.bool_(): whole > 50,
        pa.string(): texts,
        pa.large_string(): texts,
        pa.date32(): [day.date() for day in days],
        pa.timestamp("us"): days,
        pa.timestamp("ns", "UTC"): days.tz_localize("UTC"),
        pa.duration("ms"): pd.to_timedelta(whole, "s"),
        pa.time64("us"): times,
        pa.binary(): [b"a", b"b", b"c"] * (N_ROWS // 3),
        pa.decimal128(8, 2): cents,
    }.items():
        series = pd.Series(pd.array(values, dtype=pd.ArrowDtype(kind)))
        columns[f"Arrow {kind}"] = with_gaps(series)
    encoded = pa.array(texts).dictionary_encode()
    columns["Arrow dictionary"] = pd.Series(pd.arrays.ArrowExtensionArray(encoded))
    return columns


def polars_columns(seed=0):
    """Return polars' series of 60 rows by the name of what they hold."""
    names = [
        *("int8", "int64", "uint64 above int64", "integers beyond 2**53", "sentinel"),
        *("float64", "decimals", "float32", "float64 with NaN", "infinities"),
        *("negative zeros", "decimals with 1e12", "all NaN", "bool", "boolean"),
        *("Int32", "str", "str with gaps", "datetime", "datetime ns", "time zone"),
        *("timedelta", "date", "date with None", "time", "Decimal", "bytes"),
    ]
    series = pandas_columns(seed)
    columns = {name: pl.Series(name, pl.from_pandas(series[name])) for name in names}
    text = columns["str with gaps"]
    columns["Enum"] = text.cast(pl.Enum(["z", "a", "b", "c"]))
    columns["Categorical"] = text.cast(pl.Categorical)
    columns["Null"] = pl.Series([None] * N_ROWS)
    columns["null and NaN"] = pl.Series([None, float("nan"), 1.5] * (N_ROWS // 3))
    columns["Int128"] = columns["int64"].cast(pl.Int128)
    return columns
