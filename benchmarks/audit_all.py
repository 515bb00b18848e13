"""The audit's battery on every setting of the dial, on baselines, and several data.

    python benchmarks/audit_all.py --n-keys 5
    python benchmarks/audit_all.py --datasets --features features.npz --n-keys 5
    python benchmarks/audit_all.py --datasets --images folder --settings tanh default

A .npz file holds X and y, or X_train, y_train, X_test and y_test; folders have one
sub-folder of images a class. Next to each rate stand the label's floor and, where there
is one, the bound that no attack exceeds. Writes audit_all.csv (every attack and key),
audit_all.md (a table a data set) and audit_all.png, and prints the tables. Keys are
fixed, so that a run can be repeated.
"""

import argparse
import sys
import warnings
from pathlib import Path

import numpy as np
from csv_files import write_csv
from fixed_keys import fixed_key
from image_tables import limited, load_features, load_images
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import Bunch

from sklearn_homeo import HomeomorphicEncryptor, TanhEncryptor
from sklearn_homeo._utils.plotting import make_figure
from sklearn_homeo.audit import PrivacyUtilityDisplay
from sklearn_homeo.audit._audit import (
    audited_jobs,
    control_jobs,
    make_scenarios,
    run_jobs,
)
from sklearn_homeo.audit._controls import CONTROLS
from sklearn_homeo.audit._references import find_references
from sklearn_homeo.audit._registry import TIERS
from sklearn_homeo.audit._report import AuditReport

BUNDLED = {
    "digits": load_digits,
    "breast cancer": load_breast_cancer,
    "wine": load_wine,
    "iris": load_iris,
}
SETTINGS = {
    "none": {},
    "rotation": {},
    "tanh": {},
    "tanh-wide": {},
    "space": {"leakage": "space"},
    "default": {},
    "cells-10-locks": {"leakage": "cells", "depth": 10},
    "scores": {"leakage": "scores"},
    **{
        f"scores-noise-{noise}": {"leakage": "scores", "linkage_noise": noise}
        for noise in (0.0, 0.03, 0.3, 1.0)
    },
}
WITHOUT_KEY = ("none", "rotation")
RANDOM_STATE = 0


def main(argv=None):
    options = _parse(argv)
    try:
        tables = _load(options)
    except (ImportError, OSError, ValueError, KeyError) as error:
        print(f"audit_all.py: error: {error}", file=sys.stderr)
        return 2
    folder = Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    rows, points, texts = [], {}, []
    for table in tables:
        lines, points[table.name] = _audit_table(table, options, rows)
        texts.append(_markdown(table, lines, options))
        print(texts[-1], flush=True)
        (folder / "audit_all.md").write_text("\n".join(texts), encoding="utf-8")
        write_csv(rows, folder / "audit_all.csv")
    _draw(points, folder / "audit_all.png")
    print(f"Files in {folder}: audit_all.csv, audit_all.md, audit_all.png")
    return 0


def _audit_table(table, options, rows):
    """Lines of the table of one data set, and points of its figure."""
    names = list(TIERS) if options.attacks == ["all"] else options.attacks
    known = {"X": table.X, "y": table.y, "leak": options.leak}
    seeds = np.random.RandomState(RANDOM_STATE).randint(2**31 - 1, size=len(CONTROLS))
    controls = run_jobs(
        control_jobs(names, options.budget, seeds, known), options.n_jobs, 1
    )
    rows += [{"dataset": table.name, "setting": "control"} | row for row in controls]
    plain = _accuracy(table, None)
    lines, points = [("none (plain)", None, plain, None)], []
    for setting in options.settings:
        try:
            audited, references = _audited(table, setting, names, known, options)
            accuracy = _accuracy(table, setting)
        except ValueError as error:
            lines.append((setting, None, np.nan, " ".join(str(error).split())[:90]))
            continue
        rows += [{"dataset": table.name, "setting": setting} | row for row in audited]
        report = AuditReport(
            audited + controls,
            Bunch(cipher=setting, leak=options.leak),
            references,
        )
        lines.append((setting, report, accuracy, ""))
        links = [one.rate for one in report.tiers.values() if one.measure == "re-id"]
        if links:
            points.append((setting, max(links), accuracy))
        print(f"{table.name}: {setting} done", flush=True)
    return lines, points


def _audited(table, setting, names, known, options):
    """Rows of a setting's attacks, and what they are compared with."""
    n_keys = 1 if setting in WITHOUT_KEY else options.n_keys
    fitted = [_fit(table, setting, i) for i in range(max(n_keys, 2))]
    Z = [one.transform(table.X) for one in fitted]
    seeds = np.random.RandomState(RANDOM_STATE + 1).randint(2**31 - 2, size=n_keys)
    scenarios = make_scenarios(Z, seeds, known)
    rows = run_jobs(audited_jobs(scenarios, names, options.budget), options.n_jobs, 1)
    return rows, find_references(fitted[:n_keys], scenarios, rows)


def _fit(table, setting, i, rows=slice(None)):
    X, y = table.X[rows], table.y[rows]
    if setting in WITHOUT_KEY:
        return _Linear(setting, i).fit(X)
    parameters = dict(SETTINGS[setting])
    if setting == "tanh-wide":
        parameters["weight_scale"] = X.shape[1] ** -0.5
    kind = TanhEncryptor if setting.startswith("tanh") else HomeomorphicEncryptor
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        encryptor = kind(**parameters, key=fixed_key(i))
        return encryptor.fit(X, y)


class _Linear:
    """No cipher, or a rotation of standardised rows."""

    def __init__(self, setting, seed):
        self.setting, self.seed = setting, seed

    def fit(self, X):
        self.scaler = StandardScaler().fit(X)
        normal = np.random.RandomState(self.seed).normal(size=2 * X.shape[1:])
        self.turn = np.linalg.qr(normal)[0]
        return self

    def transform(self, X):
        if self.setting == "none":
            return X
        return self.scaler.transform(X) @ self.turn


def _accuracy(table, setting):
    """Accuracy of a logistic regression on new rows; the cipher saw train rows only."""
    train, test = train_test_split(
        np.arange(len(table.y)), test_size=0.25, random_state=0, stratify=table.y
    )
    known, new = table.X[train], table.X[test]
    if setting is not None:
        encryptor = _fit(table, setting, 0, train)
        known, new = encryptor.transform(known), encryptor.transform(new)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    return float(model.fit(known, table.y[train]).score(new, table.y[test]))


def _markdown(table, lines, options):
    names = list(TIERS) if options.attacks == ["all"] else options.attacks
    head = ["setting", "accuracy", *names, "T4 R2"]
    text = [
        f"## {table.name}: {table.X.shape[0]} x {table.X.shape[1]}, "
        f"{options.n_keys} keys, leak {options.leak}, budget {options.budget}",
        "",
        "Mean over keys of the worst attack of each tier, in percent (T5: AUC), and "
        "its upper 95 % limit in brackets; then the label's floor and the bound. An "
        "exclamation mark stands after a tier whose control failed.",
        "",
        "| " + " | ".join(head) + " |",
        "|" + " --- |" * len(head),
    ]
    for setting, report, accuracy, reason in lines:
        cells = [setting, f"{100 * accuracy:.1f}"]
        if report is None:
            cells += [reason or "-"] + [""] * (len(head) - 3)
        else:
            cells += [_cell(report.tiers.get(name)) for name in names]
            r2 = report.tiers["T4"].r2 if "T4" in report.tiers else np.nan
            cells.append(f"{r2:.3f} / {report.references.r2_floor:.3f}")
        text.append("| " + " | ".join(cells) + " |")
    return "\n".join([*text, ""])


def _cell(tier):
    if tier is None:
        return ""
    mark = "!" if tier.verdict == "invalid" else ""
    if tier.measure == "AUC":
        bound = "" if np.isnan(tier.bound) else f" / {tier.bound:.3f}"
        return (
            f"{tier.rate:.3f} [{tier.upper:.3f}] / {tier.floor:.3f}{bound} "
            f"(plain {tier.plain_rate:.3f}){mark}"
        )
    bound = "" if np.isnan(tier.bound) else f" / {100 * tier.bound:.1f}"
    return (
        f"{100 * tier.rate:.2f} [{100 * tier.upper:.2f}] / "
        f"{100 * tier.floor:.1f}{bound}{mark}"
    )


def _draw(points, path):
    """Accuracy against the worst re-identification, a panel a data set."""
    points = {name: found for name, found in points.items() if found}
    if not points:
        return
    figure = make_figure(7.5, 4.2 * len(points))
    axes = figure.subplots(len(points), 1, squeeze=False)[:, 0]
    for ax, (name, found) in zip(axes, points.items(), strict=True):
        labels, leaks, accuracies = zip(*found, strict=True)
        PrivacyUtilityDisplay(leaks, accuracies, labels).plot(ax=ax)
        ax.set(title=name, ylabel="accuracy")
    figure.savefig(path, dpi=110)


def _load(options):
    tables = [
        Bunch(name=name, X=X, y=y)
        for name in options.datasets
        for X, y in [BUNDLED[name](return_X_y=True)]
    ]
    if options.features:
        tables += map(load_features, options.features)
    if options.images:
        tables.append(load_images(*options.images))
    if not tables:
        raise ValueError("nothing to audit: give --datasets, --features or --images")
    return [
        limited(one, options.max_rows, options.max_features, RANDOM_STATE)
        for one in tables
    ]


def _parse(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--datasets", nargs="*", choices=list(BUNDLED), default=list(BUNDLED))
    add("--features", nargs="+", metavar="FILE.npz", help="a table each")
    add("--images", nargs="+", metavar="FOLDER", help="one table; sub-folder a class")
    add("--settings", nargs="+", choices=list(SETTINGS), default=list(SETTINGS))
    add("--attacks", nargs="+", choices=["all", *TIERS], default=["all"])
    add("--budget", choices=["quick", "full"], default="full")
    add("--n-keys", type=int, default=5)
    add("--leak", type=float, default=0.9)
    add("--max-rows", type=int, default=None)
    add("--max-features", type=int, default=None)
    add("--n-jobs", type=int, default=-1, help="attacks at once")
    add("--out", default="benchmarks/output", metavar="DIR")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
