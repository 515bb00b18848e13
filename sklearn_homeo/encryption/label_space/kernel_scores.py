"""Scores of a kernel machine, in integers."""

from dataclasses import dataclass

import numpy as np

from sklearn_homeo.encryption.label_space.classifiers import (
    SCORE_STEP,
    in_steps,
    logits_of,
)
from sklearn_homeo.encryption.label_space.kernel_machines import KernelMachines
from sklearn_homeo.encryption.label_space.kernel_ridge import (
    kernel_of_pairs,
    squared_distances,
)
from sklearn_homeo.encryption.label_space.projection import Projection, in_units

__all__ = ["Kernel", "KernelScores", "fit_kernel_scores"]

# Points: steps of 2**-16, clipped to 16, so that sums of 96 squared differences are
# below 2**49.
POINT_STEP, MAX_POINT = 2.0**-16, 2.0**20
# The kernel's table: squared distances in steps of 2**-12, up to 16, and between them
# straight lines of 2**8 steps.
TABLE_STEP, TABLE_SIZE, LINE_BITS = 2.0**-12, 2**16, 8
# Sums of products of kernels of 24 bits and weights are below 2**53: weights of 256
# landmarks have 20 bits, those of 1,024 have 18.
KERNEL_STEP, SUM_BITS = 2.0**-24, 28
_CHUNK_KERNELS = 2**15


@dataclass(frozen=True, eq=False)
class Kernel:
    """A Gaussian kernel to landmarks, in integers.

    Parameters
    ----------
    projection : Projection
        To the axes of the metric.
    landmarks : ndarray of shape (n_landmarks, n_axes), dtype float64
        Integers, in steps of 2**-16.
    table : ndarray of shape (65536,), dtype float64
        The kernel at squared distances in steps of 2**-12: integers up to 2**24.
    """

    projection: Projection
    landmarks: np.ndarray
    table: np.ndarray

    step = KERNEL_STEP

    @classmethod
    def from_real(cls, axes, u):
        """Round axes, of shape (n_features, n_axes); landmarks are lattice rows."""
        projection = Projection.from_real(axes)
        table = np.rint(np.exp(-np.arange(TABLE_SIZE) * TABLE_STEP) / KERNEL_STEP)
        table[-1] = 0.0
        return cls(projection, _in_point_steps(projection, u), table)

    def __call__(self, u):
        """Return the kernel of lattice rows and landmarks.

        Parameters
        ----------
        u : ndarray of shape (n_samples, n_features), dtype int64

        Returns
        -------
        values : ndarray of shape (n_samples, n_landmarks), dtype float64
            Integers, in steps of 2**-24.
        """
        values = np.empty((len(u), len(self.landmarks)))
        for some, found in self.pieces(u):
            values[some] = found
        return values

    def pieces(self, u):
        """Yield which rows, and their kernel: so few that it stays in the cache."""
        points = _in_point_steps(self.projection, u)
        falls = np.diff(self.table, append=self.table[-1])
        size = max(_CHUNK_KERNELS // len(self.landmarks), 1)
        for start in range(0, len(u), size):
            some = slice(start, start + size)
            squares = squared_distances(points[some], self.landmarks)
            yield some, _looked_up(self.table, falls, squares)

    def of_landmarks(self):
        """Return the kernel of all pairs of landmarks, in real numbers."""
        points = self.landmarks * POINT_STEP
        return kernel_of_pairs(points)

    def part(self, places):
        """Return the kernel to some of the landmarks."""
        return Kernel(self.projection, self.landmarks[places], self.table)

    def state(self):
        """Return the arrays that define it, by name."""
        return {
            **self.projection.state(),
            "landmarks": self.landmarks.astype(np.int32),
            "table": self.table.astype(np.int32),
        }

    @classmethod
    def from_state(cls, state):
        """Rebuild it from `state`."""
        return cls(
            Projection.from_state(state),
            np.asarray(state["landmarks"], dtype=np.float64),
            np.asarray(state["table"], dtype=np.float64),
        )


@dataclass(frozen=True, eq=False)
class KernelScores:
    """Weighted sums of a Gaussian kernel to landmarks, in integers.

    Parameters
    ----------
    kernel : Kernel
    weights : ndarray of shape (n_landmarks, n_scores), dtype float64
        Integers of magnitude 2**28 / n_landmarks at most.
    units : ndarray of shape (n_scores,), dtype float64
        What the integer 1 of a weighted sum is worth; powers of two.
    offsets : ndarray of shape (n_scores,), dtype float64
        Integers, in steps of 2**-10.
    """

    kernel: Kernel
    weights: np.ndarray
    units: np.ndarray
    offsets: np.ndarray

    @classmethod
    def from_machine(cls, u, machine, weights, left_out, outputs, sizes):
        """Turn what a machine predicts into logits, if there are classes, and round it.

        Parameters
        ----------
        u, outputs, sizes
            What the machine was fitted to; see `KernelMachines`.
        machine : Machine
        weights : ndarray of shape (..., n_landmarks, n_targets), dtype float64
        left_out : ndarray of shape (n_samples, n_targets), dtype float64
            What is predicted of each row without it.
        """
        offsets = machine.means
        if sizes is not None:
            matrix, intercepts = logits_of(left_out, outputs, sizes)
            weights, offsets = weights @ matrix, offsets @ matrix + intercepts
        n_landmarks, n_scores = weights.shape[-2:]
        bits = SUM_BITS - (n_landmarks - 1).bit_length()
        whole, units = in_units(weights.reshape(-1, n_scores), bits)
        return cls(
            Kernel.from_real(machine.axes, u[machine.rows]),
            whole.reshape(weights.shape),
            units * KERNEL_STEP,
            np.rint(offsets / SCORE_STEP),
        )

    def scores(self, u):
        """Return the scores of lattice rows; see `LinearScores.scores`."""
        sums = np.empty((len(u), len(self.units)))
        for some, values in self.kernel.pieces(u):
            sums[some] = values @ self.weights
        return in_steps(sums, self.units) + self.offsets

    def state(self):
        """Return the arrays that define it, by name."""
        return {
            **self.kernel.state(),
            "kernel_weights": self.weights.astype(np.int32),
            "kernel_units": self.units,
            "offsets": self.offsets,
        }

    @classmethod
    def from_state(cls, state):
        """Rebuild it from `state`."""
        return cls(
            Kernel.from_state(state),
            np.asarray(state["kernel_weights"], dtype=np.float64),
            np.asarray(state["kernel_units"]),
            np.asarray(state["offsets"]),
        )


def _in_point_steps(projection, u):
    points = np.rint(projection.integers(u) * (projection.units / POINT_STEP))
    return np.clip(points, -MAX_POINT, MAX_POINT, out=points)


def _looked_up(table, falls, squares):
    """The table's line at squared distances, rounded down; its end beyond it."""
    squares *= POINT_STEP**2 / TABLE_STEP * 2**LINE_BITS
    fine = np.minimum(squares, (TABLE_SIZE - 1) * 2.0**LINE_BITS).astype(np.int64)
    places, along = fine >> LINE_BITS, fine & (2**LINE_BITS - 1)
    fall = falls[places]
    fall *= along
    fall *= 2.0**-LINE_BITS
    np.floor(fall, out=fall)
    fall += table[places]
    return fall


def fit_kernel_scores(u, outputs, sizes, metric, machines=None):
    """Fit the machine.

    Parameters
    ----------
    u, outputs, sizes
        See `KernelMachines`.
    metric : {"plain", "soft", "sharp"}
    machines : KernelMachines, default=None
        Machines of the same rows, if there are any.

    Returns
    -------
    scores : KernelScores
    """
    machines = machines or KernelMachines(u, outputs, sizes)
    machine = getattr(machines, metric)
    return KernelScores.from_machine(
        u, machine, machine.weights, machine.left_out, outputs, sizes
    )
