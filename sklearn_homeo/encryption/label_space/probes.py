"""How well models of several kinds learn a label from given coordinates."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.svm import SVC, SVR

from sklearn_homeo.encryption.label_space.boosting import (
    MOST_ROUNDS,
    growth,
    rounds_and_step,
)
from sklearn_homeo.encryption.label_space.columns import telling_columns

__all__ = [
    "PROBES",
    "QUICK_PROBES",
    "TREES",
    "Metric",
    "features_for",
    "metrics_of",
    "probe_rows",
]

# Support vectors take a machine for each pair of classes.
MAX_PAIRED_CLASSES = 20
# ... and time with the square of their rows.
MOST_MACHINE_ROWS = 2000
FEWEST_KERNEL_COLUMNS = 8
N_NEIGHBOURS = 10
# Categories are columns of few ones.
MIN_LEAF_ROWS = 5
N_FOREST_TREES = 30


@dataclass(frozen=True)
class Metric:
    """One number by which probes are judged.

    Parameters
    ----------
    name : str
        With the output's number if there are several.
    chance : float
        What guessing gets.
    tolerance : float
        Loss that does not matter.
    """

    name: str
    chance: float
    tolerance: float


def metrics_of(target):
    """Metrics of a target: R2, or balanced accuracy and ROC AUC, for each output.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo.encryption.label_space.probes import metrics_of
    >>> from sklearn_homeo.encryption.label_space.target import Target
    >>> [m.name for m in metrics_of(Target.from_labels(np.array([0, 1]), False))]
    ['balanced accuracy', 'ROC AUC']
    """
    columns = target.outputs.T
    endings = (
        [""] if len(columns) == 1 else [f" of y[{i}]" for i in range(len(columns))]
    )
    if target.is_numeric:
        return [Metric("R2" + ending, 0.0, 0.02) for ending in endings]
    found = []
    for labels, ending in zip(columns, endings, strict=True):
        chance = 1.0 / max(len(np.unique(labels)), 1)
        found.append(Metric("balanced accuracy" + ending, chance, 0.01))
        found.append(Metric("ROC AUC" + ending, 0.5, 0.01))
    return found


def probe_rows(name, target, S, train, test):
    """Let one kind of model learn, and score it on held-out rows.

    Parameters
    ----------
    name : str
        One of `PROBES`.
    target : Target
        Target of all rows.
    S : ndarray of shape (n_samples, n_coordinates)
    train, test : ndarray of int

    Returns
    -------
    scores : ndarray of shape (n_test, n_metrics), dtype float64
        The mean over the rows is the metric on them. What a row adds or takes away (the
        influence function) gives the standard error.
    """
    columns = []
    if name == "support vectors":
        train = train[:MOST_MACHINE_ROWS]
    for labels in target.outputs.T:
        known, held_out = labels[train], labels[test]
        if target.is_numeric:
            predicted = _number_probe(name, S.shape[1], len(known))
            predicted = predicted.fit(S[train], known).predict(S[test])
            columns.append(_r2_of_rows(held_out, predicted))
        else:
            evidence = _evidence(name, S[train], known, S[test], labels.max() + 1)
            columns.append(_balanced_accuracy_of_rows(held_out, evidence))
            columns.append(_auc_of_rows(held_out, evidence))
    return np.column_stack(columns)


def features_for(name, X, known):
    """All features, as one kind of probe gets them: trees, the telling ones of many.

    Parameters
    ----------
    name : str
        One of `PROBES`.
    X : ndarray of shape (n_samples, n)
    known : Sample
        Rows from which the telling columns are learnt.

    Returns
    -------
    features : ndarray of shape (n_samples, at most n)
    """
    return X[:, telling_columns(known)] if name in TREES else X


def _number_probe(name, n_coordinates, n_rows):
    if name == "linear":
        return RidgeCV(np.geomspace(0.01, 1e4, 13))
    if name == "support vectors":
        machine = SVR(C=3.0)
        # SVR takes no such parameter, but draws a number from what stands here.
        machine.random_state = 0
        return machine
    if name == "neighbours":
        return KNeighborsRegressor(min(N_NEIGHBOURS, n_rows), weights="distance")
    if name == "boosting":
        return HistGradientBoostingRegressor(
            max_iter=2 * MOST_ROUNDS,
            max_leaf_nodes=15 * growth(n_rows),
            min_samples_leaf=MIN_LEAF_ROWS,
            max_bins=128 * growth(n_rows) - 1,
            early_stopping=False,
            random_state=0,
        )
    return ExtraTreesRegressor(
        N_FOREST_TREES,
        min_samples_leaf=2,
        max_features=_tree_columns(n_coordinates),
        random_state=0,
    )


def _class_probe(name, n_coordinates, n_rows, n_classes):
    if name == "linear":
        C = min(1.0, 6.4 / n_coordinates)
        return LogisticRegression(C=C, class_weight="balanced", max_iter=200)
    if name == "support vectors":
        return SVC(class_weight="balanced", random_state=0)
    if name == "neighbours":
        return KNeighborsClassifier(min(N_NEIGHBOURS, n_rows), weights="distance")
    if name == "boosting":
        n_rounds, step = rounds_and_step(n_classes, n_rows)
        return HistGradientBoostingClassifier(
            max_iter=n_rounds,
            learning_rate=step,
            max_leaf_nodes=15 * growth(n_rows),
            min_samples_leaf=MIN_LEAF_ROWS,
            max_bins=128 * growth(n_rows) - 1,
            early_stopping=False,
            random_state=0,
        )
    return ExtraTreesClassifier(
        N_FOREST_TREES,
        min_samples_leaf=2,
        max_features=_tree_columns(n_coordinates),
        class_weight="balanced",
        random_state=0,
    )


PROBES = ("support vectors", "neighbours", "linear", "boosting", "forest")
# Those that split by chance where columns are many.
TREES = ("boosting", "forest")
# Those that learn from any number of rows in a moment.
QUICK_PROBES = ("linear", "boosting", "forest")


def _with_kernels(model, known_rows, rows):
    """Support vector machines get kernels of rows in place of many columns.

    One product of matrices gives them all; the machine would take pairs of rows one by
    one, and again for each pair of classes.
    """
    if not isinstance(model, SVC | SVR) or rows.shape[1] < FEWEST_KERNEL_COLUMNS:
        return model, known_rows, rows
    gamma = 1.0 / (rows.shape[1] * known_rows.var() or 1.0)
    model.set_params(kernel="precomputed")
    kernels = rbf_kernel(known_rows, gamma=gamma), rbf_kernel(rows, known_rows, gamma)
    return model, *kernels


def _tree_columns(n_coordinates):
    """Columns that a tree chooses from: all of few, fewer of many."""
    return int(min(n_coordinates, max(4, 2 * n_coordinates**0.5)))


def _evidence(name, known_rows, known, rows, n_classes):
    """For each row and class, what the largest of which names the class."""
    seen = np.unique(known)
    evidence = np.full((len(rows), n_classes), -np.inf)
    if len(seen) < 2:
        evidence[:, seen] = 0.0
        return evidence
    if name == "support vectors" and len(seen) > MAX_PAIRED_CLASSES:
        name = "neighbours"
    model = _class_probe(name, rows.shape[1], len(known), len(seen))
    model, known_rows, rows = _with_kernels(model, known_rows, rows)
    model.fit(known_rows, known)
    if name == "support vectors":
        found = model.decision_function(rows)
        found = np.column_stack([-found, found]) if found.ndim == 1 else found
    else:
        found = model.predict_proba(rows)
    if name in ("neighbours", "boosting"):
        # Classes are to count alike; boosting takes weights, but is slow with them.
        found = found / np.bincount(known)[seen]
    evidence[:, seen] = found
    return evidence


def _r2_of_rows(true, predicted):
    error = (predicted - true) ** 2
    variance = max(true.var(), 1e-12)
    r2 = 1.0 - error.mean() / variance
    # The variance is of the same rows.
    return r2 - (error - error.mean()) / variance


def _balanced_accuracy_of_rows(true, evidence):
    counts = np.bincount(true)
    weights = len(true) / ((counts > 0).sum() * counts[true])
    return weights * (evidence.argmax(axis=1) == true)


def _auc_of_rows(true, evidence):
    """Area under the ROC curve of each class against the rest, averaged.

    A row's part is DeLong's placement: the share of rows of the other side that
    stand on the right side of it.
    """
    total = np.zeros(len(true))
    classes = np.unique(true)
    if len(classes) == 1:
        return np.full(len(true), 0.5)
    ranks = rankdata(evidence, axis=0)
    for label in classes:
        own = true == label
        n_own, n_other = own.sum(), len(own) - own.sum()
        above = ranks[own, label] - rankdata(ranks[own, label])
        below = ranks[~own, label] - rankdata(ranks[~own, label])
        area = above.mean() / n_other
        part = np.full(len(true), area)
        part[own] += (above / n_other - area) * len(true) / n_own
        part[~own] += (1.0 - below / n_own - area) * len(true) / n_other
        total += part
    return total / len(classes)
