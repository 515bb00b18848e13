"""The dial: what models keep, and what ciphertexts tell, for plain rows, scores, cells.

    python benchmarks/leakage.py
    python benchmarks/leakage.py --only digits wine --keys 2
    python benchmarks/leakage.py --only --features cats_dogs.npz --settings default

A fifth of the rows is held out. Where a fifth holds less than 30 rows of some class, or
200 rows with numbers, each fifth is held out in turn: on a single one, ROC AUC varies
by more than what cells cost. Five models learn from plain rows, and from ciphertexts of
the default, of cells and of scores with noise 0.1 and 1 (or with the noise that ``fit``
finds: --settings scores). Figures are means over the models, over the fifths, and over
keys, each with splits of its own. ``linked`` is the larger rate of linking one target
and of matching all held-out rows one to one, from the certificate: a bound for cells, a
simulation for scores. ``R2`` is the best of three reconstructions of the held-out rows
from their views, learnt from all other pairs. ``floor`` is what the label alone gives.
A .npz file of --features holds X and y; images of digits need the extra ``demo``.
Writes leakage.csv, and prints the table, and what each setting loses and adds with the
95 % interval over keys.
"""

import argparse
import warnings
from pathlib import Path

import numpy as np
from csv_files import write_csv
from fixed_keys import fixed_key
from image_tables import load_features
from intervals import half_interval
from sklearn.base import clone
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_wine,
    make_classification,
    make_friedman1,
)
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, log_loss, r2_score, roc_auc_score
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR
from tqdm import tqdm

from sklearn_homeo import HomeomorphicEncryptor

SETTINGS = {
    "default": {},
    "cells": {"leakage": "cells"},
    "scores": {"leakage": "scores"},
    "scores .1": {"leakage": "scores", "linkage_noise": 0.1},
    "scores 1": {"leakage": "scores", "linkage_noise": 1.0},
}
# What the records hold.
USUAL_SETTINGS = ["default", "cells", "scores .1", "scores 1"]
N_FIFTHS = 5
# Held-out rows with which a single split is enough.
FEWEST_OF_A_CLASS, FEWEST_NUMBERS = 30, 200


def rare():
    """2 % positives."""
    return make_classification(
        4000, 20, n_informative=6, weights=[0.98], flip_y=0.005, random_state=0
    )


def overlapping():
    """Classes that overlap, and a tenth of the labels wrong."""
    return make_classification(
        3000, 20, n_informative=6, n_clusters_per_class=1, class_sep=0.35, flip_y=0.1,
        random_state=1,
    )  # fmt: skip


def product():
    """Sign of the product of two of 20 columns."""
    X = np.random.default_rng(0).normal(size=(3000, 20))
    return X, (X[:, 0] * X[:, 1] > 0).astype(int)


def image_codes():
    """Codes of 1,500 images of digits, by the demo's autoencoder."""
    from sklearn_homeo.demo.images import load_bundled_images, train_encoders

    table = train_encoders(load_bundled_images()).table
    return table.X, table.y


def friedman():
    """Friedman's function of five of ten columns, without noise."""
    return make_friedman1(3000, 10, random_state=0)


DATA = {
    "digits": lambda: load_digits(return_X_y=True),
    "breast cancer": lambda: load_breast_cancer(return_X_y=True),
    "wine": lambda: load_wine(return_X_y=True),
    "iris": lambda: load_iris(return_X_y=True),
    "images of digits": image_codes,
    "2 % positives": rare,
    "overlapping": overlapping,
    "product among 20": product,
    "friedman1": friedman,
    "diabetes": lambda: load_diabetes(return_X_y=True),
}


def models(is_numeric):
    """The five kinds of models, which a service may try."""
    if is_numeric:
        found = [
            Ridge(),
            KNeighborsRegressor(10),
            RandomForestRegressor(100, random_state=0),
            SVR(),
            MLPRegressor(hidden_layer_sizes=(64,), max_iter=400, random_state=0),
        ]
    else:
        found = [
            LogisticRegression(max_iter=1000),
            KNeighborsClassifier(10),
            RandomForestClassifier(100, random_state=0),
            SVC(),
            MLPClassifier(hidden_layer_sizes=(64,), max_iter=400, random_state=0),
        ]
    return [make_pipeline(StandardScaler(), model) for model in found]


def scores(model, X, y, is_numeric):
    """What a fitted model gets on held-out rows."""
    if is_numeric:
        return {"accuracy": r2_score(y, model.predict(X))}
    found = {"accuracy": accuracy_score(y, model.predict(X))}
    if hasattr(model, "predict_proba"):
        shares = model.predict_proba(X)
        found["log loss"] = log_loss(y, shares, labels=model.classes_)
    else:
        shares = model.decision_function(X)
        shares = np.column_stack([-shares, shares]) if shares.ndim == 1 else shares
    if len(model.classes_) == 2:
        found["ROC AUC"] = roc_auc_score(y, shares[:, 1])
    else:
        areas = [
            roc_auc_score(y == label, share)
            for label, share in zip(model.classes_, shares.T, strict=True)
        ]
        found["ROC AUC"] = float(np.mean(areas))
    return found


def learn(train, test, y, y_test, is_numeric):
    """Mean scores of the five models."""
    found = [
        scores(clone(model).fit(train, y), test, y_test, is_numeric)
        for model in models(is_numeric)
    ]
    names = {name for one in found for name in one}
    return {
        name: float(np.mean([one[name] for one in found if name in one]))
        for name in names
    }


def rebuilt(view, view_test, X, X_test):
    """R2 of the best reconstruction of standardised rows from their views."""
    scaler = StandardScaler().fit(X)
    X, X_test = scaler.transform(X), scaler.transform(X_test)
    attacks = [Ridge(), KNeighborsRegressor(10), KNeighborsRegressor(40)]
    guesses = [a.fit(view, X).predict(view_test) for a in attacks]
    total = ((X_test - X.mean(axis=0)) ** 2).sum()
    return max(0.0, *(1 - ((g - X_test) ** 2).sum() / total for g in guesses))


def label_floors(X, X_test, y, y_test, is_numeric):
    """Linking and R2 by the label alone."""
    if is_numeric:
        column = StandardScaler().fit(y[:, None])
        return None, rebuilt(
            column.transform(y[:, None]), column.transform(y_test[:, None]), X, X_test
        )
    linked = len(np.unique(y_test)) / len(y_test)
    classes = np.unique(y)
    return linked, rebuilt(y[:, None] == classes, y_test[:, None] == classes, X, X_test)


def splits(y, key_number):
    """Rows to learn from and rows held out: a fifth, or each fifth in turn."""
    is_numeric = y.dtype.kind == "f"
    n_rows = len(y) if is_numeric else np.unique(y, return_counts=True)[1].min()
    if n_rows < N_FIFTHS * (FEWEST_NUMBERS if is_numeric else FEWEST_OF_A_CLASS):
        folds = KFold if is_numeric else StratifiedKFold
        return folds(N_FIFTHS, shuffle=True, random_state=key_number).split(y, y)
    rows, strata = np.arange(len(y)), None if is_numeric else y
    return [
        train_test_split(
            rows, test_size=1 / N_FIFTHS, random_state=key_number, stratify=strata
        )
    ]


def measure(name, X, y, key_number, only_settings):
    """Records of one data set and key: means over its splits."""
    parts = []
    for train, test in splits(y, key_number):
        rows = X[train], X[test], y[train], y[test]
        parts.append(list(measure_split(name, *rows, key_number, only_settings)))
    return [_mean_record(records) for records in zip(*parts, strict=True)]


def _mean_record(records):
    """The mean of each figure that all records have, and the rest from the first."""
    mean = dict(records[0])
    for name, value in mean.items():
        values = [record[name] for record in records]
        if name != "key" and isinstance(value, (int, float)) and None not in values:
            mean[name] = float(np.mean(values))
    return mean


def measure_split(name, X, X_test, y, y_test, key_number, only_settings):
    """Records of one data set, key and split."""
    is_numeric = y.dtype.kind == "f"
    linked, r2 = label_floors(X, X_test, y, y_test, is_numeric)
    start = {"data": name, "key": key_number}
    yield {**start, "setting": "floor", "linked": linked, "R2": r2}
    yield {**start, "setting": "plain", **learn(X, X_test, y, y_test, is_numeric)}
    for setting in only_settings:
        encryptor = HomeomorphicEncryptor(
            key=fixed_key(key_number), **SETTINGS[setting]
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            Z, Z_test = encryptor.fit(X, y).transform(X), encryptor.transform(X_test)
        link = encryptor.certificate(X_test).linking
        yield {
            **start,
            "setting": setting,
            **learn(Z, Z_test, y, y_test, is_numeric),
            "leakage": encryptor.leakage_,
            "cells": encryptor.n_cells_,
            "linked": max(link.one_target, link.one_to_one),
            "R2": rebuilt(np.floor(8 * Z), np.floor(8 * Z_test), X, X_test),
        }


def main(argv=None):
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="*", choices=DATA, default=list(DATA))
    parser.add_argument("--features", nargs="+", default=[], metavar="FILE.npz")
    parser.add_argument(
        "--settings", nargs="+", choices=SETTINGS, default=USUAL_SETTINGS
    )
    parser.add_argument("--keys", type=int, default=5)
    parser.add_argument("--out", default="benchmarks/output", metavar="DIR")
    options = parser.parse_args(argv)
    warnings.simplefilter("ignore")
    tables = [(name, *DATA[name]()) for name in options.only]
    tables += [(one.name, one.X, one.y) for one in map(load_features, options.features)]
    jobs = [(*table, i) for table in tables for i in range(options.keys)]
    records = [
        record for job in tqdm(jobs) for record in measure(*job, options.settings)
    ]
    folder = Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(records, folder / "leakage.csv")
    print("\n".join([*lines(records), "", *differences(records)]))
    return 0


def lines(records):
    """The table, means over keys."""
    columns = ["accuracy", "ROC AUC", "log loss", "linked", "R2", "cells"]
    yield f"{'data':18}{'setting':12}" + "".join(f"{c:>10}" for c in columns)
    seen = dict.fromkeys((r["data"], r["setting"]) for r in records)
    for data, setting in seen:
        rows = [r for r in records if (r["data"], r["setting"]) == (data, setting)]
        cells = []
        for column in columns:
            found = [r[column] for r in rows if r.get(column) is not None]
            text = f"{np.mean(found):.3f}" if found else ""
            cells.append(f"{text:>10}")
        yield f"{data:18}{setting:12}" + "".join(cells)


def differences(records):
    """What settings lose against plain rows, and add to the floor, key by key."""
    by_setting = {}
    for record in records:
        keys = by_setting.setdefault((record["data"], record["setting"]), [])
        keys.append(record)
    columns = {
        "accuracy": ("plain", -100),
        "ROC AUC": ("plain", -1),
        "log loss": ("plain", 1),
        "linked": ("floor", 100),
        "R2": ("floor", 1),
    }
    yield "Lost against plain rows (accuracy in points, ROC AUC, log loss), and added"
    yield "to the floor (linked in points, R2)"
    yield f"{'data':18}{'setting':12}" + "".join(f"{c:>17}" for c in columns)
    for (data, setting), found in by_setting.items():
        if setting in ("plain", "floor"):
            continue
        cells = []
        for column, (other, unit) in columns.items():
            pairs = zip(found, by_setting[data, other], strict=True)
            each = [
                unit * (one[column] - base[column])
                for one, base in pairs
                if one.get(column) is not None and base.get(column) is not None
            ]
            cells.append(f"{_mean_and_interval(each, abs(unit) == 1):>17}")
        yield f"{data:18}{setting:12}" + "".join(cells)


def _mean_and_interval(values, is_share):
    if not values:
        return ""
    digits = 3 if is_share else 1
    text = f"{np.mean(values):+.{digits}f}"
    if len(values) == 1:
        return text
    return f"{text} ± {half_interval(values):.{digits}f}"


if __name__ == "__main__":
    raise SystemExit(main())
