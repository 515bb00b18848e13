"""Products of lattice rows with real matrices, exact on every machine.

Rows are coarsened to steps of 2**-14 standard deviations and clipped to 64, weights
are rounded to integers of 16 bits or, beyond 2**17 columns, fewer. All sums of their
products stay within 2**53, so float64 holds every partial sum exactly, and no order of
summation, BLAS, number of threads, batch or device can change a bit.
"""

from dataclasses import dataclass

import numpy as np

from sklearn_homeo._utils.arrays import namespace

__all__ = ["STEP", "Projection", "coarsened", "in_units"]

# Of a lattice integer, which counts steps of 2**-27 standard deviations.
DROPPED_BITS = 13
STEP = 2.0**-14
# 64 standard deviations, in steps.
VALUE_BITS = 20
WEIGHT_BITS = 16
EXACT_BITS = 53


@dataclass(frozen=True, eq=False)
class Projection:
    """A matrix of real weights, rounded so that products with it are exact.

    Parameters
    ----------
    columns : ndarray of shape (n_used,), dtype int64
        The columns of a row that have a weight at all.
    weights : ndarray of shape (n_used, k), dtype float64
        Integers.
    units : ndarray of shape (k,), dtype float64
        What the integer 1 of a product is worth; powers of two.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo.encryption.label_space.projection import Projection
    >>> projection = Projection.from_real(np.array([[2.0], [0.0], [-0.5]]))
    >>> u = np.array([[1, 7, 2]]) * 2**27
    >>> projection.coordinates(u)
    array([[1.]])
    """

    columns: np.ndarray
    weights: np.ndarray
    units: np.ndarray

    @classmethod
    def from_real(cls, matrix):
        """Round a matrix of shape (n_features, k): weights per standard deviation."""
        columns = np.flatnonzero((matrix != 0).any(axis=1))
        matrix = matrix[columns]
        width_bits = int(max(len(columns) - 1, 0)).bit_length()
        bits = min(WEIGHT_BITS, EXACT_BITS - VALUE_BITS - width_bits)
        weights, units = in_units(matrix, bits)
        return cls(columns, weights, units * STEP)

    def integers(self, u):
        """Return the exact products of lattice rows with the weights.

        Parameters
        ----------
        u : ndarray or tensor of shape (n_samples, n_features), dtype int64
            Below 2**52 in magnitude.

        Returns
        -------
        products : ndarray or tensor of shape (n_samples, k), dtype float64
            Integers of magnitude 2**53 at most, in `units`.
        """
        return coarsened(self._used(u)) @ self.weights

    def products(self, x):
        """Return what `integers` does, of rows that are `coarsened` already."""
        return self._used(x) @ self.weights

    def coordinates(self, u):
        """Return the products in real numbers, of shape (n_samples, k)."""
        return self.integers(u) * self.units

    def state(self):
        """Return the arrays that define it, by name."""
        return {
            "columns": self.columns,
            "weights": self.weights.astype(np.int32),
            "units": self.units,
        }

    def _used(self, rows):
        return rows if len(self.columns) == rows.shape[1] else rows[:, self.columns]

    @classmethod
    def from_state(cls, state):
        """Rebuild it from `state`."""
        weights = np.asarray(state["weights"], dtype=np.float64)
        return cls(np.asarray(state["columns"]), weights, np.asarray(state["units"]))


def in_units(weights, bits):
    """Return real weights as integers of `bits` bits, and each column's unit.

    Parameters
    ----------
    weights : ndarray of shape (n_inputs, k)
    bits : int

    Returns
    -------
    integers : ndarray of shape (n_inputs, k), dtype float64
    units : ndarray of shape (k,), dtype float64
        Powers of two.
    """
    largest = np.abs(weights).max(axis=0, initial=0.0)
    # Largest weights are below 2**exponent, rounded ones at most 2**bits.
    units = np.ldexp(1.0, np.frexp(largest)[1] - bits)
    return np.rint(weights / units), units


def coarsened(u):
    """Return lattice rows in steps of 2**-14 standard deviations, within 64.

    Parameters
    ----------
    u : ndarray or tensor of shape (n_samples, n_features), dtype int64
        Below 2**52 in magnitude.

    Returns
    -------
    x : ndarray or tensor of shape (n_samples, n_features), dtype float64
        Integers of magnitude 2**20 at most.
    """
    xp = namespace(u)
    # A power of two times an integer below 2**52: nothing is rounded before round is.
    x = u.astype(np.float64) if xp is np else u.double()
    x *= 2.0**-DROPPED_BITS
    xp.round(x, out=x)
    return xp.clip(x, -(2.0**VALUE_BITS), 2.0**VALUE_BITS, out=x)
