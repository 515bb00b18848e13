"""Real files of mixed types: there and back in two processes, and what models keep.

    python benchmarks/real_tables.py round-trips [--only cars] [--large FILE COLUMN]
    python benchmarks/real_tables.py accuracy [--only penguins cars]

``round-trips`` writes each table as CSV, and as Parquet by pandas and by polars; one
process of the command line encrypts it and another decrypts it. CSV must have the same
bytes again, frames pass ``assert_frame_equal(check_exact=True)``. ``--large`` adds a
CSV file and its target.

``accuracy`` holds out a fifth of the rows, three times. Three models learn from the
rows behind scikit-learn's usual ColumnTransformer (medians, scaled numbers, one-hot
text, days as numbers), and from their ciphertexts behind a TableEncoder. They are asked
about the held-out rows: accuracy, or R2. Columns that the encoder seals (identifiers)
are left out for both.

The tables come from palmerpenguins and vega_datasets (``pip install -e ".[test]"``).
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
from fixed_keys import fixed_key
from pandas.testing import assert_frame_equal
from polars.testing import assert_frame_equal as assert_polars_equal
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from sklearn_homeo import HomeomorphicEncryptor, SecretKey, TableEncoder

N_SPLITS = 3
PASSPHRASE = "twelve quiet herons over the bay"


def folder_of(package, *parts):
    """Return a folder of an installed package."""
    return Path(find_spec(package).submodule_search_locations[0], *parts)


def tables():
    """Yield each table's name, frame and target."""
    penguins = folder_of("palmerpenguins", "data")
    vega = folder_of("vega_datasets", "_data")
    yield "penguins", pd.read_csv(penguins / "penguins.csv"), "species"
    yield "penguins-raw", pd.read_csv(penguins / "penguins-raw.csv"), "Sex"
    yield "cars", pd.read_json(vega / "cars.json"), "Miles_per_Gallon"
    yield "seattle-weather", pd.read_csv(vega / "seattle-weather.csv"), "weather"
    yield "us-employment", pd.read_csv(vega / "us-employment.csv"), "nonfarm"
    yield "airports", pd.read_csv(vega / "airports.csv"), "longitude"
    yield "barley", pd.read_json(vega / "barley.json"), "yield"
    yield "stocks", pd.read_csv(vega / "stocks.csv"), "price"
    yield "la-riots", pd.read_csv(vega / "la-riots.csv"), "gender"
    yield "iowa-electricity", pd.read_csv(vega / "iowa-electricity.csv"), "source"


def with_days(table):
    """Return a table whose texts of days are days, as the command line reads them."""
    days = [name for name in table if name.lower() in ("date", "month", "date egg")]
    return table.assign(**{name: pd.to_datetime(table[name]) for name in days})


def verb(*arguments):
    """Run a verb in a process of its own; returns its seconds."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "sklearn_homeo", *map(str, arguments)]
    environment = {**os.environ, "SKLEARN_HOMEO_PASSPHRASE": PASSPHRASE}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    return time.perf_counter() - start


def csv_file(table, path):
    table.to_csv(path, index=False)
    return lambda back: back.read_bytes() == path.read_bytes()


def pandas_file(table, path):
    table.to_parquet(path)
    expected = pd.read_parquet(path)
    return lambda back: (
        assert_frame_equal(pd.read_parquet(back), expected, check_exact=True) is None
    )


def polars_file(table, path):
    expected = pl.from_pandas(table)
    expected.write_parquet(path)
    return lambda back: (
        assert_polars_equal(pl.read_parquet(back), expected, check_exact=True) is None
    )


KINDS = {"csv": csv_file, "pandas": pandas_file, "polars": polars_file}


def round_trips(only, large):
    """Print for each table whether it came back, and how long that took."""
    wanted = [table for table in tables() if not only or table[0] in only]
    if large:
        path, target = large
        wanted.append((Path(path).stem, pd.read_csv(path, low_memory=False), target))
    with tempfile.TemporaryDirectory() as folder:
        key = Path(folder, "my.key")
        SecretKey.generate().save(key, PASSPHRASE)
        for name, table, target in wanted:
            for kind, write in KINDS.items():
                suffix = ".csv" if kind == "csv" else ".parquet"
                path = Path(folder, f"{name}-{kind}{suffix}")
                came_back = write(table, path)
                out = Path(folder, f"{name}-{kind}")
                keyed = ("--key", key, "--out")
                there = verb("encrypt", path, "--target", target, *keyed, out)
                ciphertexts, sealed = (
                    out / "ciphertext.parquet",
                    out / "encryptor.sealed",
                )
                back = path.with_stem(f"{path.stem}-back")
                again = verb("decrypt", ciphertexts, "--with", sealed, *keyed, back)
                result = "equal" if came_back(back) else "DIFFERENT"
                print(
                    f"{name:18} {kind:7} {len(table):7} rows  {result}  encrypt "
                    f"{there:5.1f} s, decrypt {again:5.1f} s",
                    flush=True,
                )


def usual(table):
    """Return scikit-learn's usual way of making numbers of a mixed table."""
    numbers = make_column_selector(dtype_include="number")
    days = make_column_selector(dtype_include="datetime")
    texts = make_column_selector(dtype_exclude=["number", "datetime"])
    one_hot = OneHotEncoder(
        handle_unknown="infrequent_if_exist", max_categories=30, sparse_output=False
    )
    scaled = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    since = FunctionTransformer(lambda X: X.astype("int64").astype(float))
    days_scaled = make_pipeline(since, StandardScaler())
    return ColumnTransformer(
        [
            ("numbers", scaled, numbers),
            ("days", days_scaled, days),
            ("text", one_hot, texts),
        ]
    ).fit(table)


def models(is_class):
    """Return the models of a task."""
    if is_class:
        return [
            LogisticRegression(max_iter=2000),
            KNeighborsClassifier(),
            RandomForestClassifier(random_state=0),
        ]
    return [Ridge(), KNeighborsRegressor(), RandomForestRegressor(random_state=0)]


def scores(Z_train, y_train, Z_test, y_test, is_class):
    """Return the models' accuracies, or R2."""
    found = []
    for model in models(is_class):
        fitted = make_pipeline(StandardScaler(), model).fit(Z_train, y_train)
        found.append(fitted.score(Z_test, y_test))
    return found


def measure(table, target, seed):
    """Return scores on plain rows and on ciphertexts, of one split."""
    table = with_days(table[table[target].notna()])
    is_class = table[target].dtype.kind not in "iuf"
    if is_class:
        counts = table[target].value_counts()
        table = table[table[target].isin(counts[counts > 5].index)]
    features, y = table.drop(columns=target).reset_index(drop=True), table[target]
    X_train, X_test, y_train, y_test = train_test_split(
        features,
        y.to_numpy(),
        test_size=0.2,
        stratify=y if is_class else None,
        random_state=seed,
    )
    encoder = TableEncoder(handle_unknown="ignore").fit(X_train)
    encryptor = HomeomorphicEncryptor(key=fixed_key(seed))
    encryptor.fit(encoder.transform(X_train), y_train)
    plain = usual(encoder.split(X_train)[0])
    encrypted = [encryptor.transform(encoder.transform(X)) for X in (X_train, X_test)]
    usually = [plain.transform(encoder.split(X)[0]) for X in (X_train, X_test)]
    return (
        *(
            scores(Z_train, y_train, Z_test, y_test, is_class)
            for Z_train, Z_test in (usually, encrypted)
        ),
        f"{encryptor.leakage_}, {encryptor.leakage_bits_:.1f} bits",
        is_class,
    )


def accuracy(only):
    """Print the scores of each table, and their means."""
    losses = {True: [], False: []}
    for name, table, target in tables():
        if only and name not in only:
            continue
        splits = [measure(table, target, seed) for seed in range(N_SPLITS)]
        plain, encrypted = (np.mean([s[i] for s in splits], axis=0) for i in (0, 1))
        is_class = splits[0][3]
        losses[is_class].append(float(np.mean(plain - encrypted)))
        kind, lost = "accuracy" if is_class else "R2", losses[is_class][-1]
        print(
            f"{name:18} {target:16} {kind:8} plain {np.round(plain, 3)} encrypted "
            f"{np.round(encrypted, 3)} lost {lost:.4f} ({splits[0][2]})",
            flush=True,
        )
    for is_class, found in losses.items():
        if found:
            kind = "accuracy" if is_class else "R2"
            print(f"mean loss of {kind} over {len(found)} tables: {np.mean(found):.4f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    there_and_back = verbs.add_parser("round-trips")
    there_and_back.add_argument("--large", nargs=2, metavar=("FILE", "COLUMN"))
    kept = verbs.add_parser("accuracy")
    for sub in (there_and_back, kept):
        sub.add_argument("--only", nargs="+", metavar="TABLE")
    options = parser.parse_args()
    with warnings.catch_warnings(action="ignore"):
        if options.verb == "round-trips":
            round_trips(options.only, options.large)
        else:
            accuracy(options.only)


if __name__ == "__main__":
    main()
