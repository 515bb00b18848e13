"""Time of TableEncoder against pandas' get_dummies, on 20 columns of mixed types.

python benchmarks/table_encoder.py [N_ROWS]
"""

import sys
import time
import warnings

import numpy as np
import pandas as pd

from sklearn_homeo import TableEncoder


def make_table(n_rows):
    """Return a table of decimals, floats, integers, gaps, days, text and flags."""
    rng = np.random.default_rng(0)
    columns = {f"decimal{i}": rng.normal(40, 5, n_rows).round(1) for i in range(4)}
    columns |= {f"float{i}": rng.normal(size=n_rows) for i in range(2)}
    columns |= {f"integer{i}": rng.integers(0, 100, n_rows) for i in range(3)}
    columns["large"] = rng.integers(0, 10**12, n_rows)
    gaps = rng.random(n_rows) < 0.1
    columns["gaps"] = np.where(gaps, np.nan, rng.normal(size=n_rows).round(2))
    days = pd.to_timedelta(rng.integers(0, 1000, n_rows), "D")
    columns["day"] = pd.to_datetime("2020-01-01") + days
    letters = np.array(list("abcdefgh"), dtype=object)
    for i in range(5):
        columns[f"text{i}"] = letters[rng.integers(0, 2 + i, n_rows)]
    codes = rng.integers(0, 5, n_rows)
    columns["category"] = pd.Categorical.from_codes(codes, list("vwxyz"))
    columns |= {f"flag{i}": rng.random(n_rows) < 0.3 for i in range(2)}
    return pd.DataFrame(columns)


def dummies(table):
    """Return what pandas makes of the table; it leaves days as they are."""
    table = table.assign(day=table["day"].astype("int64"))
    return pd.get_dummies(table).to_numpy(dtype=np.float64)


def seconds(function, *arguments):
    """Return the time of one call."""
    start = time.perf_counter()
    result = function(*arguments)
    elapsed = time.perf_counter() - start
    del result
    return elapsed


def main(n_rows=1_000_000, n_calls=5):
    """Print medians of calls in turn, and of their quotients; the first is left out."""
    table, encoder = make_table(n_rows), TableEncoder()
    print(f"{n_rows} rows, {table.shape[1]} columns; medians of {n_calls} calls")
    with warnings.catch_warnings(action="ignore"):
        Z = encoder.fit(table).transform(table)
        calls = {
            "get_dummies, to_numpy": lambda: dummies(table),
            "transform": lambda: encoder.transform(table),
            "fit": lambda: encoder.fit(table),
            "inverse_transform": lambda: encoder.inverse_transform(Z),
        }
        times = [[seconds(call) for call in calls.values()] for _ in range(n_calls + 1)]
    times = np.array(times[1:])
    ratios = np.median(times / times[:, :1], axis=0)
    rows = zip(calls, np.median(times, axis=0), ratios, strict=True)
    for name, median, ratio in rows:
        print(f"{name:22} {median:6.2f} s {ratio:6.2f} x get_dummies")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
