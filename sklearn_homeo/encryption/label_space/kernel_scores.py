"""Scores of a kernel machine whose metric is learnt, in integers.

Least squares on Gaussian kernels of landmarks, penalised; the metric comes from the
average gradient outer product of the machine itself (recursive feature machine), so
that columns without a say count for nothing.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.linalg import eigh, solve_triangular

from sklearn_homeo._utils.threads import ahead, single_threaded_blas
from sklearn_homeo.encryption.label_space.classifiers import (
    LATTICE_STEP,
    SCORE_STEP,
    in_steps,
    indicators,
    logits_of,
)
from sklearn_homeo.encryption.label_space.gradients import next_moments
from sklearn_homeo.encryption.label_space.projection import Projection, in_units

__all__ = ["Kernel", "KernelMachines", "KernelScores", "fit_kernel_scores"]

MAX_LANDMARKS = 256
MAX_AXES = 96
ROUNDS = 3
# Power of the average gradient outer product that becomes the soft metric.
SOFTNESS = 0.5
# How many rows are landmarks of the machines that sharpen a metric, and for how many
# rounds: few landmarks see little of a label that depends on four of forty directions.
SHARPENING = ((1200, 2), (2000, 1))
WIDTHS, LATER_WIDTHS = (0.1, 0.3, 1.0, 3.0), (0.3, 1.0)
PENALTIES = 10.0 ** np.arange(-3, 2)
# A weaker penalty must gain more than that: the more rows are fitted, the less their
# scores are like those of others.
_WORTHWHILE = 0.97
# Another round must gain that share of the error for one more to be worth its time.
_LEAST_GAIN = 0.005
# On the diagonal of the landmarks' kernel: equal landmarks do no harm, and weights stay
# so small that rounding the landmarks' places does none either.
_JITTER = 1e-3

# Points: steps of 2**-16, clipped to 16, so that sums of 96 squared differences are
# below 2**49.
POINT_STEP, MAX_POINT = 2.0**-16, 2.0**20
# The kernel's table: squared distances in steps of 2**-12, up to 16, and between them
# straight lines of 2**8 steps.
TABLE_STEP, TABLE_SIZE, LINE_BITS = 2.0**-12, 2**16, 8
# Sums of 256 products of kernels and weights are below 2**53.
KERNEL_STEP, WEIGHT_BITS = 2.0**-24, 20
_CHUNK_KERNELS = 2**15
# Kernels that are worked on at a time in a fit.
_FITTED_KERNELS = 2**18


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
            squares = _squared_distances(points[some], self.landmarks)
            yield some, _looked_up(self.table, falls, squares)

    def of_landmarks(self):
        """Return the kernel of all pairs of landmarks, in real numbers."""
        points = self.landmarks * POINT_STEP
        return _kernel_of_pairs(points)

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
        Integers of magnitude 2**20 at most.
    units : ndarray of shape (n_scores,), dtype float64
        What the integer 1 of a weighted sum is worth; powers of two.
    offsets : ndarray of shape (n_scores,), dtype float64
        Integers, in steps of 2**-10.
    """

    kernel: Kernel
    weights: np.ndarray
    units: np.ndarray
    offsets: np.ndarray

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


def _kernel_of_pairs(points):
    return np.exp(-np.maximum(_squared_distances(points, points), 0.0))


def _squared_distances(points, landmarks):
    """Exact for integers of magnitude 2**20 at most in 1,024 columns or fewer."""
    squares = points @ (-2.0 * landmarks.T)
    squares += (points**2).sum(axis=1)[:, None]
    squares += (landmarks**2).sum(axis=1)
    return squares


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
    if sizes is None:
        matrix, offsets = np.eye(outputs.shape[1]), np.zeros(outputs.shape[1])
    else:
        matrix, offsets = logits_of(machine.left_out, outputs, sizes)
    return _in_integers(u, machine, matrix, machine.means @ matrix + offsets)


@dataclass(frozen=True, eq=False)
class _Machine:
    error: float
    axes: np.ndarray
    rows: np.ndarray
    weights: np.ndarray
    means: np.ndarray
    left_out: np.ndarray


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
    squares = _squared_distances(points, points[rows])
    np.maximum(squares, 0.0, out=squares)
    # On average, rows lie at a squared distance of 2, whatever the width multiplies.
    size = squares.mean() / 2.0 or 1.0
    means = targets.mean(axis=0)
    centred = targets - means
    fits = ahead(
        lambda width: _Ridge.fit(squares, -width / size, centred, rows),
        widths,
        n_threads,
    )
    best, best_width = None, widths[0]
    for width, found in zip(widths, fits, strict=True):
        if best is not None and found.error >= best.error:
            # Wider ones would be worse still.
            break
        best, best_width = found, width
    return _Machine(
        best.error,
        axes * np.sqrt(best_width / size),
        rows,
        best.turn @ best.coefficients[:, 0],
        means,
        best.left_out(squares, centred) + means,
    )


@dataclass(frozen=True, eq=False)
class _Ridge:
    """Kernel ridge regression on landmarks, on features of which none tells of another.

    Parameters
    ----------
    factor : float
        What squared distances are multiplied by.
    turn : ndarray of shape (n_landmarks, n_landmarks)
        From kernels to features.
    shrunk : ndarray of shape (n_landmarks, n_penalties)
        Shares of the features' covariances with the targets, for each penalty.
    coefficients : ndarray of shape (n_landmarks, n_penalties, n_targets)
    error : float
        Sum of squared errors of left-out rows.
    """

    factor: float
    turn: np.ndarray
    shrunk: np.ndarray
    coefficients: np.ndarray
    error: float = np.inf

    @classmethod
    def fit(cls, squares, factor, targets, rows):
        """Fit it with all penalties, from one decomposition, and take the best."""
        kernel = np.exp(squares[rows] * factor) + _JITTER * np.eye(len(rows))
        triangle = np.linalg.cholesky(kernel).T
        gram, moments = np.zeros_like(kernel), np.zeros((len(rows), targets.shape[1]))
        for some in _in_cache(squares):
            kernel = np.exp(squares[some] * factor)
            gram += kernel.T @ kernel
            moments += kernel.T @ targets[some]
        # Of features that are the kernel times the inverse of the triangle.
        half = _solved(triangle, gram, trans="T")
        spectrum, turn = np.linalg.eigh(_solved(triangle, half.T, trans="T"))
        turn = _solved(triangle, turn)
        shrunk = 1.0 / (np.maximum(spectrum, 0.0)[:, None] + PENALTIES[::-1])
        coefficients = shrunk[:, :, None] * (turn.T @ moments)[:, None]
        return cls(factor, turn, shrunk, coefficients)._with_best(squares, targets)

    def _with_best(self, squares, targets):
        """The same with the penalty of least error."""
        errors = np.zeros(self.shrunk.shape[1])
        for some, left_out in self._pieces(squares, targets):
            errors += ((left_out - targets[some, None]) ** 2).sum(axis=(0, 2))
        best = 0
        for i, error in enumerate(errors):
            if error < _WORTHWHILE * errors[best]:
                best = i
        one = slice(best, best + 1)
        return replace(
            self,
            shrunk=self.shrunk[:, one],
            coefficients=self.coefficients[:, one],
            error=float(errors[best]),
        )

    def left_out(self, squares, targets):
        """What would be predicted of each row, with the best penalty, without it."""
        pieces = [left_out[:, 0] for _, left_out in self._pieces(squares, targets)]
        return np.concatenate(pieces)

    def _pieces(self, squares, targets):
        """Yield which rows, and what would be predicted of them with each penalty."""
        flat = self.coefficients.reshape(len(self.turn), -1)
        for some in _in_cache(squares):
            features = np.exp(squares[some] * self.factor) @ self.turn
            fitted = (features @ flat).reshape(-1, *self.coefficients.shape[1:])
            leverage = np.minimum(features**2 @ self.shrunk, 0.999)[:, :, None]
            yield some, (fitted - leverage * targets[some, None]) / (1.0 - leverage)


def _in_cache(kernels):
    """Slices of so few rows that what is worked out of them stays in the cache."""
    size = max(_FITTED_KERNELS // kernels.shape[1], 1)
    return [slice(start, start + size) for start in range(0, len(kernels), size)]


def _solved(triangle, right, trans="N"):
    return solve_triangular(triangle, right, trans=trans, check_finite=False)


def _gradient_axes(X, machine):
    """Axes of the metric that the machine's mean squared gradient makes."""
    points = X @ machine.axes
    kernel = _kernel_of_pairs(points)
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


def _in_integers(u, machine, matrix, offsets):
    """The machine in integers."""
    weights, units = in_units(machine.weights @ matrix, WEIGHT_BITS)
    return KernelScores(
        Kernel.from_real(machine.axes, u[machine.rows]),
        weights,
        units * KERNEL_STEP,
        np.rint(offsets / SCORE_STEP),
    )
