"""Models without cells, on all features: what cells must not fall short of."""

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from sklearn_homeo._utils.threads import single_threaded_blas

__all__ = ["forest_predicts", "neighbours_predict"]

N_NEIGHBOURS, N_TREES = 10, 30
# Trees that are grown at a time: of many classes fewer, since each node has a share of
# each class, and no more than so many nodes and classes.
GROWN_TREES, FEWEST_GROWN_TREES, MOST_SHARES = 6, 2, 2**24
# R2 by which a forest has to fall short of another model for no more trees to be grown.
SURELY_SHORT = 0.01


def neighbours_predict(X, outputs, X_test, sizes):
    """Let the nearest neighbours predict; see `forest_predicts`."""
    n_neighbors = min(N_NEIGHBOURS, len(X))
    kind = KNeighborsRegressor if sizes is None else KNeighborsClassifier
    with single_threaded_blas() as n_threads:
        model = kind(n_neighbors, weights="distance", n_jobs=n_threads)
        model.fit(X, _flat(outputs))
    # The order in which threads add up would change the last bits.
    model.set_params(n_jobs=None)
    if sizes is None:
        return model.predict(X_test).reshape(len(X_test), -1)
    return _side_by_side(model.predict_proba(X_test), model.classes_, sizes)


def forest_predicts(X, outputs, X_test, sizes, known, others):
    """Let a forest of extremely randomised trees predict.

    Trees are grown few at a time, and forgotten once they have predicted. Numbers take
    no more of them when all trees would surely do worse than another model.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype float64
    outputs : ndarray of shape (n_samples, n_outputs)
        Class codes, or standardised numbers.
    X_test : ndarray of shape (n_test, n_features), dtype float64
    sizes : tuple of int or None
        Number of classes of each output; None for numbers.
    known : ndarray of shape (n_test, n_outputs)
        What is to be predicted.
    others : list of dict of str to float
        Measures of other models on the same rows.

    Returns
    -------
    predicted : ndarray of shape (n_test, n_outputs or sum of sizes), dtype float64
        Numbers, or probabilities of all classes of all outputs side by side.
    """
    kind, at_a_time = ExtraTreesRegressor, GROWN_TREES
    if sizes is None:
        goal = max(one["R2"] for one in others) - SURELY_SHORT
    else:
        kind = ExtraTreesClassifier
        at_a_time = MOST_SHARES // (2 * len(X) * max(sizes) * len(sizes))
        at_a_time = int(np.clip(at_a_time, FEWEST_GROWN_TREES, GROWN_TREES))
    # Each forest goes on with the draws: trees are those of one large forest.
    draws, labels = np.random.RandomState(0), _flat(outputs)
    X, X_test = X.astype(np.float32), X_test.astype(np.float32)
    votes, n_grown = _Votes(), 0
    while n_grown < N_TREES:
        grown = min(at_a_time, N_TREES - n_grown)
        with single_threaded_blas() as n_threads:
            forest = kind(grown, random_state=draws, n_jobs=n_threads).fit(X, labels)
        n_grown += grown
        # Threads would add up in whatever order they end.
        for tree in forest.estimators_:
            if sizes is None:
                votes.add(tree.predict(X_test).reshape(len(X_test), -1))
            else:
                found = tree.predict_proba(X_test)
                votes.add(_side_by_side(found, forest.classes_, sizes))
        if sizes is None and votes.r2_of(N_TREES, known) < goal:
            break
    return votes.mean


class _Votes:
    """What trees predict, on average, and how far they differ."""

    def __init__(self):
        self.n_trees, self.sums, self.squares = 0, 0.0, 0.0

    def add(self, predicted):
        """Add what a tree predicts, of shape (n_samples, n_outputs)."""
        self.n_trees += 1
        self.sums = self.sums + predicted
        self.squares = self.squares + predicted**2

    @property
    def mean(self):
        """What all trees predict."""
        return self.sums / self.n_trees

    def r2_of(self, n_trees, known):
        """R2 that so many trees of this kind would have, without bias.

        Given the rows that trees are grown from, they are independent: their mean errs
        by what all possible ones would, and by their variance over their number.
        """
        mean = self.mean
        variance = (self.squares - self.sums * mean) / (self.n_trees - 1)
        fewer = 1.0 / self.n_trees - 1.0 / n_trees
        errors = ((known - mean) ** 2 - fewer * variance).mean(axis=0)
        spread = known.var(axis=0)
        return float(np.mean(1.0 - errors / np.where(spread > 0, spread, 1.0)))


def _flat(outputs):
    return outputs[:, 0] if outputs.shape[1] == 1 else outputs


def _side_by_side(found, classes, sizes):
    """Probabilities of all classes of all outputs; zero where none was seen."""
    single = len(sizes) == 1
    blocks = []
    for proba, seen, size in zip(
        [found] if single else found,
        [classes] if single else classes,
        sizes,
        strict=True,
    ):
        block = np.zeros((len(proba), size))
        block[:, seen] = proba
        blocks.append(block)
    return np.hstack(blocks)
