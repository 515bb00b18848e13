"""Whether known plaintexts give more on ciphertexts than on the bare view.

The attacker knows 90 % of the pairs. Every attack runs three times, with the same split
and the same random numbers: on the ciphertexts; on their views alone, which are the six
high bits of every number; and on views with random digits in place of the residues,
since some learners do better with noise among their inputs than with equal ones.
Residues should add nothing, so the R2 should differ by chance alone.

    python benchmarks/bare_view.py
    python benchmarks/bare_view.py --datasets wine --features cats_dogs.npz --n-keys 2

Of wide tables, the columns of greatest variance are taken: the attacks take hours on
more. Keys are fixed, so that a run can be repeated. Writes bare_view.csv and prints a
Markdown table: for each attack the means over keys, and what it gains from ciphertexts
over the better of the other two, on average with the 95 % interval and under the key
where it gains most.
"""

import argparse
import sys
import warnings
from pathlib import Path

import numpy as np
from csv_files import write_csv
from fixed_keys import fixed_key
from image_tables import limited, load_features, load_images
from intervals import half_interval
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.utils import Bunch
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from sklearn_homeo import HomeomorphicEncryptor
from sklearn_homeo.audit import known_plaintext_attack

BUNDLED = {
    "digits": load_digits,
    "breast cancer": load_breast_cancer,
    "wine": load_wine,
}
CLAIM = 0.02


def main(argv=None):
    options = _parse(argv)
    warnings.simplefilter("ignore")
    jobs = [
        (table, leakage, key)
        for table in _load(options)
        for leakage in options.leakage
        for key in range(options.n_keys)
    ]
    rows = []
    with threadpool_limits(1, user_api="blas"):
        for job in tqdm(jobs, disable=None):
            rows += _measure(*job)
    folder = Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(rows, folder / "bare_view.csv")
    print("\n".join(_format(rows)))
    return 0


def _measure(table, leakage, seed):
    encryptor = HomeomorphicEncryptor(leakage=leakage, key=fixed_key(seed))
    Z = encryptor.fit_transform(table.X, table.y)
    steps = np.floor(8 * Z)
    digits = np.random.default_rng(seed).random(Z.shape)
    whole, view, noisy = (
        known_plaintext_attack(rows, table.X, random_state=seed).attacks
        for rows in (Z, (steps + 0.5) / 8, (steps + digits) / 8)
    )
    return [
        {
            "dataset": table.name,
            "leakage": leakage,
            "key": seed,
            "attack": name,
            "r2_ciphertext": whole[name].r2,
            "r2_view": view[name].r2,
            "r2_random_digits": noisy[name].r2,
        }
        for name in whole
        if np.isfinite(whole[name].r2)
    ]


def _format(rows):
    figures = ("ciphertext", "view", "random digits", "gain", "most")
    yield "| data | leakage | attack | " + " | ".join(figures) + " |"
    yield "| --- | --- | --- |" + " ---: |" * len(figures)
    settings = dict.fromkeys((r["dataset"], r["leakage"], r["attack"]) for r in rows)
    largest = -np.inf
    for setting in settings:
        found = np.array(
            [
                (r["r2_ciphertext"], r["r2_view"], r["r2_random_digits"])
                for r in rows
                if (r["dataset"], r["leakage"], r["attack"]) == setting
            ]
        )
        gains = found[:, 0] - found[:, 1:].max(axis=1)
        largest = max(largest, gains.mean())
        interval = f" ± {half_interval(gains):.3f}" if len(gains) > 1 else ""
        cells = [*setting, *(f"{value:.3f}" for value in found.mean(axis=0))]
        cells += [f"{gains.mean():+.3f}{interval}", f"{gains.max():+.3f}"]
        yield "| " + " | ".join(cells) + " |"
    kept = "holds" if largest <= CLAIM else "does not hold"
    yield (
        f"\nThe claim, that no attack gains more than {CLAIM} on average over keys, "
        f"{kept}: {largest:+.3f}."
    )


def _load(options):
    tables = [
        Bunch(name=name, X=X, y=y)
        for name in options.datasets
        for X, y in [BUNDLED[name](return_X_y=True)]
    ]
    tables += map(load_features, options.features)
    if options.images:
        tables.append(load_images(*options.images))
    return [limited(one, None, options.max_features, 0) for one in tables]


def _parse(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--datasets", nargs="*", choices=list(BUNDLED), default=list(BUNDLED))
    add("--features", nargs="+", default=[], metavar="FILE.npz", help="a table each")
    add("--images", nargs="+", metavar="FOLDER", help="one table; sub-folder a class")
    add("--max-features", type=int, default=128, help="those of greatest variance")
    add("--leakage", nargs="+", default=["auto", "scores"])
    add("--n-keys", type=int, default=5)
    add("--out", default="benchmarks/output", metavar="DIR")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
