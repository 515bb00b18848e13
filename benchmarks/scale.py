"""Encrypting with Dask on more and more worker processes of this machine.

Rows are drawn by the workers, encrypted there, decrypted and compared, so that what is
timed is work and not the transport of rows. Each worker has one thread.

    pip install -c constraints.txt -e ".[dask]"
    python benchmarks/scale.py --workers 1 2 4 --rows 200000 400000

Prints a table, with what a thousand million rows would take, and writes scale.csv.
"""

import argparse
import os
import resource
import sys
import time
from pathlib import Path

import numpy as np
from csv_files import write_csv
from fitted_encryptor import make_encryptor

from sklearn_homeo.dask import SharedEstimator

MANY_ROWS = 10**9
TOLERANCE = 1e-6


def main(argv=None):
    options = _parse(argv)
    os.makedirs(options.out, exist_ok=True)
    encryptor = make_encryptor(options.width)
    rows = []
    print(
        "workers      rows  encrypt and decrypt, s  us a row  GiB a worker  1e9 rows, h"
    )
    for n_workers in options.workers:
        for measured in measure_workers(encryptor, n_workers, options):
            rows.append(measured)
            print(
                "{workers:>7}{rows:>10}{seconds:>24.2f}{us_per_row:>10.1f}"
                "{gib_per_worker:>14.2f}{hours:>13.1f}".format(**measured),
                flush=True,
            )
    write_csv(rows, Path(options.out) / "scale.csv")
    return 0


def measure_workers(encryptor, n_workers, options):
    """Yield a row of the table for each number of rows."""
    from distributed import Client, LocalCluster

    cluster = LocalCluster(
        n_workers=n_workers, threads_per_worker=1, dashboard_address=None
    )
    with cluster, Client(cluster) as client, SharedEstimator(encryptor, client) as e:
        _round_trip(e, n_workers * options.chunk, options).compute()  # warms up
        for n_rows in options.rows:
            job = _round_trip(e, n_rows, options)
            seconds = []
            for _ in range(options.repeats):
                start = time.perf_counter()
                if not job.compute() <= TOLERANCE:
                    raise RuntimeError("rows came back changed")
                seconds.append(time.perf_counter() - start)
            second = float(np.median(seconds))
            yield {
                "workers": n_workers,
                "rows": n_rows,
                "width": options.width,
                "seconds": second,
                "us_per_row": 1e6 * second / n_rows,
                "gib_per_worker": max(client.run(_peak_memory).values()),
                "hours": second / n_rows * MANY_ROWS / 3600,
            }


def _round_trip(shared, n_rows, options):
    import dask.array as da

    X = da.random.default_rng(0).normal(
        size=(n_rows, options.width), chunks=(options.chunk, options.width)
    )
    return abs(shared.inverse_transform(shared.transform(X)) - X).max()


def _peak_memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def _parse(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--workers", type=int, nargs="+", default=(1, 2, 4))
    add("--rows", type=int, nargs="+", default=(100_000, 200_000))
    add("--width", type=int, default=512)
    add("--chunk", type=int, default=5_000, help="rows of a task")
    add("--repeats", type=int, default=3)
    add("--out", default="benchmarks/output", metavar="DIR")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
