"""Several owners: a fit from their sums, and one from pooled rows.

    python benchmarks/owners.py
    python benchmarks/owners.py --only digits --repeats 40 --first 100
    python benchmarks/owners.py --features cats_dogs.npz --only cats_dogs

Two fifths of the rows are held out, the others are dealt to 3 and to 20 owners, the
first of whom has far more than the last. Encryptors are fitted to their sums and, to
compare, to the pooled rows, and once more to these in another order ("reordered"): how
far that is from the first fit is what chance does. Five models learn from the
ciphertexts of all; accuracies are means over the models. In the first split sums are
masked, and masked totals compared with plain ones, bit by bit. Writes owners.csv and
prints a table: accuracy, by how many points it differs from that of the pooled fit on
the same split, with the 95 % interval over splits, cells, seconds of the fit without
the owners' sums, seconds of the slowest owner's sums, and megabytes that an owner sends
in all rounds together.
"""

import argparse
import time
import warnings
from functools import partial
from pathlib import Path

import numpy as np
from csv_files import write_csv
from fixed_keys import fixed_key
from image_tables import load_features, load_images
from intervals import percent_interval
from joblib import Parallel, delayed
from leakage import learn, product
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.model_selection import train_test_split
from tqdm import tqdm

from sklearn_homeo import HomeomorphicEncryptor, MaskingKey, SummaryPlan

DATA = {
    "breast cancer": lambda: load_breast_cancer(return_X_y=True),
    "digits": lambda: load_digits(return_X_y=True),
    "product among 20": product,
}
OWNERS = (3, 20)
# Splits; small tables need more of them.
REPEATS, SMALL_REPEATS, SMALL_ROWS = 8, 24, 1000


def split(name, repeat, tables):
    """Training and test rows and labels."""
    X, y = tables[name] if name in tables else DATA[name]()
    return train_test_split(X, y, test_size=0.4, random_state=repeat, stratify=y)


def dealt(X, y, n_owners, seed):
    """Rows of owners, the first of whom has about twice as many as all others' mean."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(X))
    sizes = np.linspace(2.0, 0.5, n_owners)
    cuts = np.rint(np.cumsum(sizes)[:-1] / sizes.sum() * len(X)).astype(int)
    return [(X[rows], y[rows]) for rows in np.split(order, cuts)]


def fit_from_sums(owners, classes, key, masked):
    """The encryptor of the owners' sums, and what the rounds cost."""
    keys = {f"owner {i}": MaskingKey.generate() for i in range(len(owners))}
    roster = {name: one.public for name, one in keys.items()}
    # Masks change no total; without them a few rows of a class are fine here.
    plan = SummaryPlan(owners[0][0].shape[1], classes, masked=masked, min_group_size=1)
    sent, seconds, fitting = 0, np.zeros(len(owners)), 0.0
    while True:
        plain = hidden = 0
        for i, (rows, name) in enumerate(zip(owners, keys, strict=True)):
            start = time.perf_counter()
            own = plan.summarize(*rows)
            seconds[i] += time.perf_counter() - start
            plain += own
            hidden += own.masked(name, keys[name], roster) if masked else own
            sent += own.nbytes * (i == 0)
        for name, value in plan.totals(hidden).items():
            assert np.array_equal(value, plain._arrays[name]), "masks left a trace"
        start = time.perf_counter()
        if plan.is_last:
            encryptor = HomeomorphicEncryptor.from_summaries(hidden, key=key)
            fitting += time.perf_counter() - start
            costs = {"seconds": fitting, "owner's seconds": seconds.max()}
            return encryptor, {**costs, "megabytes": sent / 1e6}
        plan = plan.advance(hidden)
        fitting += time.perf_counter() - start


def fit_pooled(X, y, key):
    """The encryptor of pooled rows, and how long it took."""
    start = time.perf_counter()
    encryptor = HomeomorphicEncryptor(leakage="cells", key=key).fit(X, y)
    return encryptor, {"seconds": time.perf_counter() - start}


def measure(name, repeat, tables, is_first):
    """Records of one data set and split."""
    warnings.simplefilter("ignore")
    X, X_test, y, y_test = split(name, repeat, tables)
    start = {"data": name, "repeat": repeat}
    records = [{**start, "setting": "plain", **learn(X, X_test, y, y_test, False)}]
    key, classes = fixed_key(repeat), np.unique(y).tolist()
    order = np.random.default_rng(repeat).permutation(len(X))
    fits = {
        "pooled": lambda: fit_pooled(X, y, key),
        "reordered": lambda: fit_pooled(X[order], y[order], key),
        **{
            f"{n} owners": partial(
                fit_from_sums, dealt(X, y, n, repeat), classes, key, is_first
            )
            for n in OWNERS
        },
    }
    for setting, fit in fits.items():
        encryptor, costs = fit()
        Z, Z_test = encryptor.transform(X), encryptor.transform(X_test)
        found = learn(Z, Z_test, y, y_test, False)
        records.append(
            {
                **start,
                "setting": setting,
                **found,
                "cells": encryptor.n_cells_,
                "family": encryptor.probe_scores_[0].name,
                **costs,
            }
        )
    return records


def lines(records):
    """The table, means over splits; differences from pooled in points, by split."""
    columns = ["accuracy", "ROC AUC", "cells", "seconds", "owner's seconds"]
    columns += ["megabytes"]
    yield f"{'data':18}{'setting':14}{'points':>14}" + "".join(
        f"{c:>16}" for c in columns
    )
    pooled = {
        (r["data"], r["repeat"]): r["accuracy"]
        for r in records
        if r["setting"] == "pooled"
    }
    for data, setting in dict.fromkeys((r["data"], r["setting"]) for r in records):
        rows = [r for r in records if (r["data"], r["setting"]) == (data, setting)]
        lost = [r["accuracy"] - pooled[data, r["repeat"]] for r in rows]
        points = f"{100 * np.mean(lost):.2f}{percent_interval(lost)}"
        cells = "".join(
            f"{np.mean([r[c] for r in rows]):16.4f}" if c in rows[0] else f"{'':16}"
            for c in columns
        )
        yield f"{data:18}{setting:14}{points:>14}{cells}"


def main(argv=None):
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--only", nargs="+", metavar="NAME", help="of the data sets; all otherwise")
    add("--features", nargs="+", default=[], metavar="FILE.npz", help="a table each")
    add("--images", nargs="+", metavar="FOLDER", help="one table; sub-folder a class")
    add("--repeats", type=int, help="splits; by default more of small tables")
    add("--first", type=int, default=0, help="number of the first split")
    add("--jobs", type=int, default=-1, help="processes; as many as there are cores")
    add("--out", default="benchmarks/output", metavar="DIR")
    options = parser.parse_args(argv)
    tables = list(map(load_features, options.features))
    tables += [load_images(*options.images)] if options.images else []
    tables = {table.name: (table.X, table.y) for table in tables}
    jobs = []
    for name in options.only or [*DATA, *tables]:
        _, y = tables[name] if name in tables else DATA[name]()
        repeats = SMALL_REPEATS if len(y) < SMALL_ROWS else REPEATS
        for i in range(options.repeats or repeats):
            jobs.append(delayed(measure)(name, options.first + i, tables, i == 0))
    folder, records = Path(options.out), []
    folder.mkdir(parents=True, exist_ok=True)
    found = Parallel(options.jobs, return_as="generator")(jobs)
    for some in tqdm(found, total=len(jobs)):
        records += some
        write_csv(records, folder / "owners.csv")
    print("\n".join(lines(records)))


if __name__ == "__main__":
    main()
