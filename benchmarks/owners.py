"""Several owners: a fit from their sums, and one from pooled rows.

    python benchmarks/owners.py
    python benchmarks/owners.py --only digits --repeats 20 --first 100
    python benchmarks/owners.py --features cats_dogs.npz --only cats_dogs

A fifth of the rows is held out, the others are dealt to 3 and to 20 owners, the first
of whom has far more than the last. Encryptors are fitted to their masked sums and, to
compare, to the pooled rows. Five models learn from the ciphertexts of all; accuracies
are means over the models. In every round the masked total is compared with the plain
one, bit by bit. Writes owners.csv and prints a table: accuracy, by how many points it
differs from that of the pooled fit, with the 95 % interval over splits, cells, seconds
of the fit without the owners' sums, seconds of the slowest owner's sums and masks, and
megabytes that an owner sends in all rounds together.
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
from csv_files import write_csv
from fixed_keys import fixed_key
from image_tables import load_features, load_images
from intervals import percent_interval
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


def split(name, repeat, tables):
    """Training and test rows and labels."""
    X, y = tables[name] if name in tables else DATA[name]()
    return train_test_split(X, y, test_size=0.2, random_state=repeat, stratify=y)


def dealt(X, y, n_owners, seed):
    """Rows of owners, the first of whom has about twice as many as all others' mean."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(X))
    sizes = np.linspace(2.0, 0.5, n_owners)
    cuts = np.rint(np.cumsum(sizes)[:-1] / sizes.sum() * len(X)).astype(int)
    return [(X[rows], y[rows]) for rows in np.split(order, cuts)]


def fit_from_sums(owners, classes, key):
    """The encryptor of masked sums, and what the rounds cost."""
    keys = {f"owner {i}": MaskingKey.generate() for i in range(len(owners))}
    roster = {name: one.public for name, one in keys.items()}
    plan = SummaryPlan(owners[0][0].shape[1], classes, masked=True)
    sent, seconds, fitting = 0, np.zeros(len(owners)), 0.0
    while True:
        plain, masked = None, None
        for i, (rows, name) in enumerate(zip(owners, keys, strict=True)):
            start = time.perf_counter()
            own = plan.summarize(*rows)
            hidden = own.masked(name, keys[name], roster)
            seconds[i] += time.perf_counter() - start
            sent += hidden.nbytes * (i == 0)
            plain = own if plain is None else plain + own
            masked = hidden if masked is None else masked + hidden
        same = all(
            np.array_equal(value, plain._arrays[one])
            for one, value in plan.totals(masked).items()
        )
        assert same, "masked totals differ from plain ones"
        start = time.perf_counter()
        if plan.is_last:
            encryptor = HomeomorphicEncryptor.from_summaries(masked, key=key)
            fitting += time.perf_counter() - start
            costs = {"seconds": fitting, "owner's seconds": seconds.max()}
            return encryptor, {**costs, "megabytes": sent / 1e6}
        plan = plan.advance(masked)
        fitting += time.perf_counter() - start


def measure(name, repeat, tables):
    """Records of one data set and split."""
    X, X_test, y, y_test = split(name, repeat, tables)
    start = {"data": name, "repeat": repeat}
    yield {**start, "setting": "plain", **learn(X, X_test, y, y_test, False)}
    began = time.perf_counter()
    pooled = HomeomorphicEncryptor(leakage="cells", key=fixed_key(repeat)).fit(X, y)
    costs = {"seconds": time.perf_counter() - began}
    for setting in ("pooled", *OWNERS):
        encryptor = pooled
        if setting != "pooled":
            owners = dealt(X, y, setting, repeat)
            classes = np.unique(y).tolist()
            encryptor, costs = fit_from_sums(owners, classes, fixed_key(repeat))
        Z, Z_test = encryptor.transform(X), encryptor.transform(X_test)
        yield {
            **start,
            "setting": setting if setting == "pooled" else f"{setting} owners",
            **learn(Z, Z_test, y, y_test, False),
            "cells": encryptor.n_cells_,
            **costs,
        }


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
    add("--repeats", type=int, default=3, help="splits")
    add("--first", type=int, default=0, help="number of the first split")
    add("--out", default="benchmarks/output", metavar="DIR")
    options = parser.parse_args(argv)
    warnings.simplefilter("ignore")
    tables = list(map(load_features, options.features))
    tables += [load_images(*options.images)] if options.images else []
    tables = {table.name: (table.X, table.y) for table in tables}
    names = options.only or [*DATA, *tables]
    splits = range(options.first, options.first + options.repeats)
    folder, records = Path(options.out), []
    folder.mkdir(parents=True, exist_ok=True)
    for name, i in tqdm([(name, i) for name in names for i in splits]):
        records += measure(name, i, tables)
        write_csv(records, folder / "owners.csv")
    print("\n".join(lines(records)))


if __name__ == "__main__":
    main()
