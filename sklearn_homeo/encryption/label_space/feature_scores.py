"""Scores of least squares on random features [1]_, in integers.

Cosines and sines of random frequencies: a kernel machine whose fit needs sums over rows
only, so that several owners of rows can fit it together. Kernels of random points that
are like rows tell more than as many cosines do. Products of random steps are features
for labels that jump where a column passes some value, as trees have them.

References
----------
.. [1] A. Rahimi, B. Recht, "Random features for large-scale kernel machines",
   Advances in Neural Information Processing Systems 20, 2007.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular

from sklearn_homeo.encryption.label_space.classifiers import SCORE_STEP, in_steps
from sklearn_homeo.encryption.label_space.kernel_scores import Kernel
from sklearn_homeo.encryption.label_space.projection import Projection, in_units

__all__ = ["FEATURE_STEP", "Bumps", "FeatureMap", "FeatureScores", "Steps", "Waves"]

# A turn has 2**12 phases; features are integers in steps of 2**-15.
PHASE_BITS = 12
FEATURE_STEP = 2.0**-15
# Sums of 2**11 products of features and weights are below 2**53.
WEIGHT_BITS = 20
_TURN = 2**PHASE_BITS
# On the diagonal of the landmarks' kernel, as of a kernel machine.
_JITTER = 1e-3


@dataclass(frozen=True, eq=False)
class Waves:
    """Cosines and sines of projections of a row: all cosines, then all sines.

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

    def __len__(self):
        return 2 * len(self.projection.units)

    def __call__(self, u):
        turns = self.projection.integers(u) * (self.projection.units * _TURN)
        phases = np.rint(turns).astype(np.int64)
        # The sine is a quarter of a turn behind.
        pairs = np.hstack([phases, phases - self.quarter])
        return self.cosines[pairs & (_TURN - 1)]

    def part(self, places):
        """Return some of the waves: a cosine and its sine together."""
        own = self.projection
        kept = places[places < len(own.units)]
        projection = Projection(own.columns, own.weights[:, kept], own.units[kept])
        return Waves(projection, self.cosines)

    def largest_square(self):
        """Return the largest squared norm of a row's features, all nearly the same."""
        squares = self.cosines**2 + np.roll(self.cosines, self.quarter) ** 2
        return len(self) / 2 * squares.max()

    def state(self):
        """Return the arrays that define it, by name."""
        return {**self.projection.state(), "cosines": self.cosines.astype(np.int32)}

    @classmethod
    def from_state(cls, state):
        """Rebuild it from `state`."""
        cosines = np.asarray(state["cosines"], dtype=np.float64)
        return cls(Projection.from_state(state), cosines)


@dataclass(frozen=True, eq=False)
class Bumps:
    """A Gaussian kernel to landmarks.

    Parameters
    ----------
    kernel : Kernel
    """

    kernel: Kernel

    def __len__(self):
        return len(self.kernel.landmarks)

    def __call__(self, u):
        return np.floor(self.kernel(u) * (Kernel.step / FEATURE_STEP))

    def part(self, places):
        """Return some of the bumps."""
        return Bumps(self.kernel.part(places))

    def largest_square(self):
        """Return the largest squared norm of a row's features."""
        return len(self) / FEATURE_STEP**2

    def whitening(self):
        """Return the matrix that makes the features fit for least squares.

        Penalised weights of what it gives make the machine that a kernel machine with
        these landmarks is; the mean square of a feature is about 1.
        """
        kernel = self.kernel.of_landmarks() + _JITTER * np.eye(len(self))
        triangle = np.linalg.cholesky(kernel)
        inverse = solve_triangular(triangle, np.eye(len(self)), lower=True)
        return inverse.T * np.sqrt(len(self))

    def state(self):
        """Return the arrays that define it, by name."""
        return self.kernel.state()

    @classmethod
    def from_state(cls, state):
        """Rebuild it from `state`."""
        return cls(Kernel.from_state(state))


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

    def __len__(self):
        return len(self.columns)

    def __call__(self, u):
        is_odd = np.zeros((len(u), len(self)), dtype=bool)
        for columns, thresholds in zip(self.columns.T, self.thresholds.T, strict=True):
            is_odd ^= u[:, columns] < thresholds
        return np.where(is_odd, -1.0, 1.0) / FEATURE_STEP

    def part(self, places):
        """Return some of the steps."""
        return Steps(self.columns[places], self.thresholds[places])

    def largest_square(self):
        """Return the squared norm of a row's features."""
        return len(self) / FEATURE_STEP**2

    def state(self):
        """Return the arrays that define it, by name."""
        return {"columns": self.columns, "thresholds": self.thresholds}

    @classmethod
    def from_state(cls, state):
        """Rebuild it from `state`."""
        arrays = (state["columns"], state["thresholds"])
        return cls(*(np.asarray(one, dtype=np.int64) for one in arrays))


_KINDS = {"bumps": Bumps, "waves": Waves, "steps": Steps}


@dataclass(frozen=True, eq=False)
class FeatureMap:
    """Waves, bumps and steps of a row, side by side.

    Parameters
    ----------
    parts : list of Waves, Bumps or Steps
        At most one of each kind; bumps, if any, are the first.
    """

    parts: list

    def __len__(self):
        return sum(len(part) for part in self.parts)

    def __call__(self, u):
        """Return the features of lattice rows.

        Parameters
        ----------
        u : ndarray of shape (n_samples, n_features), dtype int64

        Returns
        -------
        features : ndarray of shape (n_samples, len(self)), dtype float64
            Integers in steps of 2**-15.
        """
        return np.hstack([part(u) for part in self.parts])

    def part(self, places):
        """Return the map to some of the features.

        Parameters
        ----------
        places : ndarray of int
            Which features; a cosine and its sine together.
        """
        start, found = 0, []
        for part in self.parts:
            own = places[(places >= start) & (places < start + len(part))] - start
            start += len(part)
            if len(own) > 0:
                found.append(part.part(own))
        return FeatureMap(found)

    def largest_square(self):
        """Return a bound of the squared norm of a row's features, in integers."""
        return sum(part.largest_square() for part in self.parts)

    def whitening(self):
        """Return what bumps are multiplied by before least squares.

        Returns
        -------
        matrix : ndarray of shape (n_bumps, n_bumps)
            It is for the first features; the others stay as they are.
        """
        first = self.parts[0]
        return first.whitening() if isinstance(first, Bumps) else np.zeros((0, 0))

    def state(self):
        """Return what defines it, by name."""
        names = {cls: name for name, cls in _KINDS.items()}
        return {names[type(part)]: part.state() for part in self.parts}

    @classmethod
    def from_state(cls, state):
        """Rebuild it from `state`."""
        parts = [
            kind.from_state(state[name])
            for name, kind in _KINDS.items()
            if name in state
        ]
        return cls(parts)


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
            "features": self.features.state(),
            "feature_weights": self.weights.astype(np.int32),
            "feature_units": self.units,
            "offsets": self.offsets,
        }

    @classmethod
    def from_state(cls, state):
        """Rebuild it from `state`."""
        return cls(
            FeatureMap.from_state(state["features"]),
            np.asarray(state["feature_weights"], dtype=np.float64),
            np.asarray(state["feature_units"]),
            np.asarray(state["offsets"]),
        )
