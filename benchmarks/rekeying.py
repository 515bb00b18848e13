"""How long it takes to change the key of ciphertexts, and what models say afterwards.

Encryption and re-encryption run in turn, several times over, on some of the rows; a
ratio is the median of the ratios of each turn. Then all rows are re-encrypted once from
one file into another.

    python benchmarks/rekeying.py
    python benchmarks/rekeying.py --rows 1000000 --columns 64 --threads 2
    python benchmarks/rekeying.py --models

With --models, trains models on ciphertexts, whole and their views, and counts how many
of the answers change with the key.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

from sklearn_homeo import HomeomorphicEncryptor, reencrypt, reencrypt_into, views_of

MODELS = (
    LogisticRegression(max_iter=1000),
    SVC(),
    KNeighborsClassifier(),
    RandomForestClassifier(random_state=0),
    HistGradientBoostingClassifier(random_state=0),
)
TURN_ROWS = 2**16


def main():
    options = _parse()
    with threadpool_limits(options.threads):
        if options.models:
            for load in (load_breast_cancer, load_digits):
                compare_models(load)
            return
        measure(options)


def measure(options):
    """Print the ratio of turns and the time of all rows."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(min(options.rows, TURN_ROWS), options.columns))
    old = HomeomorphicEncryptor(options.depth, n_preserved=2).fit(X[:1000])
    new, changed = old.rekey(), old.rekey(keep_view=False)
    Z, out = old.transform(X), np.empty_like(X)
    ratios = []
    for _ in range(options.repeats):
        encrypted = seconds(old.encrypt_into, X, out)
        kept = seconds(reencrypt_into, Z, out, old, new)
        other = seconds(reencrypt_into, Z, out, old, changed)
        ratios.append((kept / encrypted, other / encrypted))
    kept, other = np.median(ratios, axis=0)
    print(
        f"{len(X)} rows of {options.columns} columns, depth {options.depth}: "
        f"{kept:.2f} encryptions with the view kept, {other:.2f} with another one"
    )
    with tempfile.TemporaryDirectory() as folder:
        shape = (options.rows, options.columns)
        files = [_file(folder, name, shape) for name in ("old", "new")]
        encrypted = 0.0
        for start in range(0, options.rows, len(X)):
            part = files[0][start : start + len(X)]
            encrypted += seconds(old.encrypt_into, X[: len(part)], part)
        again = seconds(reencrypt_into, *files, old, new)
        print(
            f"{options.rows} rows from file to file: {again:.1f} s, encryption "
            f"{encrypted:.1f} s: {again / encrypted:.2f}"
        )


def compare_models(load):
    """Print how many answers change with the key, for each model."""
    X, y = load(return_X_y=True)
    X, X_test, y, _ = train_test_split(X, y, stratify=y, random_state=0)
    old = HomeomorphicEncryptor().fit(X, y)
    Z, queries = old.transform(X), old.transform(X_test)
    after = reencrypt(queries, old, old.rekey())
    for model in MODELS:
        changed = []
        for inputs in (None, views_of):
            pipeline = make_pipeline(FunctionTransformer(inputs), clone(model))
            pipeline.fit(Z, y)
            answers = pipeline.predict(queries) != pipeline.predict(after)
            changed.append(f"{answers.sum()} of {len(answers)}")
        print(
            f"{load.__name__} ({old.leakage_}), {type(model).__name__}: "
            f"{changed[0]} answers change, on views {changed[1]}"
        )


def seconds(function, *arguments):
    started = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - started


def _file(folder, name, shape):
    path = Path(folder) / f"{name}.npy"
    return np.lib.format.open_memmap(path, "w+", np.float64, shape)


def _parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--rows", type=int, default=1_000_000)
    add("--columns", type=int, default=64)
    add("--depth", type=int, default=3)
    add("--threads", type=int, default=1)
    add("--repeats", type=int, default=7)
    add("--models", action="store_true", help="compare what models say")
    return parser.parse_args()


if __name__ == "__main__":
    main()
