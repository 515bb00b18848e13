"""Columns that trees need, by permutation importance on held-out rows."""

import numpy as np
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)

from sklearn_homeo._utils.validation import grown_trees

__all__ = [
    "SCREENED_ROWS",
    "TELLING_COLUMNS",
    "boosting_columns",
    "forest_columns",
    "split_columns",
    "telling_columns",
    "unit_vectors",
]

# Columns that trees learn from, and those whose importance is measured. Among more,
# trees split by chance: quick boosting, in coarse bins, tells by which ones it splits
# most. At each split it looks at so many, at random if there are more.
TELLING_COLUMNS, MEASURED_COLUMNS = 64, 48
QUICK_TREES, FEWEST_ROUNDS, SPLIT_COLUMNS = 20, 5, 256
SCREENED_ROWS = 4000
# Rows that a model predicts at a time, and held-out rows at most.
CHUNK_ROWS = 32768
HELD_OUT_ROWS = 300
BOOSTING_ROWS = 10_000
FOREST_ROWS = 4000


def boosting_columns(sample, n_directions):
    """Columns by importance for gradient boosting."""
    sample = sample.head(BOOSTING_ROWS)
    numeric = sample.target.is_numeric
    kind = HistGradientBoostingRegressor if numeric else HistGradientBoostingClassifier

    def model(labels):
        n_trees = 1 if numeric else max(1, len(np.unique(labels)) - 1)
        return kind(
            max_iter=max(8, 40 // n_trees),
            max_leaf_nodes=15,
            max_bins=63,
            early_stopping=False,
            random_state=0,
        )

    return _by_importance(sample, n_directions, model)


def forest_columns(sample, n_directions):
    """Columns by importance for extremely randomised trees."""
    sample = sample.head(FOREST_ROWS)
    numeric = sample.target.is_numeric
    kind = ExtraTreesRegressor if numeric else ExtraTreesClassifier
    weighting = {} if numeric else {"class_weight": "balanced"}

    def model(labels):
        return kind(
            40,
            min_samples_leaf=3,
            max_features=0.3,
            random_state=0,
            **weighting,
        )

    return _by_importance(sample, n_directions, model)


def _by_importance(sample, n_directions, model):
    """Columns by how much worse the models predict when a column is shuffled."""
    X, n = sample.X, sample.X.shape[1]
    n_test = min(len(X) // 3, HELD_OUT_ROWS)
    train, test = X[n_test:], X[:n_test]
    tried = telling_columns(sample)[:MEASURED_COLUMNS]
    importance = np.zeros(n)
    for labels in sample.target.outputs.T:
        if len(np.unique(labels[n_test:])) < 2:
            continue
        fitted = model(labels[n_test:]).fit(train[:, tried], labels[n_test:])
        loss = _held_out_loss(fitted, labels[:n_test], sample.target.is_numeric)
        importance[tried] += _permutation_importance(loss, test[:, tried])
    # What no model uses comes last, in the order of the screening.
    rank = np.full(n, n)
    rank[tried] = np.arange(len(tried))
    order = np.lexsort([rank, -np.maximum(importance, 0.0)])[:n_directions]
    return unit_vectors(n, order)


def unit_vectors(n, columns):
    """Directions that are columns, without the identity matrix of all of them."""
    return (np.arange(n)[:, None] == columns).astype(np.float64)


def telling_columns(sample):
    """The columns that trees are to learn from: of many, those of `split_columns`.

    Parameters
    ----------
    sample : Sample

    Returns
    -------
    columns : ndarray of shape (n_columns,), dtype int64
        Up to `MEASURED_COLUMNS` are all returned, in their order; of more, at most
        `TELLING_COLUMNS`.
    """
    n = sample.X.shape[1]
    if n <= MEASURED_COLUMNS:
        return np.arange(n)
    if "telling" not in sample.shared:
        head = sample.head(SCREENED_ROWS)
        found = split_columns(head.X, head.target.outputs, sample.target.is_numeric)
        sample.shared["telling"] = found
    return sample.shared["telling"]


def split_columns(X, outputs, numeric):
    """The columns that quick boosting splits by most, those of most gain first.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n), dtype float64
        Rows of any scale.
    outputs : ndarray of shape (n_samples, n_outputs)
    numeric : bool
        Whether the outputs are numbers.

    Returns
    -------
    columns : ndarray of shape (n_columns,), dtype int64
        At most `TELLING_COLUMNS`.
    """
    gains = [_gains(X, labels, numeric) for labels in outputs.T]
    return np.argsort(-np.sum(gains, axis=0), kind="stable")[:TELLING_COLUMNS]


def _gains(X, labels, numeric):
    """Share of each column in what boosting gains by its splits."""
    n = X.shape[1]
    kind = HistGradientBoostingRegressor if numeric else HistGradientBoostingClassifier
    n_trees = 1 if numeric else max(1, len(np.unique(labels)) - 1)
    model = kind(
        max_iter=max(FEWEST_ROUNDS, QUICK_TREES // n_trees),
        learning_rate=0.2,
        max_leaf_nodes=10,
        min_samples_leaf=5,
        max_bins=31,
        max_features=min(1.0, SPLIT_COLUMNS / n),
        early_stopping=False,
        random_state=0,
    )
    gains = np.zeros(n)
    if labels.min() == labels.max():
        return gains
    for stage in grown_trees(model.fit(X, labels)):
        for nodes in stage:
            inner = nodes[nodes["is_leaf"] == 0]
            np.add.at(gains, inner["feature_idx"], inner["gain"])
    return gains / max(gains.sum(), 1e-300)


def _held_out_loss(model, labels, numeric):
    """Function that gives the loss of each row of copies of the held-out rows."""
    if numeric:
        return lambda X: (
            (model.predict(X) - np.tile(labels, len(X) // len(labels))) ** 2
        )
    known = np.isin(labels, model.classes_)
    own = np.searchsorted(model.classes_, np.where(known, labels, model.classes_[0]))
    weight = known / np.maximum(np.bincount(labels), 1)[labels]

    def loss(X):
        copies = len(X) // len(labels)
        chances = model.predict_proba(X)[np.arange(len(X)), np.tile(own, copies)]
        return -np.log(np.maximum(chances, 1e-3)) * np.tile(weight, copies)

    return loss


def _permutation_importance(loss, test):
    """Mean increase of the loss for each column, in few and large predictions."""
    n_rows, n = test.shape
    shuffled = test[np.random.RandomState(0).permutation(n_rows)]
    base = loss(test).mean()
    at_a_time = max(1, CHUNK_ROWS // n_rows)
    importance = np.empty(n)
    for start in range(0, n, at_a_time):
        columns = np.arange(start, min(start + at_a_time, n))
        copies = np.repeat(test[None], len(columns), axis=0)
        copies[np.arange(len(columns)), :, columns] = shuffled[:, columns].T
        losses = loss(copies.reshape(-1, n)).reshape(len(columns), n_rows)
        importance[columns] = losses.mean(axis=1) - base
    return importance
