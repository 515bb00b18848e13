"""Kernel machines whose metric is learnt, in real numbers.

Least squares on Gaussian kernels of landmarks, penalised; the metric comes from the
average gradient outer product of the machine itself (recursive feature machine), so
that columns without a say count for nothing.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.linalg import eigh

from sklearn_homeo._utils.threads import ahead, single_threaded_blas
from sklearn_homeo.encryption.label_space.classifiers import LATTICE_STEP, indicators
from sklearn_homeo.encryption.label_space.gradients import next_moments
from sklearn_homeo.encryption.label_space.kernel_ridge import (
    KernelRidge,
    kernel_of_pairs,
    squared_distances,
)

__all__ = ["KernelMachines"]

MAX_LANDMARKS, MAX_DENSE_LANDMARKS = 256, 1024
MAX_AXES = 96
ROUNDS = 3
# Power of the average gradient outer product that becomes the soft metric.
SOFTNESS = 0.5
# How many rows are landmarks of the machines that sharpen a metric, and for how many
# rounds: few landmarks see little of a label that depends on four of forty directions.
SHARPENING = ((1200, 2), (2000, 1))
WIDTHS, LATER_WIDTHS = (0.1, 0.3, 1.0, 3.0), (0.3, 1.0)
# Another round must gain that share of the error for one more to be worth its time.
_LEAST_GAIN = 0.005


class KernelMachines:
    """Machines of the same rows; each metric is learnt with the one before.

    Parameters
    ----------
    u : ndarray of shape (n_samples, n_features), dtype int64
        Rows on the lattice.
    outputs : ndarray of shape (n_samples, n_outputs)
        Class codes, or standardised numbers.
    sizes : tuple of int or None
        Number of classes of each output; None for numbers.
    """

    def __init__(self, u, outputs, sizes):
        self.X = u * LATTICE_STEP
        self.targets = outputs if sizes is None else indicators(outputs, sizes)

    @cached_property
    def plain(self):
        """The machine without a metric."""
        rows = np.random.RandomState(0).permutation(len(self.X))[:MAX_LANDMARKS]
        with single_threaded_blas() as n_threads:
            axes = _first_axes(self.X)
            return _best_width(self.X, self.targets, axes, rows, WIDTHS, n_threads)

    @cached_property
    def dense(self):
        """The machine without a metric that has landmarks wherever rows lie."""
        plain = self.plain
        rows = np.random.RandomState(0).permutation(len(self.X))[:MAX_DENSE_LANDMARKS]
        with single_threaded_blas() as n_threads:
            return _best_width(
                self.X, self.targets, plain.axes, rows, LATER_WIDTHS, n_threads
            )

    def cross_fitted(self, parts):
        """Return the dense machine's weights without each part of the rows.

        Parameters
        ----------
        parts : ndarray of shape (n_samples,), dtype int64
            The part of each row, from 0.

        Returns
        -------
        weights : ndarray of shape (n_parts, n_landmarks, n_targets), dtype float64
        held_out : ndarray of shape (n_samples, n_targets), dtype float64
            What is predicted of each row by the weights without its part.
        """
        machine = self.dense
        points = self.X @ machine.axes
        with single_threaded_blas():
            squares = squared_distances(points, points[machine.rows])
            coefficients, held_out = machine.ridge.without(
                np.maximum(squares, 0.0, out=squares),
                self.targets - machine.means,
                parts,
            )
        return machine.ridge.turn @ coefficients, held_out + machine.means

    @cached_property
    def soft(self):
        """The machine whose metric leaves all columns some say."""
        plain = self.plain
        with single_threaded_blas() as n_threads:
            return _learn(self.X, self.targets, plain, n_threads)

    @cached_property
    def sharp(self):
        """The machine whose metric leaves only few directions a say."""
        plain, soft = self.plain, self.soft
        with single_threaded_blas() as n_threads:
            return _sharpened(self.X, self.targets, plain, soft, n_threads)


@dataclass(frozen=True, eq=False)
class Machine:
    """Kernel ridge regression in a metric.

    Parameters
    ----------
    ridge : KernelRidge
        Fitted to squared distances along the axes.
    axes : ndarray of shape (n_features, n_axes), dtype float64
    rows : ndarray of shape (n_landmarks,), dtype int64
        Which rows are landmarks.
    means : ndarray of shape (n_targets,), dtype float64
        Means of the targets.
    left_out : ndarray of shape (n_samples, n_targets), dtype float64
        What would be predicted of each row without it.
    """

    ridge: KernelRidge
    axes: np.ndarray
    rows: np.ndarray
    means: np.ndarray
    left_out: np.ndarray

    @property
    def error(self):
        """Sum of squared errors of left-out rows."""
        return self.ridge.error

    @property
    def weights(self):
        """Weights of the landmarks' kernels, of shape (n_landmarks, n_targets)."""
        return self.ridge.turn @ self.ridge.coefficients[:, 0]


def _learn(X, targets, best, n_threads):
    """Alternate between metric and machine while left-out rows gain by it."""
    for _ in range(ROUNDS):
        axes = _gradient_axes(X[best.rows], best)
        if axes is None:
            break
        machine = _best_width(X, targets, axes, best.rows, LATER_WIDTHS, n_threads)
        if machine.error >= best.error:
            break
        gain, best = 1.0 - machine.error / best.error, machine
        if gain < _LEAST_GAIN:
            break
    return best


def _sharpened(X, targets, plain, soft, n_threads):
    """Let machines with far more landmarks go on with the metric, if that helps."""
    most = SHARPENING[-1][0]
    rows = np.random.RandomState(0).permutation(len(X))[:most]
    varying = targets.std(axis=0) > 0
    if not varying.any():
        return soft
    outputs = targets[rows][:, varying] - targets[:, varying].mean(axis=0)
    outputs /= targets[:, varying].std(axis=0)
    frame = _frame(plain.axes)
    inner = frame.T @ soft.axes
    moments, points = inner @ inner.T, X[rows] @ frame
    for n_rows, n_rounds in SHARPENING:
        for _ in range(n_rounds):
            moments = next_moments(points[:n_rows], outputs[:n_rows], moments)
    axes = _axes_of(moments, frame, 1.0)
    if axes is None:
        return soft
    sharp = _best_width(X, targets, axes, soft.rows, LATER_WIDTHS, n_threads)
    return sharp if sharp.error < soft.error else soft


def _first_axes(X):
    """All columns, or the leading principal axes where there are many."""
    n = X.shape[1]
    if n <= MAX_AXES:
        return np.eye(n)
    gram = X @ X.T if len(X) < n else X.T @ X
    first = max(len(gram) - MAX_AXES, 0)
    values, vectors = eigh(gram, subset_by_index=[first, len(gram) - 1])
    kept = values > 1e-9 * max(values[-1], 1e-300)
    if not kept.any():
        # Rows that are all the same: any column will do.
        return np.eye(n, 1)
    if len(X) >= n:
        return vectors[:, kept]
    return X.T @ (vectors[:, kept] / np.sqrt(values[kept]))


def _best_width(X, targets, axes, rows, widths, n_threads):
    """Width and penalty of least squared error of left-out rows."""
    points = X @ axes
    squares = squared_distances(points, points[rows])
    np.maximum(squares, 0.0, out=squares)
    # On average, rows lie at a squared distance of 2, whatever the width multiplies.
    size = squares.mean() / 2.0 or 1.0
    means = targets.mean(axis=0)
    centred = targets - means
    fits = ahead(
        lambda width: KernelRidge.fit(squares, -width / size, centred, rows),
        widths,
        n_threads,
    )
    best, best_width = None, widths[0]
    for width, found in zip(widths, fits, strict=True):
        if best is not None and found.error >= best.error:
            # Wider ones would be worse still.
            break
        best, best_width = found, width
    return Machine(
        replace(best, factor=-1.0),
        axes * np.sqrt(best_width / size),
        rows,
        means,
        best.left_out(squares, centred) + means,
    )


def _gradient_axes(X, machine):
    """Axes of the metric that the machine's mean squared gradient makes."""
    points = X @ machine.axes
    kernel = kernel_of_pairs(points)
    outer = np.zeros((points.shape[1],) * 2)
    for weights in machine.weights.T:
        pulls = kernel * weights
        gradients = points * pulls.sum(axis=1)[:, None] - pulls @ points
        outer += gradients.T @ gradients
    # With respect to the columns, these gradients come from the axes once more.
    frame = _frame(machine.axes)
    inner = frame.T @ machine.axes
    return _axes_of(inner @ outer @ inner.T, frame, SOFTNESS)


def _frame(axes):
    """Orthonormal columns that span the axes."""
    left, singular, _ = np.linalg.svd(axes, full_matrices=False)
    return left[:, singular > 1e-9 * singular[0]]


def _axes_of(moments, frame, power):
    """Axes of the metric that is a power of an outer product; None if that is zero."""
    values, vectors = eigh(moments)
    if not values[-1] > 0:
        return None
    sizes = np.maximum(values / values[-1], 0.0) ** power
    kept = sizes > 1e-5
    return frame @ (vectors[:, kept] * np.sqrt(sizes[kept]))
