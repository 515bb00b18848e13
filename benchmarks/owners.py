"""Several owners: a fit from their sums, and one from pooled rows.

    python benchmarks/owners.py
    python benchmarks/owners.py --only digits --repeats 5
    python benchmarks/owners.py --only "cats and dogs" --data FOLDER --test FOLDER

A fifth of the rows is held out, the others are dealt to 3 and to 20 owners, the first
of whom has far more than the last. Encryptors are fitted to their masked sums and, to
compare, to the pooled rows. Five models learn from the ciphertexts of all; accuracies
are means over the models. In every round the masked total is compared with the plain
one, bit by bit. Writes owners.csv and prints a table: accuracy, cells, seconds of the
fit without the owners' sums, seconds of the slowest owner's sums and masks, and
megabytes that an owner sends in all rounds together.
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
from csv_files import write_csv
from fixed_keys import fixed_key
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
IMAGES = "cats and dogs"
OWNERS = (3, 20)


def split(name, repeat, images):
    """Training and test rows and labels."""
    if name == IMAGES:
        return images
    X, y = DATA[name]()
    return train_test_split(X, y, test_size=0.2, random_state=repeat, stratify=y)


def features_of(data, test):
    """Features of two folders of images, in the order of `train_test_split`."""
    from sklearn_homeo import ImageFeatureExtractor
    from sklearn_homeo.datasets import load_image_folder

    train, test = load_image_folder(data), load_image_folder(test)
    extractor = ImageFeatureExtractor(verbose=1).fit(train.filenames)
    files = train.filenames, test.filenames
    return [*map(extractor.transform, files), train.target, test.target]


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


def measure(name, repeat, images):
    """Records of one data set and split."""
    X, X_test, y, y_test = split(name, repeat, images)
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
    """The table, means over repeats; differences from pooled in points."""
    columns = ["accuracy", "ROC AUC", "cells", "seconds", "owner's seconds"]
    columns += ["megabytes"]
    yield f"{'data':18}{'setting':12}{'points':>8}" + "".join(
        f"{c:>16}" for c in columns
    )
    seen = dict.fromkeys((r["data"], r["setting"]) for r in records)
    means = {}
    for key in seen:
        rows = [r for r in records if (r["data"], r["setting"]) == key]
        means[key] = {c: np.mean([r[c] for r in rows]) for c in columns if c in rows[0]}
    for (data, setting), found in means.items():
        points = 100 * (found["accuracy"] - means[data, "pooled"]["accuracy"])
        cells = "".join(
            f"{found[c]:16.4f}" if c in found else f"{'':16}" for c in columns
        )
        yield f"{data:18}{setting:12}{points:8.2f}{cells}"


def main(argv=None):
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", choices=[*DATA, IMAGES])
    parser.add_argument("--data", help="folder of training images, one for each class")
    parser.add_argument("--test", help="folder of test images")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", default=".")
    options = parser.parse_args(argv)
    warnings.simplefilter("ignore")
    names = options.only or [*DATA, *([IMAGES] if options.data else [])]
    images = features_of(options.data, options.test) if IMAGES in names else None
    jobs = [(n, i) for n in names for i in range(1 if n == IMAGES else options.repeats)]
    records = [r for name, i in tqdm(jobs) for r in measure(name, i, images)]
    folder = Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(records, folder / "owners.csv")
    print("\n".join(lines(records)))


if __name__ == "__main__":
    main()
