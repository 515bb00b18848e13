"""Accuracy, attacks and round-trip error of every cipher over its depth.

Five models, five folds; scaler and encryptor are fitted in each fold on its training
rows. The attack, with 90 % of the pairs leaked, and the encryptor that it attacks are
those of the first fold. Keys are fixed, so that a run can be repeated.

    python benchmarks/depth_sweep.py --depths 1 3 10 --datasets wine
    python benchmarks/depth_sweep.py --data table.csv --target kind

Writes depth_sweep.csv and depth_sweep.png and prints a summary.
"""

import argparse
import os
import sys
from itertools import product
from pathlib import Path

import numpy as np
from csv_files import write_csv
from fixed_keys import fixed_key
from joblib import Parallel, delayed
from sklearn.model_selection import KFold, StratifiedKFold
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from sklearn_homeo._utils.plotting import BLUE, GREEN, ORANGE, make_figure
from sklearn_homeo.demo.evaluation import (
    attack_cipher,
    make_baseline,
    make_encryptor,
    make_models,
    measure_cipher,
    score_models,
    split_rows,
)
from sklearn_homeo.demo.report import linking_verdict
from sklearn_homeo.demo.tables import BUNDLED, load_bundled, read_file

DEPTHS = (1, 2, 3, 5, 10, 20, 64)
CIPHERS = ("auto", "space", "tanh")
STYLES = {"auto": (BLUE, "o"), "space": (GREEN, "s"), "tanh": (ORANGE, "^")}
N_FOLDS = 5
RANDOM_STATE = 0


def main(argv=None):
    options = _parse(argv)
    try:
        tables = _load(options)
    except (ImportError, OSError, ValueError) as error:
        print(f"depth_sweep.py: error: {error}", file=sys.stderr)
        return 2
    references, rows = _sweep(tables, options)
    folder = Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(rows, folder / "depth_sweep.csv")
    _draw(rows, folder / "depth_sweep.png")
    _summarise(references, rows)
    print(f"Files in {folder}{os.sep}: depth_sweep.csv, depth_sweep.png")
    return 0


def measure_references(table):
    """Mean scores over the folds on plain rows and on preserved coordinates."""
    plain, frame = [], []
    models = make_models(table.task, random_state=RANDOM_STATE)
    with threadpool_limits(1, user_api="blas"):
        for train, test in _folds(table):
            rows = split_rows(table, train, test)
            encryptor = make_encryptor("auto", table.task, key=fixed_key(0))
            encryptor.fit(rows.X_train, rows.y_train)
            plain.append(score_models(models, rows, np.asarray))
            frame.append(score_models(models, rows, encryptor.preserve))
    return {"plain": _mean(plain), "frame": _mean(frame)}


def measure_setting(table, cipher, depth, seed):
    """One row of the CSV file, or the reason why there is none."""
    setting = {"dataset": table.name, "cipher": cipher, "depth": depth, "key": seed}
    try:
        with threadpool_limits(1, user_api="blas"):
            return setting | _measure(table, cipher, depth, seed)
    except ValueError as error:
        return setting | {"reason": " ".join(str(error).split())}


def _measure(table, cipher, depth, seed):
    models = make_models(table.task, random_state=RANDOM_STATE)
    folds = []
    for train, test in _folds(table):
        rows = split_rows(table, train, test)
        key = fixed_key(seed)
        if cipher == "tanh":
            encryptor = make_baseline(depth=depth, key=key)
        else:
            encryptor = make_encryptor(cipher, table.task, depth=depth, key=key)
        folds.append(measure_cipher(rows, models, encryptor))
        if len(folds) == 1:
            attack = attack_cipher(rows, encryptor, random_state=RANDOM_STATE)
    attacked = folds[0].encryptor
    return {
        "n_preserved": attacked.n_preserved_,
        **_mean([fold.scores for fold in folds]),
        "round_trip_error": max(fold.round_trip_error for fold in folds),
        "preserved_variance_ratio": attacked.preserved_variance_ratio_,
        **{f"r2 {name}": one.r2 for name, one in attack.attacks.items()},
        "attack_r2": attack.r2,
        "reidentified": attack.rate,
        "low": attack.interval[0],
        "high": attack.interval[1],
        "chance": attack.chance,
        "verdict": linking_verdict(attack.rate, attack.n),
        "reason": "",
    }


def _sweep(tables, options):
    settings = [
        *product(tables, options.ciphers, options.depths, range(options.n_keys))
    ]
    parallel = Parallel(n_jobs=options.n_jobs, return_as="generator")
    references = parallel(delayed(measure_references)(table) for table in tables)
    references = dict(zip([table.name for table in tables], references, strict=True))
    measured = parallel(delayed(measure_setting)(*setting) for setting in settings)
    rows = []
    for row in tqdm(measured, total=len(settings), desc="settings"):
        if not row["reason"]:
            row |= _losses(row, references[row["dataset"]])
        rows.append(row)
    return references, rows


def _losses(row, reference):
    plain, frame = reference["plain"]["mean"], reference["frame"]["mean"]
    return {
        "plain": plain,
        "frame": frame,
        "loss": plain - row["mean"],
        "loss_vs_best": max(plain, frame) - row["mean"],
    }


def _mean(scores):
    mean = {name: float(np.mean([one[name] for one in scores])) for name in scores[0]}
    return mean | {"mean": float(np.mean(list(mean.values())))}


def _folds(table):
    kind = StratifiedKFold if table.task == "classification" else KFold
    folds = kind(N_FOLDS, shuffle=True, random_state=RANDOM_STATE)
    return folds.split(table.X, table.y)


def _draw(rows, path):
    names = list(dict.fromkeys(row["dataset"] for row in rows))
    figure = make_figure(14, 3.4 * len(names))
    axes = figure.subplots(len(names), 4, squeeze=False)
    for name, line in zip(names, axes, strict=True):
        mine = [row for row in rows if row["dataset"] == name and not row["reason"]]
        for ax, (measure, title) in zip(line, _PANELS.items(), strict=True):
            _draw_panel(ax, mine, measure)
            ax.set_title(f"{name}: {title}", fontsize=10)
            ax.set_xlabel("depth")
        line[3].set_yscale("log")
        line[0].axhline(0, color="black", linewidth=0.8)
        line[0].legend(frameon=False)
        for ax in line[1:3]:
            ax.set_ylim(-0.05, 1.08)
    if any(row["reason"] for row in rows):
        figure.supxlabel(
            "A line that ends: the cipher refused to go deeper", fontsize=10
        )
    figure.savefig(path, dpi=110)


_PANELS = {
    "loss": "mean score lost against plain",
    "attack_r2": "attacker's R2 (dashed: conceded)",
    "reidentified": "re-identified (dotted: chance)",
    "round_trip_error": "round-trip error, sd",
}
_FLOORS = {
    "attack_r2": ("preserved_variance_ratio", "--"),
    "reidentified": ("chance", ":"),
}


def _draw_panel(ax, rows, measure):
    for cipher, (colour, marker) in STYLES.items():
        depths = sorted({row["depth"] for row in rows if row["cipher"] == cipher})
        chosen = [row for row in rows if row["cipher"] == cipher]
        heights = _by_depth(chosen, depths, measure)
        ax.plot(depths, heights, color=colour, marker=marker, label=cipher)
        if measure in _FLOORS:
            floor, style = _FLOORS[measure]
            ax.plot(depths, _by_depth(chosen, depths, floor), style, color=colour)
    ticks = sorted({row["depth"] for row in rows})
    ax.set_xscale("log")
    ax.set_xticks(ticks, [str(depth) for depth in ticks])
    ax.minorticks_off()
    ax.spines[["top", "right"]].set_visible(False)


def _by_depth(rows, depths, measure):
    return [
        np.mean([row[measure] for row in rows if row["depth"] == depth])
        for depth in depths
    ]


def _summarise(references, rows):
    for name, reference in references.items():
        plain, frame = reference["plain"]["mean"], reference["frame"]["mean"]
        print(f"\n{name}: mean of the models, plain {plain:.4f}, frame {frame:.4f}")
        print(
            f"{'cipher':<10}{'depth':>6}{'score':>9}{'loss':>9}{'R2':>8}"
            f"{'conceded':>10}{'re-id':>8}{'chance':>8}{'round trip':>12}"
        )
        for row in rows:
            if row["dataset"] == name:
                print(_summary_line(row))
    print()


def _summary_line(row):
    start = f"{row['cipher']:<10}{row['depth']:>6}"
    if row["reason"]:
        return f"{start}  refused: {row['reason'][:78]}"
    return (
        f"{start}{row['mean']:>9.4f}{row['loss']:>9.4f}{row['attack_r2']:>8.3f}"
        f"{row['preserved_variance_ratio']:>10.3f}{row['reidentified']:>8.3f}"
        f"{row['chance']:>8.3f}{row['round_trip_error']:>12.1e}"
    )


def _load(options):
    if options.data is None:
        return [load_bundled(name) for name in options.datasets]
    if options.target is None:
        raise ValueError("--data needs --target")
    return [read_file(options.data, options.target)]


def _parse(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--depths", type=int, nargs="+", default=DEPTHS)
    add("--ciphers", nargs="+", choices=CIPHERS, default=CIPHERS)
    add("--datasets", nargs="+", choices=list(BUNDLED), default=list(BUNDLED))
    add("--data", metavar="FILE.csv", help="a table of one's own, instead")
    add("--target", metavar="COLUMN")
    add("--n-keys", type=int, default=1, help="keys a setting")
    add("--n-jobs", type=int, default=-1, help="settings measured at once")
    add("--out", default="benchmarks/output", metavar="DIR")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
