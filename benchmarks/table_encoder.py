"""Time of TableEncoder beside pandas' get_dummies, on 20 columns of mixed types.

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
    """Return the times of three calls."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        result = function(*arguments)
        times.append(time.perf_counter() - start)
        del result
    return ", ".join(f"{t:.2f}" for t in times)


def main(n_rows=1_000_000):
    table, encoder = make_table(n_rows), TableEncoder()
    print(f"{n_rows} rows, {table.shape[1]} columns; seconds of three calls")
    with warnings.catch_warnings(action="ignore"):
        print("get_dummies, to_numpy ", seconds(dummies, table))
        print("fit                   ", seconds(encoder.fit, table))
        print("transform             ", seconds(encoder.transform, table))
        Z = encoder.transform(table)
        print("inverse_transform     ", seconds(encoder.inverse_transform, Z))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
