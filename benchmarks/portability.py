"""One fitted encryptor under threads and BLAS kernels; any other fit under the key.

    python benchmarks/portability.py [--labels]

For each of the 38 kinds of data of ``tests/encryption/test_other_fits.py``, an
encryptor is fitted here and saved. Under 1, 2 and 8 threads and four kernels of
OpenBLAS a process loads all of them and encrypts: every bit must agree, but at
leakage="space", whose homeomorphism is computed in floating point. Each must decrypt
what the other wrote. The process also fits them anew: that decrypts all rows or refuses
them all, and fits on changed data must refuse.
``--labels`` fits the view to the labels (minutes), else there is no y. A kernel that
the processor lacks is left out.
"""

import argparse
import collections
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

TESTS = Path(__file__).parents[1] / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "encryption")]

from test_other_fits import KINDS, changed  # noqa: E402

from problems import KEY  # noqa: E402
from sklearn_homeo import HomeomorphicEncryptor, InvalidCiphertextError  # noqa: E402

KERNELS = ("Nehalem", "Haswell", "Zen", "SkylakeX")
THREADS = (1, 2, 8)
SETTINGS = {
    False: ({"leakage": "space"}, {"n_preserved": 1}),
    True: ({"leakage": "cells", "n_cells": 4, "min_cell_size": 5},),
}


def cases(labels):
    """Yield names, rows, labels and unfitted encryptors."""
    for kind, (X, y) in KINDS.items():
        if labels and (y is None or np.ndim(y) > 1):
            continue
        for i, settings in enumerate(SETTINGS[labels]):
            encryptor = HomeomorphicEncryptor(key=KEY, **settings)
            yield f"{kind}-{i}".replace(" ", "_"), X, y if labels else None, encryptor


def opens(encryptor, Z, X):
    """Whether an encryptor opens rows: all, rightly, or none."""
    try:
        back = encryptor.inverse_transform(Z)
    except InvalidCiphertextError as error:
        assert len(error.rows) == len(Z), "some rows were opened"
        return False
    scale = X.std(axis=0)
    error = np.abs(back - X) / np.where(scale > 0, scale, 1.0)
    assert error.max() < 1e-6, "opened wrongly"
    return True


def write(folder, labels):
    """Fit and save all; returns how many fits on changed data were refused."""
    counts = collections.Counter()
    for name, X, y, encryptor in cases(labels):
        Z = encryptor.fit(X, y).transform(X)
        encryptor.save(folder / f"{name}.sealed")
        # Some data are made by matrix products, which differ there.
        np.savez(folder / f"{name}.npz", X=X, Z=Z)
        for _, other, rows in changed(X):
            y_other = None if y is None else y[rows]
            if y is not None and len(np.unique(y_other)) < 2:
                continue
            encryptor.fit(other, y_other)
            assert not opens(encryptor, Z, X), f"{name}: another fit opens it"
            counts["other fits that refused"] += 1
    return counts


def check(folder, labels):
    """Load all, encrypt and decrypt; fit all again."""
    counts = collections.Counter()
    for name, _, y, encryptor in cases(labels):
        X, Z = np.load(folder / f"{name}.npz").values()
        loaded = HomeomorphicEncryptor.load(folder / f"{name}.sealed", KEY)
        Z_here = loaded.transform(X)
        same_bits = np.array_equal(Z_here, Z)
        assert same_bits or encryptor.leakage == "space", f"{name}: other bits"
        assert opens(loaded, Z, X), f"{name}: refused"
        counts["loaded, same bits" if same_bits else "loaded, opens"] += 1
        again = encryptor.fit(X, y)
        opened = opens(again, Z, X)
        assert opens(loaded, again.transform(X), X) == opened, name
        counts["fitted again, opens" if opened else "fitted again, refuses"] += 1
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--labels", action="store_true")
    parser.add_argument("--check", metavar="DIR", help="of a process of its own")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.check:
        print(dict(check(Path(options.check), options.labels)))
        return
    with tempfile.TemporaryDirectory() as folder:
        print("here", dict(write(Path(folder), options.labels)), flush=True)
        command = [sys.executable, __file__, "--check", folder]
        command += ["--labels"] * options.labels
        for kernel in KERNELS:
            for n_threads in THREADS:
                start = time.perf_counter()
                limits = {
                    "OPENBLAS_CORETYPE": kernel,
                    "OMP_NUM_THREADS": str(n_threads),
                }
                done = subprocess.run(
                    command, env=os.environ | limits, capture_output=True, text=True
                )
                found = done.stdout.strip()
                if done.returncode:
                    found = "no such instructions here"
                    assert done.returncode == -4, done.stderr
                seconds = time.perf_counter() - start
                print(f"{kernel}, {n_threads} threads: {found} in {seconds:.0f} s")


if __name__ == "__main__":
    main()
