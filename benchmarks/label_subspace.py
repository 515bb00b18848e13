"""What models lose on the label subspace, for curved labels, real-like and random ones.

Four kinds of models (support vectors, random forest, gradient boosting, neural network)
learn from plain rows, from label coordinates without noise (the centres of cells), and
from ciphertexts at ``leakage="scores"`` or what else is asked for. The score of the
best one on fresh rows counts: accuracy in per cent (balanced accuracy where a class is
rare), or R2 for numbers.

    python benchmarks/label_subspace.py
    python benchmarks/label_subspace.py --only moons product --rows 1500
    python benchmarks/label_subspace.py --leakage auto
    python benchmarks/label_subspace.py --leakage auto --seeds 5
    python benchmarks/label_subspace.py --draws 40

A seed gives rows, split and key. Of several seeds, means are printed, with the mean
loss, its 95 % interval and the largest one. The last command draws random labels: a
curved function of two to four of up to 40 columns, in their own basis or in a turned
one. Writes label_subspace.csv and prints a table.
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
from csv_files import write_csv
from fixed_keys import fixed_key
from intervals import half_interval
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_wine,
    make_classification,
    make_friedman1,
    make_friedman2,
    make_moons,
)
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.metrics import accuracy_score, balanced_accuracy_score, r2_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR

from sklearn_homeo import HomeomorphicEncryptor
from sklearn_homeo.exceptions import LossOfAccuracyWarning


def moons(n_rows, rng):
    """Two half circles among 18 columns of noise."""
    M, y = make_moons(n_rows, noise=0.2, random_state=rng)
    return np.hstack([StandardScaler().fit_transform(M), _noise(n_rows, 18, rng)]), y


def product(n_rows, rng):
    """Sign of the product of two of 20 columns."""
    X = _noise(n_rows, 20, rng)
    return X, _sign(X[:, 0] * X[:, 1])


def ring(n_rows, rng):
    """Two rings in two of 20 columns."""
    y = rng.randint(0, 2, n_rows)
    angle, radius = rng.uniform(0, 2 * np.pi, n_rows), 1.0 + 0.5 * y
    M = np.column_stack([np.cos(angle), np.sin(angle)]) * radius[:, None]
    M = StandardScaler().fit_transform(M + 0.12 * _noise(n_rows, 2, rng))
    return np.hstack([M, _noise(n_rows, 18, rng)]), y


def maximum(n_rows, rng):
    """Whether the largest of 4 of 30 columns is above 1."""
    X = _noise(n_rows, 30, rng)
    return X, _sign(X[:, :4].max(axis=1) - 1.0)


def turned_maximum(n_rows, rng):
    """The same in a turned basis."""
    return _turned(*maximum(n_rows, rng), rng)


def turned_product(n_rows, rng):
    """Sign of a product in a turned basis."""
    return _turned(*product(n_rows, rng), rng)


def clusters(n_rows, rng):
    """Three classes in nine clusters, 30 columns."""
    return make_classification(
        n_rows,
        30,
        n_informative=8,
        n_redundant=0,
        n_classes=3,
        n_clusters_per_class=3,
        class_sep=1.5,
        random_state=rng,
    )


def chi_squared(n_rows, rng):
    """Hastie's sum of ten squares, which needs all ten columns."""
    X = _noise(n_rows, 10, rng)
    return X, _sign((X**2).sum(axis=1) - 9.34)


def friedman1(n_rows, rng):
    """Five of twenty columns."""
    return make_friedman1(n_rows, 20, noise=1.0, random_state=rng)


def friedman2(n_rows, rng):
    """Four columns whose sizes differ widely, and 16 of noise."""
    X, y = make_friedman2(n_rows, noise=20.0, random_state=rng)
    return np.hstack([X, _noise(n_rows, 16, rng)]), y


def housing(n_rows, rng):
    """Prices as of California: place, income, ages and sizes."""
    place = rng.uniform(-1, 1, (n_rows, 2))
    income, rooms = rng.lognormal(0, 0.5, n_rows), rng.lognormal(1.5, 0.3, n_rows)
    bedrooms, age = rooms * rng.uniform(0.15, 0.3, n_rows), rng.uniform(1, 52, n_rows)
    people, crowd = rng.lognormal(7, 0.7, n_rows), rng.lognormal(1, 0.3, n_rows)
    near = np.exp(-4 * np.abs(place[:, 0] + 0.7 * place[:, 1] + 0.4))
    city = np.exp(-8 * ((place - [0.3, -0.4]) ** 2).sum(axis=1))
    price = income * (0.6 + near) + 0.8 * city + 0.3 * near * (age > 30)
    price += 0.2 * np.log(rooms / crowd) + 0.25 * rng.normal(size=n_rows)
    columns = [place, income, rooms, bedrooms, age, people, crowd]
    return np.column_stack(columns), np.minimum(price, 5.0)


def forest_cover(n_rows, rng):
    """Seven classes by height, slope and soil, as of covertype, half of it flags."""
    numbers = _noise(n_rows, 10, rng)
    area, soil = rng.randint(0, 4, n_rows), rng.randint(0, 36, n_rows)
    height = numbers[:, 0] + 0.3 * (soil % 6) - 0.75
    y = np.digitize(height, [-1.4, -0.7, 0.1, 0.9, 1.5])
    y[(soil < 9) & (numbers[:, 1] * numbers[:, 2] > 0.2)] = 6
    y = np.where((area == 3) & (y == 2), 1, y)
    flip = rng.uniform(size=n_rows) < 0.05
    y[flip] = rng.randint(0, 7, flip.sum())
    return np.hstack([numbers, np.eye(4)[area], np.eye(36)[soil]]), y


def adult(n_rows, rng):
    """Income above a limit, as of adult: 6 numbers and 30 flags."""
    numbers = _noise(n_rows, 6, rng)
    job, family = rng.randint(0, 14, n_rows), rng.randint(0, 7, n_rows)
    sort = rng.randint(0, 9, n_rows)
    married = family < 2
    value = 0.9 * numbers[:, 0] + 0.8 * np.minimum(
        numbers[:, 1] - numbers[:, 1] ** 2, 1
    )
    value += np.where(married, 1.2 + 0.8 * numbers[:, 0], -0.5)
    value += np.linspace(-1, 1, 14)[job] + 2.5 * (numbers[:, 2] > 1.6)
    y = _sign(value - 0.8 + 0.7 * rng.normal(size=n_rows))
    flags = [np.eye(14)[job], np.eye(7)[family], np.eye(9)[sort]]
    return np.hstack([numbers, *flags]), y


def chance(n_rows, rng):
    """Labels that no column tells."""
    return _noise(n_rows, 20, rng), rng.randint(0, 2, n_rows)


def rare_product(n_rows, rng):
    """One row of fifty, where a product of two of 20 columns is large."""
    X = _noise(n_rows, 20, rng)
    value = X[:, 0] * X[:, 1]
    return X, _sign(value - np.quantile(value, 0.98))


def twenty_classes(n_rows, rng):
    """Twenty cells of a curved map of three of 24 columns."""
    X = _noise(n_rows, 24, rng)
    radius = np.hypot(X[:, 0], X[:, 1])
    ranks = np.argsort(np.argsort(radius)) * 5 // n_rows
    return X, ranks * 4 + np.digitize(X[:, 2], [-0.67, 0.0, 0.67])


def spiral(n_rows, rng):
    """Two arms of a spiral among 10 columns."""
    turn = np.sqrt(rng.uniform(size=n_rows)) * 3 * np.pi
    y = rng.randint(0, 2, n_rows)
    M = np.column_stack([np.cos(turn + np.pi * y), np.sin(turn + np.pi * y)])
    M = M * turn[:, None] + 0.3 * _noise(n_rows, 2, rng)
    return np.hstack([StandardScaler().fit_transform(M), _noise(n_rows, 8, rng)]), y


def digits(n_rows, rng):
    return load_digits(return_X_y=True)


def breast_cancer(n_rows, rng):
    return load_breast_cancer(return_X_y=True)


def wine(n_rows, rng):
    return load_wine(return_X_y=True)


def diabetes(n_rows, rng):
    return load_diabetes(return_X_y=True)


PROBLEMS = [
    moons,
    product,
    ring,
    maximum,
    clusters,
    chi_squared,
    friedman1,
    friedman2,
    diabetes,
    housing,
    forest_cover,
    adult,
    chance,
    rare_product,
    twenty_classes,
    turned_product,
    turned_maximum,
    spiral,
    digits,
    breast_cancer,
    wine,
]
TABLES = {digits, breast_cancer, wine, diabetes}
SHAPES = {
    "product": lambda S: S[:, 0] * S[:, 1],
    "ring": lambda S: (S**2).sum(axis=1),
    "maximum": lambda S: S.max(axis=1),
    "bump": lambda S: np.sin(2 * S[:, 0]) + S[:, 1] ** 2,
    "switch": lambda S: np.where(S[:, 0] > 0, S[:, 1], S[:, -1]),
    "saddle": lambda S: S[:, 0] ** 2 - np.abs(S[:, 1]) + S[:, -1],
}


def main(argv=None):
    options = _parse(argv)
    rows = []
    if options.draws:
        for name, X, y, n_train in _random_labels(options):
            rows.append({"labels": name, **measure(X, y, n_train, options.leakage)})
            _print(rows[-1])
    else:
        for problem in PROBLEMS:
            if not options.only or problem.__name__ in options.only:
                found = [_measured(problem, seed, options) for seed in _seeds(options)]
                rows += found
                _print(_mean_of(found))
    folder = Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(rows, folder / "label_subspace.csv")
    if options.draws:
        lost = np.array([row["plain"] - row["encrypted"] for row in rows])
        print(f"{(lost <= 3.0).mean():.0%} of draws lose 3 points or less")
    return 0


def measure(X, y, n_train, leakage="scores", seed=0):
    """Scores on plain rows and on label coordinates, and what was chosen."""
    is_numeric = y.dtype.kind == "f"
    train, test = train_test_split(
        np.arange(len(X)),
        train_size=n_train,
        random_state=seed,
        stratify=None if is_numeric else y,
    )
    encryptor = HomeomorphicEncryptor(
        leakage=leakage,
        target_type="continuous" if is_numeric else "discrete",
        key=fixed_key(seed),
    )
    start = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        encryptor.fit(X[train], y[train])
    seconds = time.perf_counter() - start
    chosen = (
        [encryptor.probe_scores_[0].name]
        if encryptor.n_cells_
        else [score.finder for score in encryptor.probe_scores_ if score.chosen]
    )
    linking = encryptor.certificate(X[test]).linking
    return {
        "plain": best_of_four(X, y, train, test),
        "coordinates": best_of_four(encryptor.preserve(X), y, train, test),
        "encrypted": best_of_four(encryptor.transform(X), y, train, test),
        "noise": encryptor.linkage_noise_,
        "k": encryptor.n_preserved_,
        "n": X.shape[1],
        "finder": chosen[0] if chosen else "",
        "leak": encryptor.preserved_variance_ratio_,
        "bits": encryptor.leakage_bits_,
        "linked": max(linking.one_target, linking.one_to_one),
        "warned": any(w.category is LossOfAccuracyWarning for w in caught),
        "seconds": seconds,
    }


def best_of_four(Z, y, train, test):
    """Score of the best of four kinds of models, in per cent or R2."""
    is_numeric = y.dtype.kind == "f"
    if is_numeric:
        models = [SVR(C=3.0), RandomForestRegressor(100, random_state=0)]
        models += [HistGradientBoostingRegressor(random_state=0)]
        models += [
            MLPRegressor(hidden_layer_sizes=(64,), early_stopping=True, random_state=0)
        ]
        unit = y[train].std()
        return max(
            r2_score(
                y[test] / unit,
                make_pipeline(StandardScaler(), model)
                .fit(Z[train], y[train] / unit)
                .predict(Z[test]),
            )
            for model in models
        )
    rare = np.bincount(y).min() < 0.1 * len(y) / (y.max() + 1)
    metric = balanced_accuracy_score if rare else accuracy_score
    weight = "balanced" if rare else None
    models = [
        SVC(class_weight=weight),
        RandomForestClassifier(100, class_weight=weight, random_state=0),
        HistGradientBoostingClassifier(class_weight=weight, random_state=0),
        MLPClassifier(
            hidden_layer_sizes=(64,), alpha=1e-3, early_stopping=True, random_state=0
        ),
    ]
    return max(
        100
        * metric(
            y[test],
            make_pipeline(StandardScaler(), model)
            .fit(Z[train], y[train])
            .predict(Z[test]),
        )
        for model in models
    )


def _seeds(options):
    return range(options.seed, options.seed + options.seeds)


def _measured(problem, seed, options):
    """One problem's row of the table, of one seed."""
    X, y = problem(options.rows + 2000, np.random.RandomState(seed))
    n_train = int(0.7 * len(X)) if problem in TABLES else options.rows
    found = measure(X, y, n_train, options.leakage, seed)
    return {"labels": problem.__name__, "seed": seed, **found}


def _mean_of(rows):
    """The mean of rows of the table, with what was chosen most often; losses too."""
    if len(rows) == 1:
        return rows[0]
    found = {
        name: np.mean([row[name] for row in rows])
        for name, value in rows[0].items()
        if isinstance(value, (int, float))
    }
    finders = [row["finder"] for row in rows]
    losses = np.array([row["plain"] - row["encrypted"] for row in rows])
    return {
        **found,
        "labels": rows[0]["labels"],
        "finder": max(finders, key=finders.count),
        "warned": sum(row["warned"] for row in rows),
        "lost": losses.mean(),
        "interval": half_interval(losses),
        "largest": losses.max(),
    }


def _random_labels(options):
    for draw in range(options.draws):
        rng = np.random.RandomState(1000 * options.seed + draw)
        n, k = rng.randint(10, 41), rng.randint(2, 5)
        X = _noise(options.rows + 2000, n, rng)
        shape = rng.choice(list(SHAPES))
        values = SHAPES[shape](X[:, rng.permutation(n)[:k]])
        y = _sign(values - np.quantile(values, rng.uniform(0.3, 0.7)))
        turned = bool(rng.randint(2))
        X = _turned(X, y, rng)[0] if turned else X
        yield f"{shape} of {k} of {n}{' turned' * turned}", X, y, options.rows


def _noise(n_rows, n, rng):
    return rng.standard_normal((n_rows, n))


def _sign(values):
    return (values > 0).astype(int)


def _turned(X, y, rng):
    return X @ np.linalg.qr(_noise(X.shape[1], X.shape[1], rng))[0], y


def _print(row):
    lost = ""
    if "lost" in row:
        digits = 3 if abs(row["plain"]) <= 1 else 1
        lost = (
            f"  lost {row['lost']:.{digits}f} ± {row['interval']:.{digits}f} "
            f"(largest {row['largest']:.{digits}f})"
        )
    warned = "  warned" * bool(row["warned"])
    if lost and warned:
        warned += f" {row['warned']} times"
    print(
        f"{row['labels']:28s} plain {row['plain']:6.2f}  coordinates "
        f"{row['coordinates']:6.2f}  encrypted {row['encrypted']:6.2f} "
        f"(noise {row['noise']:g})  k {row['k']:2.0f} of {row['n']:2.0f} "
        f"{row['finder']:28s} leak {row['leak']:.2f}  {row['bits']:.1f} bits  "
        f"linked {row['linked']:.1%}{warned}  {row['seconds']:.1f} s{lost}",
        flush=True,
    )


def _parse(argv):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", help="names of problems")
    parser.add_argument("--rows", type=int, default=3000, help="training rows")
    parser.add_argument("--draws", type=int, default=0, help="random labels instead")
    parser.add_argument(
        "--leakage", choices=["auto", "cells", "scores"], default="scores"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--seeds", type=int, default=1, metavar="N", help="means over so many seeds"
    )
    parser.add_argument("--out", default="benchmarks/output", metavar="DIR")
    return parser.parse_args(argv)


if __name__ == "__main__":
    raise SystemExit(main())
