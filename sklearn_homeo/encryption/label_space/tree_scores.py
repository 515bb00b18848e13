"""Scores of trees: integer thresholds on coarse columns, integer values of leaves."""

from dataclasses import dataclass, replace

import numpy as np
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from threadpoolctl import threadpool_limits

from sklearn_homeo._utils.validation import grown_trees
from sklearn_homeo.encryption.label_space.boosting import growth, rounds_and_step
from sklearn_homeo.encryption.label_space.classifiers import SCORE_STEP, UNSEEN
from sklearn_homeo.encryption.label_space.columns import (
    SCREENED_ROWS,
    TELLING_COLUMNS,
    split_columns,
)
from sklearn_homeo.encryption.label_space.projection import coarsened

__all__ = ["TreeScores", "fit_boosted_scores"]

BOOSTING = {
    "max_depth": 8,
    # Thresholds are off by as many rows as a bin has.
    "max_bins": 127,
    # Categories are columns of few ones.
    "min_samples_leaf": 5,
    "early_stopping": False,
    "random_state": 0,
}
# Of many rows, trees are deeper too, with thresholds in finer bins, but more rows in a
# leaf: small ones learn wrong labels.
MANY_SETTINGS = {"max_depth": 10, "max_bins": 255, "min_samples_leaf": 20}
LEAVES = 15
# Leaves count in finer steps than scores, so that sums of them are not coarse.
LEAF_STEP = SCORE_STEP * 2.0**-10
# Of all rows looked at together, so that they stay in the cache.
_CHUNK_NODES = 2**17
_LEAF = [
    ("value", "f8"), ("feature_idx", "i8"), ("num_threshold", "f8"),
    ("left", "u4"), ("right", "u4"), ("depth", "u4"), ("is_leaf", "u1"),
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class TreeScores:
    """Sums of the values of the leaves into which a row falls, one from each tree.

    All trees in one list of nodes. A leaf is its own child on both sides.

    Parameters
    ----------
    roots : ndarray of shape (n_trees,), dtype int64
    columns : ndarray of shape (n_nodes,), dtype int64
    thresholds : ndarray of shape (n_nodes,), dtype float64
        Integers, in steps of 2**-14 standard deviations. Up to them a row goes left.
    left, right : ndarray of shape (n_nodes,), dtype int64
    values : ndarray of shape (n_nodes, n_scores), dtype float64
        Integers, in steps of 2**-20; zero but in leaves.
    depth : int
        Depth of the deepest tree.
    offsets : ndarray of shape (n_scores,), dtype float64
        Integers, in steps of 2**-20.
    """

    roots: np.ndarray
    columns: np.ndarray
    thresholds: np.ndarray
    left: np.ndarray
    right: np.ndarray
    values: np.ndarray
    depth: int
    offsets: np.ndarray

    def scores(self, u):
        """Return the scores of lattice rows; see `LinearScores.scores`."""
        size = max(_CHUNK_NODES // len(self.roots), 1)
        starts = range(0, len(u), size)
        parts = [self.sums(coarsened(u[start : start + size])) for start in starts]
        sums = np.concatenate(parts) if parts else np.zeros((0, len(self.offsets)))
        return np.rint((sums + self.offsets) * (LEAF_STEP / SCORE_STEP))

    def sums(self, x):
        """Return the sums of leaves, without offsets, of rows coarsened before."""
        values, starts = x.ravel(), np.arange(len(x))[:, None] * x.shape[1]
        children = np.stack([self.left, self.right], axis=1).ravel()
        nodes = np.tile(self.roots, (len(x), 1))
        for _ in range(self.depth):
            places = self.columns.take(nodes)
            places += starts
            goes_right = values.take(places) > self.thresholds.take(nodes)
            nodes *= 2
            nodes += goes_right
            nodes = children.take(nodes)
        sums = [column.take(nodes).sum(axis=1) for column in self.values.T]
        return np.stack(sums, axis=1)

    def state(self):
        """Return the arrays that define it, by name."""
        return {
            "roots": self.roots.astype(np.int32),
            "columns": self.columns.astype(np.int32),
            "thresholds": self.thresholds.astype(np.int32),
            "left": self.left.astype(np.int32),
            "right": self.right.astype(np.int32),
            "values": self.values.astype(np.int64),
            "depth": self.depth,
            "offsets": self.offsets,
        }

    @classmethod
    def from_state(cls, state):
        """Rebuild it from `state`."""
        whole = {
            name: np.asarray(state[name], dtype=np.int64)
            for name in ("roots", "columns", "left", "right")
        }
        real = {
            name: np.asarray(state[name], dtype=np.float64)
            for name in ("thresholds", "values", "offsets")
        }
        return cls(**whole, **real, depth=int(state["depth"]))


def fit_boosted_scores(u, outputs, sizes):
    """Fit boosted trees to one output; parameters are those of `fit_linear_scores`.

    Of many columns, they learn from those that quick boosting splits by most.

    Returns
    -------
    scores : TreeScores
    """
    X = coarsened(u)
    # Threads add up in whatever order they end.
    with threadpool_limits(1, "openmp"):
        columns = _columns(X, outputs, sizes is None)
        scores = _fitted(X[:, columns], outputs[:, 0], sizes)
    return replace(scores, columns=columns[scores.columns])


def _columns(X, outputs, numeric):
    """Columns that trees learn from."""
    if X.shape[1] <= TELLING_COLUMNS:
        return np.arange(X.shape[1])
    # Rows may come class by class.
    rows = np.random.RandomState(0).permutation(len(X))[:SCREENED_ROWS]
    return split_columns(X[rows], outputs[rows], numeric)


def _fitted(X, labels, sizes):
    """Scores of trees that learn from all columns of ``X``."""
    if sizes is None:
        model = HistGradientBoostingRegressor(**_settings(1, len(X))).fit(X, labels)
        return _in_integers(model, np.ones((1, 1)), X[0], model.predict(X[:1]))
    seen = np.unique(labels)
    if len(seen) == 1:
        return _assemble([np.zeros(1, _LEAF)], np.zeros((1, sizes[0])))
    n_trees = 1 if len(seen) == 2 else len(seen)
    model = HistGradientBoostingClassifier(**_settings(n_trees, len(X))).fit(X, labels)
    first = model.decision_function(X[:1]).reshape(n_trees)
    places = np.zeros((n_trees, sizes[0]))
    if n_trees == 1:
        # The one score of two classes is the difference of their logits.
        places[0, seen] = -0.5, 0.5
    else:
        places[np.arange(n_trees), seen] = 1.0
    scores = _in_integers(model, places, X[0], first)
    scores.offsets[np.setdiff1d(np.arange(sizes[0]), seen)] = UNSEEN / LEAF_STEP
    return scores


def _settings(n_trees, n_rows):
    """Settings of boosting with `n_trees` a round."""
    more = growth(n_rows)
    n_rounds, step = rounds_and_step(n_trees, n_rows)
    return {
        **BOOSTING,
        **(MANY_SETTINGS if more > 1 else {}),
        "max_leaf_nodes": more * LEAVES + more - 1,
        "max_iter": n_rounds,
        "learning_rate": step,
    }


def _in_integers(model, places, row, raw):
    """The model's trees; ``raw`` is what it predicts of ``row``, start included."""
    stages = grown_trees(model)
    trees = [tree for stage in stages for tree in stage]
    scores = _assemble(trees, np.tile(places, (len(stages), 1)))
    start = raw @ places - scores.sums(row[None])[0] * LEAF_STEP
    return replace(scores, offsets=np.rint(start / LEAF_STEP))


def _assemble(trees, places):
    """One list of nodes, in integers, of trees; ``places`` are of their values."""
    sizes = [len(nodes) for nodes in trees]
    roots = np.cumsum([0, *sizes[:-1]])
    nodes, start = np.concatenate(trees), np.repeat(roots, sizes)
    leaf, own = nodes["is_leaf"] == 1, np.arange(sum(sizes))
    values = nodes["value"][:, None] * np.repeat(places, sizes, axis=0)
    return TreeScores(
        roots,
        np.where(leaf, 0, nodes["feature_idx"]),
        np.where(leaf, 0.0, np.floor(nodes["num_threshold"])),
        np.where(leaf, own, nodes["left"] + start),
        np.where(leaf, own, nodes["right"] + start),
        np.where(leaf[:, None], np.rint(values / LEAF_STEP), 0.0),
        int(nodes["depth"].max()),
        np.zeros(places.shape[1]),
    )
