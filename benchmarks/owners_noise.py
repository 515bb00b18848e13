"""Several owners whose sums have noise: what differential privacy costs in accuracy.

    python benchmarks/owners_noise.py
    python benchmarks/owners_noise.py --rows 300000 --epsilon 1 --repeats 2

Classes by the sign of a product of two of six columns, and a third column. Three owners
of equal size answer with 64 random features, in three ways: without noise, each with
the whole noise, and each with a third of its variance. A new row is taken for the class
that most training rows of its cell have; the best possible is 100 %. Every repeat has
rows, noise and random features of its own: of few features, it matters which are drawn.
Writes owners_noise.csv and prints means over repeats with the 95 % interval: accuracy
on 10,000 new rows, in per cent.
"""

import argparse
import warnings
from pathlib import Path

import numpy as np
from csv_files import write_csv
from fixed_keys import fixed_key
from intervals import percent_interval
from tqdm import tqdm

from sklearn_homeo import HomeomorphicEncryptor, MaskingKey, SecretKey, SummaryPlan

N_OWNERS, N_NEW, N_COLUMNS = 3, 10_000, 6


def table(n_rows, seed):
    """Rows and classes that no single column and no plane tells."""
    X = np.random.default_rng(seed).normal(size=(n_rows, N_COLUMNS))
    return X, (X[:, 0] * X[:, 1] + 0.2 * X[:, 2] > 0).astype(int)


def fit(X, y, repeat, **noise):
    """The encryptor of all owners' masked sums."""
    # Settings seed the random features: with others, every repeat has its own.
    settings = {"n_random_features": 64, "min_group_size": 10 + repeat, **noise}
    if noise:
        settings["bounds"] = (-4, 4)
    plan = SummaryPlan(N_COLUMNS, [0, 1], masked=True, **settings)
    masks = {f"owner {i}": MaskingKey.generate() for i in range(N_OWNERS)}
    roster = {name: mask.public for name, mask in masks.items()}
    own_keys = [SecretKey.generate() for _ in masks]
    while True:
        sent = [
            plan.summarize(X[i::N_OWNERS], y[i::N_OWNERS], own_keys[i]).masked(
                name, masks[name], roster
            )
            for i, name in enumerate(masks)
        ]
        if plan.is_last:
            return HomeomorphicEncryptor.from_summaries(sent, key=fixed_key(repeat))
        plan = plan.advance(sent)


def accuracy(encryptor, X, y, X_new, y_new):
    """How often the most frequent class of a new row's cell is its own."""
    both = encryptor.preserve(np.vstack([X, X_new]))
    cells = np.unique(both, axis=0, return_inverse=True)[1].ravel()
    counts = np.bincount(cells[: len(X)], minlength=cells.max() + 1)
    ones = np.bincount(cells[: len(X)], y, minlength=cells.max() + 1)
    return float(np.mean((2 * ones > counts)[cells[len(X) :]] == y_new))


def measure(n_rows, epsilons, repeat):
    """Records of one number of rows and one draw."""
    X, y = table(n_rows, repeat)
    new = table(N_NEW, 10_000 + repeat)
    settings = {"none": {}}
    for epsilon in epsilons:
        settings[f"{epsilon:g}, whole"] = {"epsilon": epsilon}
        settings[f"{epsilon:g}, shared"] = {"epsilon": epsilon, "n_sharing": N_OWNERS}
    for name, noise in settings.items():
        encryptor = fit(X, y, repeat, **noise)
        yield {
            "rows": n_rows,
            "repeat": repeat,
            "noise": name,
            "accuracy": accuracy(encryptor, X, y, *new),
            "cells": encryptor.n_cells_,
        }


def main(argv=None):
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--rows", type=int, nargs="+", default=[3_000, 30_000])
    add("--epsilon", type=float, nargs="+", default=[1.0, 4.0, 16.0])
    add("--repeats", type=int, default=4)
    add("--out", default="benchmarks/output", metavar="DIR")
    options = parser.parse_args(argv)
    warnings.simplefilter("ignore")
    records = [
        record
        for n_rows in options.rows
        for repeat in tqdm(range(options.repeats), f"{n_rows} rows")
        for record in measure(n_rows, options.epsilon, repeat)
    ]
    folder = Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(records, folder / "owners_noise.csv")
    print("\n".join(lines(records)))


def lines(records):
    """The table, a line for each number of rows and each noise."""
    yield f"{'rows':>9}  {'epsilon':<14}{'accuracy':>14}"
    for n_rows, noise in dict.fromkeys((r["rows"], r["noise"]) for r in records):
        found = [
            r["accuracy"] for r in records if (r["rows"], r["noise"]) == (n_rows, noise)
        ]
        mean = f"{100 * np.mean(found):.1f}{percent_interval(found)}"
        yield f"{n_rows:>9,}  {noise:<14}{mean:>14}"


if __name__ == "__main__":
    main()
