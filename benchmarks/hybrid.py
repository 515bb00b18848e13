"""Models trained on real, encrypted, synthetic and hybrid rows, and what these leak.

Hybrid rows are synthetic rows in the encrypted space: encrypt, then synthesize. Every
model is tested on real rows, encrypted where it was trained on encrypted ones. The
script also runs membership attacks by an attacker who has the key and by one who has
not, compares SMOTE and a kernel density estimate in the encrypted space, and tries
small classes.

    python benchmarks/hybrid.py --data bundled
    python benchmarks/hybrid.py --data table.csv --target kind --folds 2
    python benchmarks/hybrid.py --data images/train images/test --studies small

A .npz file holds X and y, or X_train, y_train, X_test and y_test.

Membership: half of each class are members, a quarter are non-members, a quarter is the
attacker's reference. The encryptor is fitted to all of them ("all") or to the members
("members"). In the second case its frame is a leak of its own, which the control shows:
synthetic rows made from the reference. Keys are fixed, so that a run can be repeated.

Writes hybrid.csv, and hybrid.png of all three studies, and prints Markdown tables.
"""

import argparse
import sys
import warnings
from pathlib import Path

import numpy as np
from csv_files import write_csv
from fixed_keys import fixed_key
from hybrid_report import draw_hybrid, print_hybrid
from image_tables import load_features, load_images
from imblearn.over_sampling import SMOTE
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.neighbors import KernelDensity
from sklearn.preprocessing import StandardScaler
from sklearn.utils import Bunch
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from sklearn_homeo import HomeomorphicEncryptor
from sklearn_homeo.audit import distance_to_records
from sklearn_homeo.demo.evaluation import make_models, score_models, split_rows
from sklearn_homeo.demo.hybrid import attack_synthetic, synthesize
from sklearn_homeo.demo.tables import BUNDLED, load_bundled, read_file
from sklearn_homeo.exceptions import NoProtectionWarning

CLASS_SIZES = (20, 50, 200)
REPEATS = 5
# Rows of each class drawn from a density that was fitted to few.
SMALL_DRAWN = 200
MAX_SMALL_TEST = 1000


def main(argv=None):
    options = _parse(argv)
    warnings.simplefilter("ignore", NoProtectionWarning)
    try:
        tables = _load(options)
    except (ImportError, OSError, ValueError) as error:
        print(f"hybrid.py: error: {error}", file=sys.stderr)
        return 2
    rows = []
    with threadpool_limits(1, user_api="blas"):
        for table in tables:
            for study in options.studies:
                rows += STUDIES[study](table, options)
    folder = Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(rows, folder / "hybrid.csv")
    if set(options.studies) == set(STUDIES):
        draw_hybrid(rows, folder / "hybrid.png")
    print_hybrid(rows)
    print(f"\nFiles in {folder}")
    return 0


def measure_utility(table, options):
    """Accuracy of every model by what it was trained on, over folds."""
    folds = StratifiedKFold(options.folds, shuffle=True, random_state=0)
    models = make_models("classification")
    found = []
    for fold, (train, test) in enumerate(
        tqdm(folds.split(table.X, table.y), f"{table.name}: utility", options.folds)
    ):
        rows = split_rows(table, train, test)
        encryptor = _encryptor(fold).fit(rows.X_train, rows.y_train)
        for name, (X, y, X_test) in _training_sets(rows, encryptor, fold).items():
            part = Bunch(X_train=X, y_train=y, X_test=X_test, y_test=rows.y_test)
            for model, score in score_models(models, part, np.asarray).items():
                found.append(
                    _row(table, "utility", name, model, score, setting=f"fold {fold}")
                )
    return found


def _training_sets(rows, encryptor, seed):
    """Rows and labels to train on, and rows to test on, by name."""
    X, y, X_test = rows.X_train, rows.y_train, rows.X_test
    Z, Z_test = encryptor.transform(X), encryptor.transform(X_test)
    classes, counts = np.unique(y, return_counts=True)
    wanted = dict(zip(classes, counts, strict=True))
    return {
        "real": (X, y, X_test),
        "encrypted": (Z, y, Z_test),
        "synthetic": (*_gaussian(X, y, wanted, seed), X_test),
        "hybrid": (*_gaussian(Z, y, wanted, seed), Z_test),
        "SMOTE, encrypted": (*_smote(Z, y, wanted, seed), Z_test),
        "KDE, encrypted": (*_kernels(Z, y, wanted, seed), Z_test),
    }


def _gaussian(X, y, wanted, seed):
    counts = {label: int(n) for label, n in wanted.items()}
    return synthesize(X, y, counts=counts, random_state=seed)


def _smote(X, y, wanted, seed):
    """Interpolated rows only: SMOTE puts the real ones first."""
    present = dict(zip(*np.unique(y, return_counts=True), strict=True))
    total = {label: present[label] + n for label, n in wanted.items()}
    smote = SMOTE(
        sampling_strategy=total,
        k_neighbors=min(5, min(present.values()) - 1),
        random_state=seed,
    )
    X_all, y_all = smote.fit_resample(X, y)
    return X_all[len(X) :], y_all[len(X) :]


def _kernels(X, y, wanted, seed):
    """scikit-learn's density estimate a class, with its own rule for the width."""
    drawn = [
        KernelDensity(bandwidth="silverman").fit(X[y == label]).sample(n, seed)
        for label, n in wanted.items()
    ]
    return np.vstack(drawn), np.repeat(list(wanted), list(wanted.values()))


def measure_membership(table, options):
    """Membership attacks on what every method makes, with the key and without."""
    found = []
    for seed in tqdm(range(options.repeats), f"{table.name}: membership"):
        parts = _membership_parts(table, seed)
        for frame in ("all", "members"):
            found += _attack_methods(table, parts, frame, seed)
    return found


def _membership_parts(table, seed):
    rows = np.arange(len(table.y))
    member, rest = train_test_split(
        rows, train_size=0.5, stratify=table.y, random_state=seed
    )
    non_member, reference = train_test_split(
        rest, train_size=0.5, stratify=table.y[rest], random_state=seed
    )
    X = StandardScaler().fit(table.X[member]).transform(table.X)
    return Bunch(X=X, y=table.y, member=member, other=non_member, reference=reference)


def _attack_methods(table, parts, frame, seed):
    X, y, member, reference = parts.X, parts.y, parts.member, parts.reference
    fitted_to = member if frame == "members" else np.arange(len(X))
    encryptor = _encryptor(seed).fit(X[fitted_to], y[fitted_to])
    own = _encryptor(seed + 1000).fit(X[reference], y[reference])
    Z = encryptor.transform(X)
    wanted = dict(zip(*np.unique(y[member], return_counts=True), strict=True))
    sources = {
        "hybrid": (_gaussian, member),
        "control": (_gaussian, reference),
        "SMOTE, encrypted": (_smote, member),
        "KDE, encrypted": (_kernels, member),
    }
    found = []
    for name, (make, source) in sources.items():
        synthetic = make(Z[source], y[source], wanted, seed)
        for key, holder in (("key leaked", encryptor), ("no key", own)):
            result = _attack(synthetic, parts, holder)
            found += _membership_rows(table, name, key, frame, result)
        near = distance_to_records(synthetic[0], Z[member], Z[parts.other])
        for measure in ("n_copies", "minimum", "nearer_share"):
            row = _row(table, "distance", name, measure, near[measure], frame)
            found.append(row)
    if frame == "all":
        synthetic = _gaussian(X[member], y[member], wanted, seed)
        result = _attack(synthetic, parts, None)
        found += _membership_rows(table, "synthetic", "no encryption", frame, result)
    return found


def _attack(synthetic, parts, encryptor):
    sets = parts.member, parts.other, parts.reference
    known = [(parts.X[rows], parts.y[rows]) for rows in sets]
    return attack_synthetic(synthetic, *known, encryptor=encryptor)


def _membership_rows(table, name, key, frame, result):
    best = {f"best ({result.choice})": result}
    rows = []
    for attack, one in (best | result.attacks).items():
        setting = f"{key}, frame {frame}"
        rows += [
            _row(table, "auc", name, attack, one.rate, setting, one.interval),
            _row(table, "tpr", name, attack, one.tpr, setting, one.tpr_interval),
        ]
    return rows


def measure_small_classes(table, options):
    """Accuracy of models trained on few rows of each class, or on hybrids of these."""
    found = []
    models = make_models("classification")
    smallest = np.bincount(np.unique(table.y, return_inverse=True)[1]).min()
    sizes = [size for size in options.class_sizes if size < 0.8 * smallest]
    for size in tqdm(sizes, f"{table.name}: small classes"):
        for seed in range(options.repeats):
            rows = _small_rows(table, size, seed)
            encryptor = _encryptor(seed).fit(rows.X_train, rows.y_train)
            Z, Z_test = (encryptor.transform(X) for X in (rows.X_train, rows.X_test))
            wanted = dict.fromkeys(np.unique(table.y), SMALL_DRAWN)
            sets = {
                "real": (rows.X_train, rows.y_train, rows.X_test),
                "encrypted": (Z, rows.y_train, Z_test),
                "hybrid": (*_gaussian(Z, rows.y_train, wanted, seed), Z_test),
            }
            for name, (X, y, X_test) in sets.items():
                part = Bunch(X_train=X, y_train=y, X_test=X_test, y_test=rows.y_test)
                for model, score in score_models(models, part, np.asarray).items():
                    row = _row(table, "small classes", name, model, score, str(size))
                    found.append(row)
    return found


def _small_rows(table, size, seed):
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(table.y))
    train = np.concatenate(
        [order[table.y[order] == label][:size] for label in np.unique(table.y)]
    )
    test = np.setdiff1d(order, train)
    return split_rows(table, train, rng.permutation(test)[:MAX_SMALL_TEST])


STUDIES = {
    "utility": measure_utility,
    "membership": measure_membership,
    "small": measure_small_classes,
}


def _encryptor(seed):
    return HomeomorphicEncryptor(target_type="discrete", key=fixed_key(seed))


def _row(table, study, name, measure, value, setting="", interval=("", "")):
    return {
        "dataset": table.name,
        "study": study,
        "trained_on": name,
        "measure": measure,
        "setting": setting,
        "value": value,
        "low": interval[0],
        "high": interval[1],
    }


def _load(options):
    first = options.data[0]
    if first == "bundled":
        return [load_bundled(name) for name in options.datasets]
    if first.endswith(".npz"):
        return [load_features(path) for path in options.data]
    if Path(first).is_dir():
        return [load_images(*options.data)]
    if options.target is None:
        raise ValueError("--data FILE.csv needs --target")
    table = read_file(first, options.target)
    if table.task != "classification":
        raise ValueError(f"{first}: target {options.target!r} is continuous")
    return [table]


def _parse(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add(
        "--data",
        nargs="+",
        default=["bundled"],
        metavar="DIR",
        help="folders of images, or FILE.csv, FILE.npz or 'bundled' (the default)",
    )
    add("--target", metavar="COLUMN", help="of the CSV file")
    add("--datasets", nargs="+", choices=list(BUNDLED), default=list(BUNDLED))
    add("--studies", nargs="+", choices=list(STUDIES), default=list(STUDIES))
    add("--folds", type=int, default=5)
    add("--repeats", type=int, default=REPEATS)
    add("--class-sizes", type=int, nargs="*", default=CLASS_SIZES)
    add("--out", default="benchmarks/output", metavar="DIR")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
