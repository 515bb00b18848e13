"""Lattice reduction against triangle waves of secret linear phases.

A triangle wave tells its phase up to the sign and whole turns, so that pairs of
inputs and waves are noisy linear equations modulo the period: a closest vector
problem. Two ways to pose it. Without noise, the signs are unknowns of the lattice
and little more than one pair per unknown is enough. With other waves added on top,
rows at the extremes of the sum are taken: there every wave is near its peak or its
trough, where the sign does not matter.
"""

import math

import numpy as np
from scipy.optimize import linprog

from sklearn_homeo.ciphers.waves import GRID, reduce_modulo, triangle_wave

__all__ = ["Neuron", "exact_neuron", "noisy_neuron", "refine"]

# Resolution of an error in the lattice's integer coordinates.
_UNIT = 2**14
_REFINEMENTS = 8


class Neuron:
    """A triangle wave of integer weights, amplitude 1.

    Parameters
    ----------
    weights : ndarray of shape (n_drivers,), dtype float64
    offset : float
    period : float
    """

    def __init__(self, weights, offset, period):
        self.weights = np.asarray(weights, dtype=np.float64)
        self.offset, self.period = float(offset), float(period)

    def moved(self, step):
        """The neuron after a step in its weights and, last, its offset."""
        weights, offset = self.weights + step[:-1], self.offset + step[-1]
        return Neuron(weights, offset, self.period)

    def phases(self, drivers):
        """Phases in [-period / 2, period / 2] of lattice rows."""
        return reduce_modulo(drivers @ self.weights + self.offset, self.period)

    def wave(self, drivers):
        """Wave in [-1, 1] of lattice rows of shape (n_samples, n_drivers)."""
        return triangle_wave(self.phases(drivers), self.period, 1.0) / GRID

    def correlation(self, drivers, total):
        """Absolute correlation of the wave with a sum of waves."""
        wave = self.wave(drivers)
        if np.ptp(wave) == 0:
            return 0.0
        return float(abs(np.corrcoef(wave, total)[0, 1]))


def _fpylll():
    try:
        import fpylll
    except ImportError as error:
        raise ImportError(
            "the lattice-reduction attack needs fpylll: pip install fpylll cysignals"
        ) from error
    return fpylll


def exact_neuron(drivers, wave, period, largest):
    """Find a neuron from noiseless waves by LLL.

    Parameters
    ----------
    drivers : ndarray of shape (n_samples, n_drivers), dtype float64
        Lattice integers; a few rows more than drivers are enough.
    wave : ndarray of shape (n_samples,), dtype float64
        The waves, in [-1, 1], to about 30 bits.
    period : float
        Grid steps in a full turn.
    largest : int
        Bound on the weights.

    Returns
    -------
    neuron : Neuron or None
        None if the reduced basis holds no solution.

    Raises
    ------
    ImportError
        If fpylll is not installed.

    References
    ----------
    Song, Zadik, Bruna, "On the Cryptographic Hardness of Learning Single Periodic
    Neurons", NeurIPS 2021, section 4.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo.audit.inside._lattice_reduction import Neuron, exact_neuron
    >>> drivers = np.random.default_rng(0).normal(size=(9, 4)).round(8) * 1e8 // 1
    >>> secret = Neuron([7, -3, 5, 2], 12345, 2e8)
    >>> found = exact_neuron(drivers, secret.wave(drivers), 2e8, 8)
    >>> bool(np.allclose(found.wave(drivers), secret.wave(drivers), atol=1e-6))
    True
    """
    n_rows, n_drivers = drivers.shape
    rows = reduce_modulo(drivers, period)
    turns = np.round((wave + 1.0) * period / 4.0)
    # The wave is rounded to the grid or, in the phase, to whole steps.
    error = max(1.0, period / 4.0 / GRID)
    scale, sign = max(1, round(largest / error)), max(1, int(largest))
    n_equations = n_rows - 1
    differences = _integers(rows[1:] - rows[0])
    weight_columns = slice(n_equations + n_rows, None)
    basis = np.zeros((n_drivers + n_equations + n_rows,) * 2, dtype=object)
    signs = basis[n_drivers + n_equations :]
    basis[:n_drivers, :n_equations] = scale * differences.T
    basis[:n_drivers, weight_columns] = np.eye(n_drivers, dtype=int)
    basis[n_drivers : n_drivers + n_equations, :n_equations] = (
        scale * int(period) * np.eye(n_equations, dtype=int)
    )
    signs[0, :n_equations] = scale * int(turns[0])
    signs[1:, :n_equations] = np.diag(-scale * _integers(turns[1:]))
    signs[:, n_equations : n_equations + n_rows] = sign * np.eye(n_rows, dtype=int)
    for vector in _reduced(basis, block_size=2)[:n_drivers]:
        found = vector[n_equations : n_equations + n_rows]
        if (np.abs(found) == sign).all():
            weights = vector[weight_columns].astype(np.float64)
            offset = found[0] // sign * turns[0] - rows[0] @ weights
            return Neuron(weights, reduce_modulo(offset, period), period)
    return None


def noisy_neuron(
    drivers, total, period, largest, n_waves, *, n_rows, noise, block_size
):
    """Find one neuron in a sum of waves of which the others are unknown.

    Parameters
    ----------
    drivers : ndarray of shape (n_samples, n_drivers), dtype float64
        Lattice integers.
    total : ndarray of shape (n_samples,), dtype float64
        Sum of `n_waves` waves, each in [-1, 1]; one of them is driven by `drivers`.
    period : float
        Grid steps in a full turn of the neuron.
    largest : int
        Bound on its weights.
    n_waves : int
        At least 1.
    n_rows : int
        How many of the most extreme rows to take.
    noise : float
        Standard deviation of a phase beyond that, as a share of the period.
    block_size : int
        Of the BKZ reduction; 2 is LLL.

    Returns
    -------
    neuron : Neuron
        The candidate that explains most of all rows; its correlation with the total
        is about ``n_waves ** -0.5`` if it is right.

    Raises
    ------
    ImportError
        If fpylll is not installed.
    """
    drivers = reduce_modulo(drivers, period)
    n_drivers = drivers.shape[1]
    chosen = np.argsort(-np.abs(total), kind="stable")[:n_rows]
    shortfall = max(n_waves - np.abs(total[chosen[-1]]), 0.0)
    # Root mean square of one deviation of many that sum up to no more than this.
    spread = math.sqrt(2.0 / ((n_waves + 1) * (n_waves + 2))) / 4.0
    error = math.hypot(spread * shortfall, noise) * period
    size = int(error) * _UNIT
    weight_unit = max(1, round(1.7 * size / largest))
    offset_unit = max(1, round(3.5 * size / period))
    m = len(chosen)
    basis = np.zeros((m + n_drivers + 2,) * 2, dtype=object)
    np.fill_diagonal(basis[:m, :m], int(period) * _UNIT)
    basis[m:-2, :m] = _UNIT * _integers(drivers[chosen]).T
    basis[m:-2, m:-2] = weight_unit * np.eye(n_drivers, dtype=int)
    basis[-2, :m], basis[-2, -2] = _UNIT, offset_unit
    basis[-1, :m] = -_UNIT * int(period // 2) * (total[chosen] > 0).astype(object)
    basis[-1, -1] = size
    candidates = [
        Neuron(v[m:-2] // weight_unit, v[-2] // offset_unit % int(period), period)
        for v in _reduced(basis, block_size)[: n_drivers + 12]
    ]
    return max(candidates, key=lambda one: one.correlation(drivers, total))


def refine(neuron, drivers, total, n_waves):
    """Improve a neuron on all rows, to whole weights.

    Gauss-Newton steps first. The other waves are bounded, so that each row then
    bounds this one from both sides: linear programming finds weights that respect
    all bounds best, which is far more precise when the bounds are often reached.

    Parameters
    ----------
    neuron : Neuron
    drivers : ndarray of shape (n_samples, n_drivers), dtype float64
    total : ndarray of shape (n_samples,), dtype float64
    n_waves : int

    Returns
    -------
    neuron : Neuron
    """
    drivers = reduce_modulo(drivers, neuron.period)
    for _ in range(_REFINEMENTS):
        slopes, wave = _slopes(neuron, drivers)
        neuron = neuron.moved(np.linalg.lstsq(slopes, total - wave, rcond=None)[0])
    if n_waves > 2:
        # A sum of two or more others hardly ever comes near its bounds.
        return Neuron(np.round(neuron.weights), neuron.offset, neuron.period)
    neuron = _bounded(neuron, drivers, total, n_waves, slice(None))
    whole = Neuron(np.round(neuron.weights), neuron.offset, neuron.period)
    return _bounded(whole, drivers, total, n_waves, slice(-1, None))


def _slopes(neuron, drivers):
    signs = np.sign(neuron.phases(drivers))[:, None] * 4.0 / neuron.period
    return signs * np.column_stack([drivers, np.ones(len(drivers))]), neuron.wave(
        drivers
    )


def _bounded(neuron, drivers, total, n_waves, columns):
    """Move weights and offset, or some of them, to respect the bounds."""
    for _ in range(3):
        slopes, wave = _slopes(neuron, drivers)
        step = np.zeros(slopes.shape[1])
        step[columns] = _feasible(slopes[:, columns], total - wave, n_waves)
        neuron = neuron.moved(step)
    return neuron


def _feasible(slopes, misfit, n_waves):
    """Step after which the greatest excess of the misfit is least."""
    unit = np.abs(slopes).max(axis=0)
    scaled = slopes / unit
    excess = -np.ones((len(scaled), 1))
    result = linprog(
        np.append(np.zeros(scaled.shape[1]), 1.0),
        A_ub=np.vstack([np.hstack([scaled, excess]), np.hstack([-scaled, excess])]),
        b_ub=np.concatenate([misfit, -misfit]) + (n_waves - 1),
        bounds=(None, None),
    )
    return result.x[:-1] / unit if result.success else np.zeros(len(unit))


def _integers(values):
    return np.vectorize(int, otypes=[object])(values)


def _reduced(basis, block_size):
    """Rows of a reduced basis, shortest first, as arrays of Python integers."""
    fpylll = _fpylll()
    matrix = fpylll.IntegerMatrix.from_matrix(basis.tolist())
    fpylll.LLL.reduction(matrix)
    if block_size > 2:
        flags = fpylll.BKZ.AUTO_ABORT | fpylll.BKZ.MAX_LOOPS
        block_size = min(block_size, matrix.nrows)
        options = fpylll.BKZ.Param(block_size=block_size, max_loops=4, flags=flags)
        fpylll.BKZ.reduction(matrix, options)
    rows = [[int(entry) for entry in row] for row in matrix]
    return [np.array(row, dtype=object) for row in rows]
