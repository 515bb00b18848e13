"""Integers of 64 bits on few columns of float64, and back without an error.

An encryptor returns a column within 2**-28 of its standard deviation, so one column
tells about 2**26 values apart. A *scale* cuts integers into a coarse part, which grows
with them and is what models see, and a rest of enough bits that nothing is lost. The
rest goes into fine columns, in which nothing shows.

Everything here is integer arithmetic and powers of two: the same bits everywhere.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

__all__ = [
    "MAX_STEPS",
    "DyadicScale",
    "bits_float",
    "float_bits",
    "float_scale",
    "integer_scale",
    "is_heavy",
]

# Steps of a column in one standard deviation, at most; an encryptor that is fitted on
# the same rows errs by 1/16 of a step.
MAX_STEPS = 2.0**24
_BULK_BITS = 22
_TINY_BITS = 12
# Floats that lie this many doublings from zero, seen from their own width, are put on
# a scale around their median.
_MAX_OFFSET_BITS = 26
_MAX_EXPONENT = 400
_TOP_BIT = np.uint64(1 << 63)


@dataclass(frozen=True)
class DyadicScale:
    """A monotone map of 64-bit magnitudes whose slopes are powers of two.

    Magnitudes that share a key (their number of bits, or the exponent of the float that
    they are the bits of) lie on one straight piece.

    Parameters
    ----------
    centre : int
        The uint64 with the magnitude 0; lower ones mirror higher ones.
    exponent_bits : int
        A magnitude's key is the magnitude shifted right by that many bits; 0 stands for
        its number of bits.
    starts, bases : ndarray of shape (n_keys,), dtype uint64 and int64
        Where each piece begins, in magnitudes and in steps.
    shifts : ndarray of shape (n_keys,), dtype int64
        A step is ``2 ** shift`` magnitudes.
    step : float
        Width of a step in the coarse column, a power of two.
    """

    centre: int
    exponent_bits: int
    starts: np.ndarray
    bases: np.ndarray
    shifts: np.ndarray
    step: float

    @property
    def n_rest_bits(self):
        """Number of bits of the largest rest."""
        return max(int(self.shifts.max()), 0)

    def encode(self, values):
        """Return the coarse column, the rests and the places of `places`.

        Parameters
        ----------
        values : ndarray of shape (n_rows,), dtype uint64

        Returns
        -------
        coarse : ndarray of shape (n_rows,), dtype float64
            Middles of steps.
        rests, places : ndarray of shape (n_rows,), dtype uint64
        """
        mirror = _all_bits(values < np.uint64(self.centre))
        # What lies below is counted from just below the centre: ~(v - c) = c - 1 - v.
        offsets = (values - np.uint64(self.centre)) ^ mirror
        keys = self._keys(offsets)
        offsets -= self.starts[keys]
        right, left = (part[keys] for part in self._right_and_left)
        rests = offsets & ((np.uint64(1) << right) - np.uint64(1))
        steps = ((offsets >> right) << left) + self.bases.view(np.uint64)[keys]
        coarse = steps.view(np.int64).astype(np.float64)
        coarse += 0.5
        coarse *= self.step
        coarse.view(np.uint64)[:] ^= mirror & _TOP_BIT
        return coarse, rests, steps ^ mirror

    def decode(self, coarse, rests):
        """Return the integers that `encode` was given, as uint64."""
        steps, keys = self._steps(coarse)
        right, left = (part[keys] for part in self._right_and_left)
        offsets = ((steps - self.bases[keys]).astype(np.uint64) >> left) << right
        rests = np.minimum(rests, (np.uint64(1) << right) - np.uint64(1))
        magnitudes = self.starts[keys] + (offsets | rests)
        return (magnitudes ^ _all_bits(coarse < 0)) + np.uint64(self.centre)

    def places(self, coarse):
        """Return a number for each coarse cell, the same for coarse columns within half
        a step; fine columns are mixed with it. dtype uint64."""
        steps, _ = self._steps(coarse)
        return np.where(coarse < 0, ~steps, steps).view(np.uint64)

    @cached_property
    def _right_and_left(self):
        right, left = np.maximum(self.shifts, 0), np.maximum(-self.shifts, 0)
        return right.astype(np.uint64), left.astype(np.uint64)

    def _steps(self, coarse):
        steps = np.clip(np.floor(np.abs(coarse) / self.step), 0, 2.0**62)
        steps = steps.astype(np.int64)
        keys = np.searchsorted(self.bases, steps, side="right") - 1
        return steps, np.minimum(keys, len(self.bases) - 1)

    def _keys(self, magnitudes):
        if self.exponent_bits:
            return (magnitudes >> np.uint64(self.exponent_bits)).astype(np.intp)
        keys = np.frexp(magnitudes.astype(np.float64))[1].astype(np.intp)
        # Rounding to 53 bits may have carried into one bit more.
        top = np.maximum(keys - 1, 0).astype(np.uint64)
        keys -= (magnitudes >> top) == 0
        return np.clip(keys, 0, len(self.starts) - 1)


def _all_bits(flags):
    """Return uint64 of all bits where flags are set, else 0."""
    return (-flags.astype(np.int64)).view(np.uint64)


def integer_scale(values, heavy):
    """Return a scale of integers whose bulk has room for 2**22 steps.

    Parameters
    ----------
    values : ndarray of shape (n_rows,), dtype uint64
        The integers of `fit`, at least one.
    heavy : bool
        Whether what lies beyond the bulk is put on the scale of its logarithm.
    """
    low, centre, high = _quantiles(values)
    width = max(high - centre, centre - low, 1)
    if not heavy:
        width = max(width, int(values.max()) - centre, centre - int(values.min()))
    bulk = width.bit_length()
    while True:
        scale = _integer_pieces(centre, bulk, heavy)
        if _fits(scale, values):
            return scale
        bulk += 1


def _integer_pieces(centre, bulk, heavy):
    """Linear below 2**bulk, then every doubling as long as the bulk, if `heavy`."""
    first = bulk - _BULK_BITS if heavy else max(bulk - _BULK_BITS, 0)
    keys = np.arange(65)
    beyond = np.maximum(keys - 1 - bulk, -1) if heavy else np.full(65, -1)
    starts = np.where(beyond < 0, 0, 2 ** np.maximum(keys - 1, 0).astype(object))
    bases = np.where(beyond < 0, 0, (beyond + 1) << _BULK_BITS)
    return DyadicScale(
        centre=centre,
        exponent_bits=0,
        starts=starts.astype(np.uint64),
        bases=bases.astype(np.int64),
        shifts=first + np.maximum(beyond, 0),
        step=2.0**first,
    )


def float_scale(values, bits):
    """Return a scale of floats, given by their ordered bits.

    It is linear around zero, as far as the bulk of the data reaches, and the logarithm
    beyond. It is the logarithm again for what is so near zero that it makes no
    difference to the bulk. So every float has a place.

    Parameters
    ----------
    values : ndarray of shape (n_rows,), dtype float64 or float32
        The floats of `fit`, finite, at least one.
    bits : ndarray of shape (n_rows,), dtype uint64
        `float_bits` of them.
    """
    kind = np.finfo(values.dtype)
    low, _, high = _quantiles(values)
    size = _quantiles(np.abs(values))[2] or float(np.abs(values).max()) or 1.0
    reach = _exponent(size, kind) + 1
    spread = min(_exponent((high / 2 - low / 2) or size, kind) + 1, reach)
    bulk = reach - spread + _BULK_BITS
    if reach - spread > _MAX_OFFSET_BITS:
        return integer_scale(bits, heavy=True)
    while bulk > _TINY_BITS:
        scale = _float_pieces(kind, reach, bulk)
        if bulk <= kind.nmant and _fits(scale, bits):
            # Constant columns are divided by 1, whatever their size.
            return scale if bits.min() < bits.max() else replace(scale, step=1.0)
        bulk -= 1
    return integer_scale(bits, heavy=True)


def _exponent(value, kind):
    """Return the doublings from 1 to above a value, away from the ends."""
    exponent = int(np.frexp(value)[1])
    return min(max(exponent, kind.minexp + 2 * _BULK_BITS), kind.maxexp - 2)


def _float_pieces(kind, reach, bulk):
    """Steps of ``2 ** (reach - bulk)``, linear below ``2 ** reach``."""
    mantissa, n_keys = kind.nmant, 2 * kind.maxexp
    step = reach - bulk
    exponents = np.arange(n_keys) + kind.minexp - 1
    tiny = exponents < step + _TINY_BITS
    large = exponents >= reach
    shifts = mantissa - (np.minimum(exponents, reach) - step)
    tiny_shift = mantissa - 1
    bases = np.where(large, (exponents - reach + 1) << bulk, 0)
    linear = ~tiny & ~large
    bases[linear] = 1 << (exponents[linear] - step)
    bases[tiny] = 0
    starts = np.where(tiny, 0, np.arange(n_keys) << mantissa)
    return DyadicScale(
        centre=1 << 63,
        exponent_bits=mantissa,
        starts=starts.astype(np.uint64),
        bases=bases.astype(np.int64),
        shifts=np.where(tiny, tiny_shift, shifts).astype(np.int64),
        # Squares of the column must be floats too.
        step=2.0**step if abs(step) < _MAX_EXPONENT else 1.0,
    )


def _fits(scale, values):
    coarse, _, _ = scale.encode(values)
    return coarse.std() <= MAX_STEPS * scale.step and (
        np.abs(coarse).max() < 2.0**50 * scale.step
    )


def _quantiles(values):
    places = [int(q * (len(values) - 1)) for q in (0.05, 0.5, 0.95)]
    return np.partition(values, places)[places].tolist()


def is_heavy(values):
    """Whether so far beyond the bulk there is something that the bulk would vanish."""
    low, _, high = _quantiles(values)
    bulk = max(high - low, 1)
    floats = values.astype(np.float64) - float(low)
    return floats.std() > 64 * bulk


def float_bits(values):
    """Return the bits of floats as uint64, in the order of the floats.

    -0.0 comes just before 0.0, whose place is 2**63.
    """
    signed, top = (np.int64, 63) if values.dtype == np.float64 else (np.int32, 31)
    bits = np.ascontiguousarray(values).view(signed).astype(np.int64)
    # Negative ones with all bits flipped but the sign: larger ones are farther below.
    ordered = bits ^ ((bits >> 63) & np.int64((1 << top) - 1))
    return ordered.view(np.uint64) ^ _TOP_BIT


def bits_float(bits, dtype):
    """Return the floats of `float_bits`."""
    signed, top = (np.int64, 63) if dtype == np.float64 else (np.int32, 31)
    ordered = (bits ^ _TOP_BIT).view(np.int64)
    limit = np.int64((1 << top) - 1)
    ordered = np.clip(ordered, ~limit, limit)
    return (ordered ^ ((ordered >> 63) & limit)).astype(signed).view(dtype)
