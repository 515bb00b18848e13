"""Scores of least squares on random features [1]_, in integers.

Cosines and sines of random frequencies: a kernel machine whose fit needs sums over rows
only, so that several owners of rows can fit it together. Products of random steps are
the same for labels that jump where a column passes some value, as trees have them.

References
----------
.. [1] A. Rahimi, B. Recht, "Random features for large-scale kernel machines",
   Advances in Neural Information Processing Systems 20, 2007.
"""

from dataclasses import dataclass

import numpy as np

from sklearn_homeo.encryption.label_space.classifiers import SCORE_STEP, in_steps
from sklearn_homeo.encryption.label_space.projection import Projection, in_units

__all__ = ["FEATURE_STEP", "FeatureMap", "FeatureScores", "Steps"]

# A turn has 2**12 phases; cosines are integers in steps of 2**-15.
PHASE_BITS = 12
FEATURE_STEP = 2.0**-15
# Sums of 2**11 products of features and weights are below 2**53.
WEIGHT_BITS = 20
_TURN = 2**PHASE_BITS


@dataclass(frozen=True, eq=False)
class Steps:
    """Signs that change where one of a few columns passes its threshold.

    Parameters
    ----------
    columns : ndarray of shape (n_steps, n_factors), dtype int64
    thresholds : ndarray of shape (n_steps, n_factors), dtype int64
        Lattice integers; one that no row is below has no part in the product.
    """

    columns: np.ndarray
    thresholds: np.ndarray

    @classmethod
    def none(cls):
        """Return no steps at all."""
        return cls(np.zeros((0, 1), np.int64), np.zeros((0, 1), np.int64))

    def __len__(self):
        return len(self.columns)

    def __call__(self, u):
        """Return the signs of lattice rows, of shape (n_samples, n_steps)."""
        is_odd = np.zeros((len(u), len(self)), dtype=bool)
        for columns, thresholds in zip(self.columns.T, self.thresholds.T, strict=True):
            is_odd ^= u[:, columns] < thresholds
        return np.where(is_odd, -1.0, 1.0)

    def part(self, places):
        """Return some of the steps."""
        return Steps(self.columns[places], self.thresholds[places])


@dataclass(frozen=True, eq=False)
class FeatureMap:
    """Cosines and sines of projections of a row, and steps.

    Parameters
    ----------
    projection : Projection
        One column for each frequency; its coordinates count turns.
    cosines : ndarray of shape (4096,), dtype float64
        One for each phase of a turn: integers of magnitude 2**15 at most.
    steps : Steps
    """

    projection: Projection
    cosines: np.ndarray
    steps: Steps

    # From a cosine's place in the table to its sine's.
    quarter = _TURN // 4

    @classmethod
    def from_frequencies(cls, frequencies, steps=None):
        """Round frequencies, of shape (n_features, n_frequencies), in radians."""
        angles = 2 * np.pi * np.arange(_TURN) / _TURN
        cosines = np.rint(np.cos(angles) / FEATURE_STEP)
        projection = Projection.from_real(frequencies / (2 * np.pi))
        return cls(projection, cosines, Steps.none() if steps is None else steps)

    @property
    def n_frequencies(self):
        """How many cosines there are, and as many sines."""
        return len(self.projection.units)

    def part(self, places):
        """Return the map to some of the features: a cosine and its sine together.

        Parameters
        ----------
        places : ndarray of int
            Which features.
        """
        own, m = self.projection, self.n_frequencies
        kept = places[places < m]
        projection = Projection(own.columns, own.weights[:, kept], own.units[kept])
        steps = self.steps.part(places[places >= 2 * m] - 2 * m)
        return FeatureMap(projection, self.cosines, steps)

    def __call__(self, u):
        """Return the features of lattice rows.

        Parameters
        ----------
        u : ndarray of shape (n_samples, n_features), dtype int64

        Returns
        -------
        features : ndarray of shape (n_samples, 2 * n_frequencies + n_steps)
            Integers in steps of 2**-15, dtype float64: cosines, then sines, then steps.
        """
        turns = self.projection.integers(u) * (self.projection.units * _TURN)
        phases = np.rint(turns).astype(np.int64)
        # The sine is a quarter of a turn behind.
        pairs = np.hstack([phases, phases - self.quarter])
        turned = self.cosines[pairs & (_TURN - 1)]
        if len(self.steps) == 0:
            return turned
        return np.hstack([turned, self.steps(u) / FEATURE_STEP])

    def state(self):
        """Return the arrays that define it, by name."""
        return {
            **self.projection.state(),
            "cosines": self.cosines.astype(np.int32),
            "step_columns": self.steps.columns,
            "step_thresholds": self.steps.thresholds,
        }

    @classmethod
    def from_state(cls, state):
        """Rebuild it from `state`."""
        cosines = np.asarray(state["cosines"], dtype=np.float64)
        arrays = (state["step_columns"], state["step_thresholds"])
        steps = Steps(*(np.asarray(one, dtype=np.int64) for one in arrays))
        return cls(Projection.from_state(state), cosines, steps)


@dataclass(frozen=True, eq=False)
class FeatureScores:
    """Weighted sums of random features, in integers.

    Parameters
    ----------
    features : FeatureMap
    weights : ndarray of shape (n_random_features, n_scores), dtype float64
        Integers of magnitude 2**20 at most.
    units : ndarray of shape (n_scores,), dtype float64
        What the integer 1 of a weighted sum is worth; powers of two.
    offsets : ndarray of shape (n_scores,), dtype float64
        Integers, in steps of 2**-10.
    """

    features: FeatureMap
    weights: np.ndarray
    units: np.ndarray
    offsets: np.ndarray

    @classmethod
    def from_real(cls, features, weights, offsets):
        """Round the weights of features in [-1, 1], and the offsets of scores."""
        weights, units = in_units(weights, WEIGHT_BITS)
        offsets = np.rint(offsets / SCORE_STEP)
        return cls(features, weights, units * FEATURE_STEP, offsets)

    def scores(self, u):
        """Return the scores of lattice rows; see `LinearScores.scores`."""
        sums = self.features(u) @ self.weights
        return in_steps(sums, self.units) + self.offsets

    def state(self):
        """Return the arrays that define it, by name."""
        return {
            **self.features.state(),
            "feature_weights": self.weights.astype(np.int32),
            "feature_units": self.units,
            "offsets": self.offsets,
        }

    @classmethod
    def from_state(cls, state):
        """Rebuild it from `state`."""
        return cls(
            FeatureMap.from_state(state),
            np.asarray(state["feature_weights"], dtype=np.float64),
            np.asarray(state["feature_units"]),
            np.asarray(state["offsets"]),
        )
