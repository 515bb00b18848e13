"""Attacks by someone who knows the construction, on the coupling cipher's own locks.

Frame and seal are given away, so that the locks alone hide the complement: regressions,
a student of the same architecture (with and without hidden waves) trained by gradient
descent, and lattice reduction; at small widths, where these attacks are strongest.
Beside them the oracle attacks (chosen records, records of equal label coordinates), the
rank of the masks, and the search for a key that came from a small seed.

    python benchmarks/inside_attacks.py
    python benchmarks/inside_attacks.py --widths 8 16 --depths 1 2 3 --n-keys 5

Records are normal, which gives the attacker as many as wanted and no structure to lose;
labels depend on one direction. Keys are fixed, so that a run can be repeated. Writes
inside_attacks.csv and prints a Markdown table: mean over keys of R2 of the complement
(1 is broken, 0 is nothing), the greatest in brackets.
"""

import argparse
import sys
import warnings
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from csv_files import write_csv
from fixed_keys import fixed_key
from threadpoolctl import threadpool_limits

from sklearn_homeo import HomeomorphicEncryptor
from sklearn_homeo.audit import (
    chosen_plaintext_attack,
    inside_attack,
    lattice_attack,
    mask_rank,
    same_label_attack,
    seed_search,
    student_attack,
)
from sklearn_homeo.audit.inside._inside import locked_pairs
from sklearn_homeo.ciphers.waves import GRID
from sklearn_homeo.exceptions import NoProtectionWarning

N_TARGETS = 500
SEEDS = 2**16
HIDDEN_WAVES = 64


def main(argv=None):
    options = _parse(argv)
    warnings.simplefilter("ignore", NoProtectionWarning)
    torch.set_num_threads(1)
    rows = []
    with threadpool_limits(1, user_api="blas"):
        for width in options.widths:
            for depth in options.depths:
                for seed in range(options.n_keys):
                    rows += _measure(width, depth, seed, options)
                    print(f"width {width}, depth {depth}, key {seed} done", flush=True)
        rows.append(_search_seed(max(options.widths), options))
    folder = Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(rows, folder / "inside_attacks.csv")
    text = "\n".join(_format(rows))
    (folder / "inside_attacks.md").write_text(text + "\n", encoding="utf-8")
    print(text)
    return 0


def _measure(width, depth, seed, options):
    X, y = _records(options.rows + N_TARGETS, width, seed)
    leak, target = X[:-N_TARGETS], X[-N_TARGETS:]
    key = fixed_key(1000 + seed)
    # The attack by equal label coordinates needs them to be affine.
    encryptor = HomeomorphicEncryptor(
        depth, n_preserved=1, hide_attributes=False, key=key
    ).fit(X, y)
    attacks = {
        "regression": lambda: inside_attack(encryptor, leak, target, random_state=seed),
        "student": lambda: _student(encryptor, leak, target, seed, None, options),
        "student, hidden waves": lambda: _student(
            encryptor, leak, target, seed, HIDDEN_WAVES, options
        ),
        "lattice reduction": lambda: lattice_attack(
            encryptor, leak, target, max_seconds=options.lattice_seconds
        ),
        "chosen records": lambda: chosen_plaintext_attack(
            encryptor.transform, leak, target
        ),
        "equal label coordinates": lambda: same_label_attack(
            encryptor.transform, encryptor.preserve, leak, target, random_state=seed
        ),
    }
    found = []
    for name, attack in attacks.items():
        started = perf_counter()
        result = attack()
        found.append(
            _row(width, depth, seed, name, result.r2, perf_counter() - started)
        )
    before, after = (rows / GRID for rows in locked_pairs(encryptor, leak))
    rank = mask_rank(after[:, 1:], before, random_state=seed)
    found.append(_row(width, depth, seed, "mask rank", rank.rate, rank.seconds))
    return found


def _student(encryptor, leak, target, seed, n_hidden, options):
    return student_attack(
        encryptor,
        leak,
        target,
        max_epochs=options.max_epochs,
        n_hidden=n_hidden,
        random_state=seed,
    )


def _search_seed(width, options):
    """Seconds in which a key that came from a small number is found."""
    X, y = _records(300, width, 0)
    encryptor = HomeomorphicEncryptor(n_preserved=1, key=fixed_key(options.secret_seed))
    z = encryptor.fit(X, y).transform(X[:1])[0]
    found = seed_search(encryptor, X[0], z, seeds=range(SEEDS))
    return _row(width, 3, options.secret_seed, "seed", found.rate, found.seconds)


def _records(n_samples, width, seed):
    X = np.random.default_rng(seed).normal(size=(n_samples, width))
    return X, (X[:, 0] + 0.1 * X[:, 1] > 0).astype(int)


def _row(width, depth, key, attack, value, seconds):
    return {
        "width": width,
        "depth": depth,
        "key": key,
        "attack": attack,
        "value": value,
        "seconds": seconds,
    }


def _format(rows):
    measured = [row for row in rows if row["attack"] != "seed"]
    names = list(dict.fromkeys(row["attack"] for row in measured))
    yield "| width | depth | " + " | ".join(names) + " |"
    yield "|" + " ---: |" * (len(names) + 2)
    for width, depth in dict.fromkeys((r["width"], r["depth"]) for r in measured):
        cells = [str(width), str(depth)]
        for name in names:
            values = [
                r["value"]
                for r in measured
                if (r["width"], r["depth"], r["attack"]) == (width, depth, name)
            ]
            # Of the rank, less is worse.
            worst = min(values) if name == "mask rank" else max(values)
            cells.append(f"{np.mean(values):.3f} [{worst:.3f}]")
        yield "| " + " | ".join(cells) + " |"
    yield ""
    seed = rows[-1]
    outcome = "found" if seed["value"] == 1 else "not found"
    yield f"A key from the seed {seed['key']} was {outcome} in {seed['seconds']:.0f} s."


def _parse(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--widths", type=int, nargs="+", default=[8, 16])
    add("--depths", type=int, nargs="+", default=[1, 2, 3])
    add("--n-keys", type=int, default=5)
    add("--rows", type=int, default=4000, help="that the attacker knows")
    add("--max-epochs", type=int, default=30, help="of a student")
    add("--lattice-seconds", type=float, default=30.0)
    add("--secret-seed", type=int, default=1234)
    add("--out", default="benchmarks/output", metavar="DIR")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
