"""Scores of least squares on random features [1]_, in integers.

Cosines and sines of random frequencies: a kernel machine whose fit needs sums over rows
only, so that several owners of rows can fit it together.

References
----------
.. [1] A. Rahimi, B. Recht, "Random features for large-scale kernel machines",
   Advances in Neural Information Processing Systems 20, 2007.
"""

from dataclasses import dataclass

import numpy as np

from sklearn_homeo.encryption.label_space.classifiers import SCORE_STEP, in_steps
from sklearn_homeo.encryption.label_space.projection import Projection, in_units

__all__ = ["FEATURE_STEP", "FeatureMap", "FeatureScores"]

# A turn has 2**12 phases; cosines are integers in steps of 2**-15.
PHASE_BITS = 12
FEATURE_STEP = 2.0**-15
# Sums of 2**11 products of features and weights are below 2**53.
WEIGHT_BITS = 20
_TURN = 2**PHASE_BITS


@dataclass(frozen=True, eq=False)
class FeatureMap:
    """Cosines and sines of projections of a row.

    Parameters
    ----------
    projection : Projection
        One column for each frequency; its coordinates count turns.
    cosines : ndarray of shape (4096,), dtype float64
        One for each phase of a turn: integers of magnitude 2**15 at most.
    """

    projection: Projection
    cosines: np.ndarray

    # From a cosine's place in the table to its sine's.
    quarter = _TURN // 4

    @classmethod
    def from_frequencies(cls, frequencies):
        """Round frequencies, of shape (n_features, n_frequencies), in radians."""
        angles = 2 * np.pi * np.arange(_TURN) / _TURN
        cosines = np.rint(np.cos(angles) / FEATURE_STEP)
        return cls(Projection.from_real(frequencies / (2 * np.pi)), cosines)

    def __call__(self, u):
        """Return the features of lattice rows.

        Parameters
        ----------
        u : ndarray of shape (n_samples, n_features), dtype int64

        Returns
        -------
        features : ndarray of shape (n_samples, 2 * n_frequencies), dtype float64
            Integers in steps of 2**-15: all cosines, then all sines.
        """
        turns = self.projection.integers(u) * (self.projection.units * _TURN)
        phases = np.rint(turns).astype(np.int64)
        # The sine is a quarter of a turn behind.
        pairs = np.hstack([phases, phases - self.quarter])
        return self.cosines[pairs & (_TURN - 1)]

    def state(self):
        """Return the arrays that define it, by name."""
        return {**self.projection.state(), "cosines": self.cosines.astype(np.int32)}

    @classmethod
    def from_state(cls, state):
        """Rebuild it from `state`."""
        cosines = np.asarray(state["cosines"], dtype=np.float64)
        return cls(Projection.from_state(state), cosines)


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
