"""What hiding attributes within the classes costs in accuracy, and what it hides.

    python benchmarks/hidden_attributes.py --features features.npz
    python benchmarks/hidden_attributes.py --images folder [folder ...]

Random splits, a quarter held out, a key each: accuracy, area under the ROC curve and
log loss of a logistic regression on plain records, and on ciphertexts with
``hide_attributes`` "auto" and False, as paired differences. Then, on all records, the
audit's attribute attack for the first three principal components within the classes,
and the linkage bound of 500 records. Writes hidden_attributes.csv and prints a table.
Keys are fixed, so that a run can be repeated.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from csv_files import write_csv
from fixed_keys import fixed_key
from image_tables import load_features, load_images
from intervals import half_interval
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from sklearn_homeo import HomeomorphicEncryptor
from sklearn_homeo.audit import (
    attribute_inference_attack,
    hidden_attribute,
    linkage_bound,
)

SETTINGS = {"hidden": "auto", "shown": False}
COMPONENTS = (1, 2, 3)
# What is measured, and scikit-learn's scorer.
SCORERS = {
    "accuracy": get_scorer("accuracy"),
    "ROC AUC": get_scorer("roc_auc_ovr"),
    "log loss": get_scorer("neg_log_loss"),
}
N_CANDIDATES = 500


def main(argv=None):
    options = _parse(argv)
    if options.features:
        table = load_features(options.features)
    else:
        table = load_images(*options.images)
    records = [
        *_measure_models(table, options.splits),
        *_measure_attributes(table, options.n_keys, options.max_features),
    ]
    folder = Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(records, folder / "hidden_attributes.csv")
    print("\n".join(_lines(records)))
    return 0


def _measure_models(table, n_splits):
    for seed in tqdm(range(n_splits), desc="splits"):
        X, X_test, y, y_test = train_test_split(
            table.X, table.y, random_state=seed, stratify=table.y
        )
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
        grid = {"logisticregression__C": [0.001, 0.01, 0.1]}
        # The strength that suits plain records, for all three.
        search = GridSearchCV(model, grid, cv=3).fit(X, y)
        model = search.best_estimator_
        yield from _scores("plain", seed, model, X_test, y_test)
        for setting, hide in SETTINGS.items():
            encryptor = HomeomorphicEncryptor(hide_attributes=hide, key=fixed_key(seed))
            model.fit(encryptor.fit_transform(X, y), y)
            yield from _scores(
                setting, seed, model, encryptor.transform(X_test), y_test
            )


def _scores(setting, seed, model, X, y):
    for measure, scorer in SCORERS.items():
        yield _record(setting, measure, seed, scorer(model, X, y))


def _measure_attributes(table, n_keys, max_features):
    columns = np.sort(np.argsort(-table.X.var(axis=0))[:max_features])
    X, y = table.X[:, columns], table.y
    attributes = {one: hidden_attribute(X, y, component=one) for one in COMPONENTS}
    for seed in tqdm(range(n_keys), desc="attributes"):
        for setting, hide in SETTINGS.items():
            encryptor = HomeomorphicEncryptor(hide_attributes=hide, key=fixed_key(seed))
            Z = encryptor.fit_transform(X, y)
            for component, attribute in attributes.items():
                attack = attribute_inference_attack(Z, attribute, random_state=seed)
                yield _record(setting, f"AUC {component}", seed, attack.rate)
            bound = linkage_bound(encryptor, X[:N_CANDIDATES], y[:N_CANDIDATES]).bound
            yield _record(setting, "linkage bound", seed, bound)


def _record(setting, measure, seed, value):
    return {"setting": setting, "measure": measure, "seed": seed, "value": float(value)}


def _lines(records):
    def values(setting, measure):
        return np.array([
            record["value"] for record in records
            if (record["setting"], record["measure"]) == (setting, measure)
        ])  # fmt: skip

    plain = ", ".join(
        f"{measure} {abs(values('plain', measure).mean()):.4f}" for measure in SCORERS
    )
    yield f"plain: {plain}"
    for setting in SETTINGS:
        losses = [values("plain", name) - values(setting, name) for name in SCORERS]
        worse = ", ".join(
            f"{name} {loss.mean():.4f} +- {half_interval(loss):.4f}"
            for name, loss in zip(SCORERS, losses, strict=True)
        )
        yield f"{setting}: worse by {worse}"
        areas = [values(setting, f"AUC {one}").mean() for one in COMPONENTS]
        told = ", ".join(f"{area:.2f}" for area in areas)
        bound = values(setting, "linkage bound").mean()
        yield f"{setting}: attributes told with AUC {told}; linkage bound {bound:.3f}"


def _parse(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--features", metavar="FILE.npz")
    source.add_argument("--images", nargs="+", metavar="FOLDER")
    add("--splits", type=int, default=10)
    add("--n-keys", type=int, default=5)
    add("--max-features", type=int, default=512, help="of the attribute attack")
    add("--out", default="benchmarks/output", metavar="DIR")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
