"""Columns that trees need, by permutation importance on held-out rows."""

import numpy as np
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)

__all__ = ["boosting_columns", "forest_columns", "unit_vectors"]

# Columns whose importance is measured: those of most impurity decrease.
MOST_COLUMNS = 48
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
    tried = _screened(sample)
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


def _screened(sample):
    """The columns that one quick forest splits by most."""
    n = sample.X.shape[1]
    if n <= MOST_COLUMNS:
        return np.arange(n)
    if "screened" not in sample.shared:
        head = sample.head(FOREST_ROWS)
        numeric = head.target.is_numeric
        kind = ExtraTreesRegressor if numeric else ExtraTreesClassifier
        forest = kind(40, min_samples_leaf=5, max_features="sqrt", random_state=0)
        labels = head.target.outputs
        forest.fit(head.X, labels[:, 0] if labels.shape[1] == 1 else labels)
        order = np.argsort(-forest.feature_importances_, kind="stable")
        sample.shared["screened"] = order[:MOST_COLUMNS]
    return sample.shared["screened"]


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
