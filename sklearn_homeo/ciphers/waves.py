"""The lattice: integers held in float64, and arithmetic on them that is exact.

A value of one standard deviation is the integer ``2**GRID_BITS``. Every product
of a row with a key matrix is a sum of integers whose magnitudes add up to less
than ``2**53``; IEEE-754 doubles hold every partial sum of it exactly, so its
value does not depend on the order of summation, the BLAS, the number of threads,
the batch or the device.
"""

import math
from dataclasses import dataclass

import numpy as np

from sklearn_homeo._utils.arrays import divide, matmul, multiply, namespace
from sklearn_homeo.ciphers.base import RowOutOfRange

__all__ = [
    "GRID_BITS",
    "MAX_UNITS",
    "BitBudget",
    "IntegerMatrix",
    "PhaseMatrix",
    "RowOutOfRange",
    "to_lattice",
    "triangle_wave",
]

MANTISSA_BITS = 53
GRID_BITS = 26
GRID = 2.0**GRID_BITS
# Standard deviations up to which a coordinate may lie from its mean.
MAX_UNITS = 2.0**14
_SPLIT_BITS = 20
_MAX_WEIGHT_BITS = 14


@dataclass(frozen=True)
class BitBudget:
    """The bits that one exact dot product needs; they must not exceed 53.

    Parameters
    ----------
    grid_bits : float
        Bits of one standard deviation.
    range_bits : float
        log2 of the largest driver, in standard deviations.
    weight_bits : float
        log2 of the largest weight.
    width_bits : float
        log2 of the number of summed products.
    """

    grid_bits: float
    range_bits: float
    weight_bits: float
    width_bits: float

    @property
    def total(self):
        """Sum of all bits: log2 of a bound on every partial sum."""
        return self.grid_bits + self.range_bits + self.weight_bits + self.width_bits

    def check(self):
        """Raise ValueError if a dot product could leave the exact integers."""
        if self.total > MANTISSA_BITS:
            raise ValueError(
                f"The exact integers of float64 have {MANTISSA_BITS} bits, but a dot "
                f"product here needs {self.total:.1f} (grid {self.grid_bits:.1f} + "
                f"range {self.range_bits:.1f} + weight {self.weight_bits:.1f} + width "
                f"{self.width_bits:.1f}). Use a higher frequency or fewer features."
            )
        return self


def to_lattice(x):
    """Round ``x``, in standard deviations, to the lattice."""
    scaled = multiply(x, GRID)
    return namespace(x).round(scaled, out=scaled)


def triangle_wave(phase, period, amplitude):
    """Triangle wave of an integer phase, as lattice integers.

    Parameters
    ----------
    phase : array of float64 integers
    period : float
        An integer number of grid steps.
    amplitude : float
        Peak value in standard deviations.

    Returns
    -------
    wave : array of float64 integers in [-amplitude, amplitude] * 2**26
    """
    xp = namespace(phase)
    phase = reduce_modulo(phase, period)
    # Rounding comes right after the product, so no compiler can fuse the two
    # into a multiply-add of another result.
    wave = xp.abs(phase, out=phase)
    wave *= 4.0 * amplitude * GRID / period
    xp.round(wave, out=wave)
    wave -= round(amplitude * GRID)
    return wave


def reduce_modulo(x, period):
    """Return the representative of ``x`` modulo ``period`` nearest to zero."""
    xp, whole = namespace(x), divide(x, period)
    xp.round(whole, out=whole)
    whole *= period
    return xp.subtract(x, whole, out=whole)


@dataclass(frozen=True)
class PhaseMatrix:
    """Integer weights and offsets that turn drivers into phases, exactly.

    Drivers are reduced modulo the period first. The phase counts modulo the
    period only and the weights are integers, so that changes nothing but the
    size of the numbers: outliers need no bits of their own.

    Parameters
    ----------
    weights : ndarray of shape (n_drivers, n_masks), dtype float64
        Integers of at most 15 bits; pickles hold them in 16.
    offsets : ndarray of shape (n_masks,), dtype float64
    period : float
        Grid steps in a full turn.
    budget : BitBudget
    """

    weights: np.ndarray
    offsets: np.ndarray
    period: float
    budget: BitBudget

    @classmethod
    def from_stream(cls, stream, n_drivers, n_masks, frequency):
        """Draw weights and offsets from a key stream.

        ``frequency`` is the standard deviation of the phase, in radians, when the
        drivers have unit variance.
        """
        largest, period, budget = _plan_weights(n_drivers, frequency)
        weights = stream.integers(-largest, largest + 1, (n_drivers, n_masks))
        offsets = np.floor(stream.uniform(n_masks) * period)
        return cls(weights.astype(np.float64), offsets, period, budget)

    def phases(self, *drivers):
        """Phases of rows whose drivers come in column blocks, left to right."""
        total, start = self.offsets, 0
        for block in drivers:
            stop = start + block.shape[1]
            if stop > start:
                reduced = reduce_modulo(block, self.period)
                part = matmul(reduced, self.weights[start:stop])
                part += total
                total = part
            start = stop
        return total

    def __getstate__(self):
        return {**self.__dict__, "weights": self.weights.astype(np.int16)}

    def __setstate__(self, state):
        self.__dict__.update(state, weights=state["weights"].astype(np.float64))


def _plan_weights(n_drivers, frequency):
    """Largest weight and period for which every dot product is exact."""
    for bits in range(_MAX_WEIGHT_BITS, -1, -1):
        largest = 2**bits
        deviation = math.sqrt(largest * (largest + 1) / 3 * n_drivers)
        period = float(round(2 * math.pi * GRID * deviation / frequency))
        # One bit more for the offset and the roundings at the period's ends.
        budget = BitBudget(
            grid_bits=GRID_BITS,
            range_bits=math.log2(max(period, 2.0)) - GRID_BITS,
            weight_bits=math.log2(largest),
            width_bits=math.log2(n_drivers + 1),
        )
        if budget.total <= MANTISSA_BITS:
            break
    if period < 2:
        raise ValueError(
            f"frequency={frequency!r} is too high: a full turn would be shorter than "
            "two grid steps. Use a lower frequency."
        )
    return largest, period, budget.check()


@dataclass(frozen=True)
class IntegerMatrix:
    """A real matrix rounded to integers, applied to lattice rows exactly.

    Each column has its own power of two. A row is split into a high and a low
    part of 20 bits, so that both products are exact; their sum is rounded once.

    Parameters
    ----------
    entries : ndarray of shape (n_rows, n_columns), dtype float64
        Integers.
    units : ndarray of shape (n_columns,), dtype float64
        Powers of two: the value of the integer 1 in each column.
    budget : BitBudget
    """

    entries: np.ndarray
    units: np.ndarray
    budget: BitBudget

    @classmethod
    def from_real(cls, matrix):
        """Round a real matrix of shape (n_rows, n_columns)."""
        width_bits = math.log2(matrix.shape[0] + 1)
        weight_bits = MANTISSA_BITS - _SPLIT_BITS - math.ceil(width_bits)
        largest = np.abs(matrix).max(axis=0)
        exponents = np.ceil(np.log2(np.where(largest > 0, largest, 1.0)))
        units = 2.0 ** (exponents - weight_bits)
        budget = BitBudget(_SPLIT_BITS, 0.0, weight_bits, width_bits)
        return cls(np.round(matrix / units), units, budget.check())

    def apply(self, x):
        """Return the product of lattice rows ``x`` with the matrix, in float64.

        The result is the same on every machine; its rows are not rounded yet.
        """
        step = 2.0**_SPLIT_BITS
        xp = namespace(x)
        high = divide(x, step)
        xp.round(high, out=high)
        product = matmul(high, self.entries)
        product *= step
        high *= step
        low = xp.subtract(x, high, out=high)
        product += matmul(low, self.entries)
        product *= self.units
        return product

    def real(self):
        """The matrix that is applied, as real numbers."""
        return self.entries * self.units
