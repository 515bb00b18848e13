"""Scores of a small neural network with rectified units, in integers."""

import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor

from sklearn_homeo._utils.threads import single_threaded_blas
from sklearn_homeo.encryption.label_space.classifiers import (
    LATTICE_STEP,
    SCORE_STEP,
    UNSEEN,
    in_steps,
)
from sklearn_homeo.encryption.label_space.projection import Projection, in_units

__all__ = ["NetworkScores", "fit_network_scores"]

NETWORK = {
    "hidden_layer_sizes": (64, 32),
    "learning_rate_init": 5e-3,
    "alpha": 0.3,
    "random_state": 0,
}
# How often it sees all rows: so many in all, within limits.
SEEN_ROWS, FEWEST_ROUNDS, MOST_ROUNDS = 200_000, 12, 30
# What a unit gives: steps of 2**-12, up to 2**8, so that sums of 64 products with
# weights of 20 bits are below 2**47.
UNIT_STEP, MAX_UNIT, WEIGHT_BITS = 2.0**-12, 2.0**20, 20


@dataclass(frozen=True, eq=False)
class Layer:
    """Weighted sums of the units before, in integers.

    Parameters
    ----------
    weights : ndarray of shape (n_inputs, n_sums), dtype float64
        Integers of magnitude 2**20 at most.
    units : ndarray of shape (n_sums,), dtype float64
        What the integer 1 of a weighted sum is worth; powers of two.
    offsets : ndarray of shape (n_sums,), dtype float64
        Integers, in the steps of what comes out.
    """

    weights: np.ndarray
    units: np.ndarray
    offsets: np.ndarray

    @classmethod
    def from_real(cls, weights, offsets, step):
        """Round real weights and offsets; ``step`` is that of what comes out."""
        weights, units = in_units(weights, WEIGHT_BITS)
        return cls(weights, units * UNIT_STEP, np.rint(offsets / step))

    def state(self):
        """Return the arrays that define it, by name."""
        weights = self.weights.astype(np.int32)
        return {"weights": weights, "units": self.units, "offsets": self.offsets}

    @classmethod
    def from_state(cls, state):
        """Rebuild it from `state`."""
        weights = np.asarray(state["weights"], dtype=np.float64)
        return cls(weights, np.asarray(state["units"]), np.asarray(state["offsets"]))


@dataclass(frozen=True, eq=False)
class NetworkScores:
    """A network of two layers of rectified units.

    Parameters
    ----------
    projection : Projection
        To the units of the first layer.
    offsets : ndarray of shape (n_units,), dtype float64
        Integers, in steps of 2**-12.
    second, last : Layer
    """

    projection: Projection
    offsets: np.ndarray
    second: Layer
    last: Layer

    def scores(self, u):
        """Return the scores of lattice rows; see `LinearScores.scores`."""
        sums = self.projection.integers(u)
        first = _rectified(sums, self.projection.units, self.offsets)
        second = self.second
        units = _rectified(first @ second.weights, second.units, second.offsets)
        sums = units @ self.last.weights
        return in_steps(sums, self.last.units) + self.last.offsets

    def state(self):
        """Return the arrays that define it, by name."""
        return {
            **self.projection.state(),
            "offsets": self.offsets,
            "second": self.second.state(),
            "last": self.last.state(),
        }

    @classmethod
    def from_state(cls, state):
        """Rebuild it from `state`."""
        return cls(
            Projection.from_state(state),
            np.asarray(state["offsets"]),
            Layer.from_state(state["second"]),
            Layer.from_state(state["last"]),
        )


def _rectified(sums, units, offsets):
    """What units give: integers from 0 to 2**20."""
    steps = np.rint(sums * (units / UNIT_STEP))
    steps += offsets
    return np.clip(steps, 0.0, MAX_UNIT, out=steps)


def fit_network_scores(u, outputs, sizes):
    """Fit a network to numbers, or to one output with classes.

    Parameters are those of `fit_linear_scores`.

    Returns
    -------
    scores : NetworkScores
    """
    X = u * LATTICE_STEP
    rounds = int(np.clip(SEEN_ROWS // len(X), FEWEST_ROUNDS, MOST_ROUNDS))
    settings = {**NETWORK, "max_iter": rounds}
    with warnings.catch_warnings(), single_threaded_blas():
        # It is meant to stop before.
        warnings.simplefilter("ignore", ConvergenceWarning)
        if sizes is None:
            numbers = outputs[:, 0] if outputs.shape[1] == 1 else outputs
            model = MLPRegressor(**settings).fit(X, numbers)
            places, offsets = np.eye(outputs.shape[1]), np.zeros(outputs.shape[1])
        else:
            labels = outputs[:, 0]
            seen = np.unique(labels)
            model = MLPClassifier(**settings).fit(X, labels)
            offsets = np.full(sizes[0], UNSEEN)
            offsets[seen] = 0.0
            places = np.zeros((model.n_outputs_, sizes[0]))
            if model.n_outputs_ == 1:
                # The one score of two classes is the difference of their logits.
                places[0, seen[-1]], places[0, seen[0]] = 0.5, -0.5
            else:
                places[np.arange(len(seen)), seen] = 1.0
    first, second, last = model.coefs_
    start = model.intercepts_
    return NetworkScores(
        Projection.from_real(first),
        np.rint(start[0] / UNIT_STEP),
        Layer.from_real(second, start[1], UNIT_STEP),
        Layer.from_real(last @ places, start[2] @ places + offsets, SCORE_STEP),
    )
