"""Scores of trees: integer thresholds on coarse columns, integer values of leaves."""

from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

from sklearn_homeo.encryption.label_space.classifiers import SCORE_STEP
from sklearn_homeo.encryption.label_space.projection import coarsened

__all__ = ["TreeScores", "fit_boosted_scores"]

BOOSTING = {
    "n_estimators": 80,
    "learning_rate": 0.12,
    "subsample": 0.5,
    "max_depth": 4,
    "min_samples_leaf": 5,
    "max_features": 0.5,
    "random_state": 0,
}
# Leaves count in finer steps than scores, so that sums of them are not coarse.
LEAF_STEP = SCORE_STEP * 2.0**-10
_CHUNK_ROWS = 4096


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
        Of the deepest tree.
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
        starts = range(0, len(u), _CHUNK_ROWS)
        parts = [self._chunk(u[start : start + _CHUNK_ROWS]) for start in starts]
        sums = np.concatenate(parts) if parts else np.zeros((0, len(self.offsets)))
        return np.rint((sums + self.offsets) * (LEAF_STEP / SCORE_STEP))

    def _chunk(self, u):
        x = coarsened(u)
        rows = np.arange(len(x))[:, None]
        nodes = np.broadcast_to(self.roots, (len(x), len(self.roots)))
        for _ in range(self.depth):
            goes_left = x[rows, self.columns[nodes]] <= self.thresholds[nodes]
            nodes = np.where(goes_left, self.left[nodes], self.right[nodes])
        return np.stack([column[nodes].sum(axis=1) for column in self.values.T], axis=1)

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

    Returns
    -------
    scores : TreeScores
    """
    X, labels = coarsened(u), outputs[:, 0]
    if sizes is None:
        model = GradientBoostingRegressor(**BOOSTING).fit(X, labels)
        start = model.init_.constant_.reshape(-1)
        return _boosted(model, start, np.ones((1, 1)))
    model = GradientBoostingClassifier(**BOOSTING).fit(X, labels)
    priors = np.log(np.bincount(labels, minlength=sizes[0])[model.classes_])
    places = np.zeros((model.estimators_.shape[1], sizes[0]))
    start = np.full(sizes[0], -16.0)
    if len(model.classes_) == 2:
        # The one score of two classes is the difference of their logits.
        places[0, model.classes_] = -0.5, 0.5
        half = (priors[1] - priors[0]) / 2
        start[model.classes_] = -half, half
    else:
        places[np.arange(len(places)), model.classes_] = 1.0
        start[model.classes_] = priors - priors.mean()
    return _boosted(model, start, places)


def _boosted(model, start, places):
    trees = [tree.tree_ for stage in model.estimators_ for tree in stage]
    rate = model.learning_rate
    n_scores = len(places)
    values = [tree.value[:, 0] @ places[[i % n_scores]] for i, tree in enumerate(trees)]
    return _assemble(trees, values, start, rate)


def _assemble(trees, values, offsets, scale):
    """One list of nodes, in integers, of trees of scikit-learn."""
    sizes = [tree.node_count for tree in trees]
    roots = np.cumsum([0, *sizes[:-1]])
    leaf = np.concatenate([tree.children_left < 0 for tree in trees])
    own = np.arange(len(leaf))
    left, right = (
        np.concatenate(
            [
                getattr(tree, side) + root
                for tree, root in zip(trees, roots, strict=True)
            ]
        )
        for side in ("children_left", "children_right")
    )
    thresholds = np.floor(np.concatenate([tree.threshold for tree in trees]))
    columns = np.concatenate([tree.feature for tree in trees])
    whole = np.rint(np.concatenate(values) * (scale / LEAF_STEP))
    return TreeScores(
        roots,
        np.where(leaf, 0, columns),
        np.where(leaf, 0.0, thresholds),
        np.where(leaf, own, left),
        np.where(leaf, own, right),
        np.where(leaf[:, None], whole, 0.0),
        int(max(tree.max_depth for tree in trees)),
        np.rint(offsets / LEAF_STEP),
    )
