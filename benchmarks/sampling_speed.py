"""Speed and memory of drawing synthetic rows, against NumPy's bare minimum.

The minimum is drawing as many normal numbers and one matrix product of their size, in
the same pieces, in turn with the synthesizer and in the same run.

    python benchmarks/sampling_speed.py --rows 1000000 --features 64

Prints seconds of both, their ratio (1 is NumPy's speed) and the greatest memory in use.
"""

import argparse
import resource
import sys
from time import perf_counter

import numpy as np
from sklearn.datasets import make_classification
from threadpoolctl import threadpool_limits

from sklearn_homeo import (
    ClassConditionalSynthesizer,
    HomeomorphicEncryptor,
    SecretKey,
)

TRAINING_ROWS = 4000
BATCH = 2000


def main(argv=None):
    options = _parse(argv)
    with threadpool_limits(1, user_api="blas"):
        for space, X, y in _spaces(options.features):
            _measure(space, X, y, options)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    size = options.rows * options.features * 8 / 2**30
    print(f"peak memory of the process {peak:.2f} GiB; all rows are {size:.2f} GiB")
    return 0


def _spaces(n_features):
    X, y = make_classification(
        TRAINING_ROWS,
        n_features,
        n_informative=n_features // 2,
        n_classes=4,
        random_state=0,
    )
    yield "plain", X, y
    key = SecretKey.generate()
    yield "encrypted", HomeomorphicEncryptor(key=key).fit_transform(X, y), y


def _measure(space, X, y, options):
    synthesizer = ClassConditionalSynthesizer(random_state=0).fit(X, y)
    seconds = np.array(
        [
            [_time(_draw, synthesizer, options), _time(_bare, X.shape[1], options)]
            for _ in range(options.repeats)
        ]
    )
    ours, bare = np.median(seconds, axis=0)
    ratio = np.median(seconds[:, 1] / seconds[:, 0])
    print(
        f"{space}: {options.rows:,} x {X.shape[1]}, {synthesizer.n_directions_} "
        f"directions described: {ours:.2f} s, NumPy {bare:.2f} s, speed {ratio:.2f} "
        f"of NumPy's (median of {options.repeats})"
    )


def _time(function, *args):
    started = perf_counter()
    function(*args)
    return perf_counter() - started


def _draw(synthesizer, options):
    batches = synthesizer.sample_batches(options.rows, batch_size=BATCH)
    drawn = sum(len(rows) for rows, _ in batches)
    if drawn != options.rows:
        raise RuntimeError(f"{drawn} rows came instead of {options.rows}")


def _bare(n_features, options):
    rng = np.random.default_rng(0)
    mixing = rng.standard_normal((n_features, n_features))
    for start in range(0, options.rows, BATCH):
        rng.standard_normal((min(BATCH, options.rows - start), n_features)) @ mixing


def _parse(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--rows", type=int, default=1_000_000)
    add("--features", type=int, default=64)
    add("--repeats", type=int, default=5)
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
