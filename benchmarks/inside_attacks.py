"""Attacks on the cipher's locks by those who may have rows encrypted and decrypted.

Records next to a target, chosen ciphertexts, distinguishers in both directions,
forgery, and, as a control that must succeed, the search for a key of 20 bits. Residues
should look random, and so every figure should be at its chance.

    python benchmarks/inside_attacks.py
    python benchmarks/inside_attacks.py --widths 5 64 --depths 1 --n-keys 5

Records are normal; keys are fixed, so that a run can be repeated. Writes
inside_attacks.csv and prints a Markdown table: mean over keys, and the greatest.
"""

import argparse
import sys
import warnings
from pathlib import Path

import numpy as np
from csv_files import write_csv
from fixed_keys import fixed_key
from threadpoolctl import threadpool_limits

from sklearn_homeo import HomeomorphicEncryptor
from sklearn_homeo.audit import (
    chosen_ciphertext_attack,
    chosen_plaintext_attack,
    distinguisher_attack,
    forgery_attack,
    related_plaintext_attack,
    seed_search,
)

N_KNOWN, N_TARGETS = 400, 200
SEEDS = 2**20


def main(argv=None):
    options = _parse(argv)
    warnings.simplefilter("ignore")
    rows = []
    with threadpool_limits(1, user_api="blas"):
        for width in options.widths:
            for depth in options.depths:
                for seed in range(options.n_keys):
                    rows += _measure(width, depth, seed, options)
                print(f"width {width}, depth {depth} done", flush=True)
        seed = _search_seed(options)
    folder = Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(rows, folder / "inside_attacks.csv")
    found = "found" if seed.rate == 1 else "not found"
    lines = [
        *_format(rows),
        "",
        f"A key from seed {options.secret_seed} was {found} in {seed.seconds:.0f} s.",
    ]
    text = "\n".join(lines)
    (folder / "inside_attacks.md").write_text(text + "\n", encoding="utf-8")
    print(text)
    return 0


def _fit(width, depth, key):
    X = np.random.default_rng(0).normal(size=(N_KNOWN + N_TARGETS, width))
    encryptor = HomeomorphicEncryptor(depth, leakage="scores", n_preserved=1, key=key)
    return encryptor.fit(X, (X[:, 0] > 0).astype(int)), X


def _measure(width, depth, seed, options):
    encryptor, X = _fit(width, depth, fixed_key(1000 + seed))
    known, target = X[:N_KNOWN], X[N_KNOWN:]
    related = related_plaintext_attack(encryptor, known, target, random_state=seed)
    results = {
        "neighbours linked": related,
        "chosen ciphertexts": chosen_ciphertext_attack(encryptor, random_state=seed),
        "forged": forgery_attack(
            encryptor, X, n_attempts=options.attempts, random_state=seed
        ),
        **{
            f"distinguished, {direction}": distinguisher_attack(
                encryptor, direction=direction, random_state=seed
            )
            for direction in ("encrypt", "decrypt")
        },
    }
    found = {name: (one.rate, one.chance) for name, one in results.items()}
    linear = chosen_plaintext_attack(encryptor.transform, known, target)
    found["neighbours rebuilt, R2"] = related.r2, 0.0
    found["linear map, R2"] = linear.r2, 0.0
    return [
        {
            "width": width,
            "depth": depth,
            "key": seed,
            "attack": name,
            "rate": rate,
            "chance": chance,
        }
        for name, (rate, chance) in found.items()
    ]


def _search_seed(options):
    encryptor, X = _fit(max(options.widths), 1, fixed_key(options.secret_seed))
    z = encryptor.transform(X[:1])[0]
    return seed_search(encryptor, X[0], z, seeds=range(SEEDS))


def _format(rows):
    names = list(dict.fromkeys(row["attack"] for row in rows))
    yield "| width | depth | " + " | ".join(names) + " |"
    yield "|" + " ---: |" * (len(names) + 2)
    for width, depth in dict.fromkeys((r["width"], r["depth"]) for r in rows):
        cells = [str(width), str(depth)]
        for name in names:
            values = [
                r["rate"]
                for r in rows
                if (r["width"], r["depth"], r["attack"]) == (width, depth, name)
            ]
            cells.append(f"{np.mean(values):.4f} [{max(values):.4f}]")
        yield "| " + " | ".join(cells) + " |"


def _parse(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--widths", type=int, nargs="+", default=[5, 13, 64])
    add("--depths", type=int, nargs="+", default=[1, 3])
    add("--n-keys", type=int, default=5)
    add("--attempts", type=int, default=1_000_000, help="forged rows")
    add("--secret-seed", type=int, default=123_456, help="of a key of 20 bits")
    add("--out", default="benchmarks/output", metavar="DIR")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
