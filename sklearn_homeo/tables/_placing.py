"""Columns of integers placed in one column of float64, or in several.

A placing is chosen in `fit`. It errs in nothing as long as its columns come back within
2**-28 of their standard deviation.
"""

from dataclasses import dataclass

import numpy as np

from sklearn_homeo.tables._scales import (
    MAX_STEPS,
    DyadicScale,
    integer_scale,
    is_heavy,
)

__all__ = ["SplitColumns", "WholeColumn", "place_integers", "to_unsigned"]

_MAX_WHOLE = 2**50
# Widest fine column: uniform in 26 bits, it is told apart to an eighth of a step.
_FINE_BITS = 26
_SIGN = np.uint64(1 << 63)
_MIX = tuple(np.uint64(c) for c in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9))


@dataclass(frozen=True)
class WholeColumn:
    """Integers in one column, less an offset, in units of ``1 / divisor``."""

    offset: int = 0
    divisor: float = 1.0

    suffixes = ("",)

    def encode(self, integers):
        """Place integers, int64 or uint64; returns shape (n_rows, 1)."""
        below_limit = integers - integers.dtype.type(self.offset)
        return (below_limit / self.divisor)[:, np.newaxis]

    def decode(self, columns, dtype):
        """Return the integers again."""
        integers = np.rint(columns[:, 0] * self.divisor)
        integers = np.clip(integers, -(2.0**62), 2.0**62).astype(np.int64)
        return integers.astype(dtype) + dtype(self.offset)


@dataclass(frozen=True)
class SplitColumns:
    """Integers in a coarse column, which grows with them, and fine columns.

    The fine columns hold the rest of the division, shifted by an amount that depends on
    the coarse column, around: nothing shows in them, and they are spread evenly
    whatever the integers are.
    """

    scale: DyadicScale
    n_fine: int
    fine_bits: int

    @property
    def suffixes(self):
        """Ends of the columns' names."""
        return ("", *(f"_fine{i + 1}" for i in range(self.n_fine)))

    def encode(self, integers):
        """Place integers; returns shape (n_rows, 1 + n_fine)."""
        coarse, rests, places = self.scale.encode(to_unsigned(integers))
        columns = np.empty((len(integers), 1 + self.n_fine), order="F")
        columns[:, 0] = coarse
        for i in range(self.n_fine):
            part = (rests >> np.uint64(i * self.fine_bits)) + self._shift(places, i)
            columns[:, i + 1] = (part & self._mask).astype(np.float64) - self._middle
        return columns

    def decode(self, columns, dtype):
        """Return the integers again; without fine columns, the middle of each cell."""
        coarse = columns[:, 0]
        rests = np.zeros(len(columns), dtype=np.uint64)
        if self.n_fine:
            places = self.scale.places(coarse)
        else:
            rests += np.uint64((1 << self.scale.n_rest_bits) >> 1)
        for i in range(self.n_fine):
            fine = np.rint(np.clip(columns[:, i + 1], -self._middle, self._middle - 1))
            part = (fine + self._middle).astype(np.uint64) - self._shift(places, i)
            rests |= (part & self._mask) << np.uint64(i * self.fine_bits)
        return from_unsigned(self.scale.decode(coarse, rests), dtype)

    def _shift(self, places, i):
        mixed = (places + np.uint64(i)) * _MIX[0]
        mixed ^= mixed >> np.uint64(29)
        mixed *= _MIX[1]
        return mixed >> np.uint64(64 - self.fine_bits)

    @property
    def _mask(self):
        return np.uint64((1 << self.fine_bits) - 1)

    @property
    def _middle(self):
        return float(1 << (self.fine_bits - 1))


def place_integers(integers, exact, divisor=1.0):
    """Choose how to place integers.

    Parameters
    ----------
    integers : ndarray of shape (n_rows,), dtype int64 or uint64
        Those of `fit`; any number of them.
    exact : bool
        Whether they must come back exactly, at the price of more columns.
    divisor : float, default=1.0
        One of the column in integers, where one column is enough.

    Returns
    -------
    placing : WholeColumn or SplitColumns
    heavy : bool
        Whether the bulk would have vanished next to the largest ones, so that these are
        on the scale of their logarithm.
    """
    if len(integers) == 0:
        return WholeColumn(divisor=divisor), False
    low, high = int(integers.min()), int(integers.max())
    offset = 0 if max(-low, high) < _MAX_WHOLE else low
    if high - offset < _MAX_WHOLE:
        spread = (integers - integers.dtype.type(offset)).astype(np.float64).std()
        # Constant columns are divided by 1.
        spread = spread or divisor
        if spread <= MAX_STEPS:
            return WholeColumn(offset, divisor), False
    ordered = to_unsigned(integers)
    heavy = is_heavy(ordered)
    return split_columns(integer_scale(ordered, heavy), exact), heavy


def split_columns(scale, exact):
    """Return the columns that a scale needs."""
    n_bits = scale.n_rest_bits if exact else 0
    n_fine = -(-n_bits // _FINE_BITS)
    return SplitColumns(scale, n_fine, -(-n_bits // max(n_fine, 1)))


def to_unsigned(integers):
    """Return int64 or uint64 as uint64, in the same order."""
    if integers.dtype == np.uint64:
        return integers
    return integers.astype(np.int64, copy=False).view(np.uint64) ^ _SIGN


def from_unsigned(unsigned, dtype):
    """Return the int64 or uint64 of `to_unsigned`."""
    return unsigned if dtype is np.uint64 else (unsigned ^ _SIGN).view(np.int64)
