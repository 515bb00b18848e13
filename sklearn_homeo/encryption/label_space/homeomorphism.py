"""The keyed homeomorphism of label space, and its rounding to six bits.

Label coordinates go through keyed rotations where *directions* were found. Where
*columns* were chosen they stay one by one, with keyed signs, because trees need axes.
Then each column of a ciphertext is a keyed monotone function of one of them:
sinh-arcsinh, or a function that is steepest at a place of the column's own.
All of that is worked out once, into integer weights and tables of codes, so that a row
is mapped by an exact product and look-ups.
"""

from dataclasses import dataclass

import numpy as np

from sklearn_homeo._utils.arrays import namespace
from sklearn_homeo.ciphers.rotation import keyed_rotation
from sklearn_homeo.encryption.label_space.view import MAX_CODE, MIN_CODE

__all__ = ["Homeomorphism"]

# Bins of a feature's range, each with a code of its own in every column: sixteen for
# each code, as columns that share a feature have their steps in different places.
BINS = 1024
# Bits of the integer weights; coordinates have at most 21, and sums of 2**19 fit.
WEIGHT_BITS = 13
MOST_FEATURES = 64
# Columns beyond repeat the codes of the first ones (not their residues).
MOST_COLUMNS = 2048
TILT = 0.3
# Columns are steepest within that part of the typical range.
PLACES = 0.8
# Of the typical range, so that what lies a little beyond it has codes as well.
MARGIN = 1.02


@dataclass(frozen=True, eq=False, repr=False)
class Homeomorphism:
    """From integer label coordinates to codes.

    Parameters
    ----------
    weights : ndarray of shape (k, n_mixed), dtype float64
        Integers: the features, mixed from coordinates, in steps of ``2**-shift`` bins.
    offsets : ndarray of shape (n_mixed,), dtype float64
        Integers that bring the lowest bin to zero.
    shift : int
    table : ndarray of shape (n_mixed * 1024, n_copies), dtype int8
        The codes of the columns of each feature, bin by bin.
    width : int
        Columns of a ciphertext.
    """

    weights: np.ndarray
    offsets: np.ndarray
    shift: int
    table: np.ndarray
    width: int

    @classmethod
    def from_stream(cls, stream, by_column, centre, reach, width, softness=None):
        """Draw the homeomorphism from a key stream.

        Only operations that IEEE 754 defines to the last bit are used, so a key gives
        the same one on every machine.

        Parameters
        ----------
        stream : KeyStream
        by_column : ndarray of shape (k,), dtype bool
            Which coordinates are columns, and stay as they are.
        centre, reach : ndarray of shape (k,), dtype float64
            Middle and half width of the typical range, in integer coordinates; one
            reach for all directions.
        width : int
            At least k.
        softness : float, default=None
            How far from its steepest place, in half ranges, a column is a quarter as
            steep. None takes sinh-arcsinh, which is nearly as steep everywhere.
        """
        n_mixed, n_copies = _layout(len(by_column), width)
        mixing = _mixing(stream, by_column, n_mixed) / (reach[:, None] * MARGIN)
        bins = mixing * (BINS / 2)
        # The largest weight gets exactly WEIGHT_BITS bits.
        shift = WEIGHT_BITS - int(np.frexp(np.abs(bins).max())[1])
        weights = np.rint(np.ldexp(bins, shift))
        # Added column by column: no order of summation that depends on the machine.
        middle = np.zeros(n_mixed)
        for row, value in zip(weights, centre, strict=True):
            middle += row * np.rint(value)
        offsets = np.ldexp(BINS / 2, shift) - middle
        shape = (n_mixed, 1, n_copies)
        if softness is None:
            curves = _SinhArcsinh.from_stream(stream, shape)
        else:
            curves = _Steep.from_stream(stream, shape, softness)
        table = _codes_of_bins(curves, stream.uniform(shape))
        return cls(weights, np.rint(offsets), shift, table, width)

    def codes(self, coordinates):
        """Return the codes of integer coordinates.

        Parameters
        ----------
        coordinates : ndarray or tensor of shape (n_samples, k), dtype float64
            Integers of magnitude 2**20 at most.

        Returns
        -------
        codes : ndarray or tensor of shape (n_samples, width)
            They are of dtype int8, tensors of dtype int64.
        """
        xp, n_mixed = namespace(coordinates), self.weights.shape[1]
        mixed = coordinates @ self.weights
        mixed += self.offsets
        mixed *= 2.0**-self.shift
        xp.floor(mixed, out=mixed)
        xp.clip(mixed, 0, BINS - 1, out=mixed)
        bins = mixed.astype(np.int64) if xp is np else mixed.long()
        bins += BINS * _arange(bins, n_mixed)
        if xp is np:
            # Several times as fast as table[bins].
            found = np.take(self.table, bins, axis=0, mode="clip")
        else:
            found = self.table[bins]
        found = found.reshape(len(bins), -1)
        codes = _empty_codes(found, self.width)
        n_distinct = min(found.shape[1], self.width)
        for start in range(0, self.width, n_distinct):
            part = codes[:, start : start + n_distinct]
            part[:] = found[:, : part.shape[1]]
        return codes

    def __repr__(self):
        return "Homeomorphism(<secret>)"


def _layout(k, width):
    """How many features there are, and how many columns each has."""
    distinct = max(min(width, MOST_COLUMNS), k)
    n_copies = distinct // max(k, min(distinct, MOST_FEATURES))
    return -(-distinct // n_copies), n_copies


def _mixing(stream, by_column, n_mixed):
    """Features as unit combinations of coordinates, of shape (k, n_mixed)."""
    directions, columns = np.flatnonzero(~by_column), np.flatnonzero(by_column)
    share = round(n_mixed * len(columns) / len(by_column))
    n_single = min(max(share, len(columns)), n_mixed - len(directions))
    mixing = np.zeros((len(by_column), n_mixed))
    if len(directions) > 0:
        mixing[directions, n_single:] = _unit_columns(
            stream, len(directions), n_mixed - n_single
        )
    single = np.arange(n_single)
    mixing[columns[single % max(len(columns), 1)], single] = 1.0
    signs = np.where(stream.uniform(n_mixed) < 0.5, -1.0, 1.0)
    return (mixing * signs)[:, stream.permutation(n_mixed)]


def _unit_columns(stream, k, n_columns):
    """Columns of unit length of some rows of a keyed rotation."""
    rotation = keyed_rotation(stream, n_columns).forward(np.eye(n_columns))
    columns = rotation[:k]
    squares = np.zeros(n_columns)
    for row in columns:
        squares += row * row
    return columns / np.sqrt(squares)


@dataclass(frozen=True, eq=False, repr=False)
class _SinhArcsinh:
    """``sinh(arcsinh(2 x - centre) + arcsinh(tilt))``, without either function."""

    tilt: np.ndarray
    centre: np.ndarray

    @classmethod
    def from_stream(cls, stream, shape):
        tilt = TILT * (2.0 * stream.uniform(shape) - 1.0)
        return cls(tilt, 2.0 * stream.uniform(shape) - 1.0)

    def __call__(self, x):
        z = 2.0 * x - self.centre
        tilt = self.tilt
        return z * np.sqrt(1.0 + tilt * tilt) + np.sqrt(1.0 + z * z) * tilt


@dataclass(frozen=True, eq=False, repr=False)
class _Steep:
    """``z / (softness + abs(z))`` of the distance ``z`` to a place of the column's own.

    The places lie evenly, in a keyed order.
    """

    place: np.ndarray
    softness: float

    @classmethod
    def from_stream(cls, stream, shape, softness):
        n = shape[0] * shape[2]
        even = (2.0 * stream.permutation(n) + 1.0) / n - 1.0
        return cls(PLACES * even.reshape(shape), softness)

    def __call__(self, x):
        z = x - self.place
        return z / (self.softness + np.abs(z))


def _codes_of_bins(curves, dither):
    """Keyed monotone functions of a feature, their values rounded to codes.

    Parameters
    ----------
    curves : _SinhArcsinh or _Steep
    dither : ndarray of shape (n_mixed, 1, n_copies), dtype float64
        Where the steps are, within one of them.
    """
    x = ((np.arange(BINS) + 0.5) / (BINS / 2) - 1.0) * MARGIN
    low, high = curves(-1.0), curves(1.0)
    y = (curves(x[:, None]) - low) / (high - low)
    codes = np.floor(y * (MAX_CODE - MIN_CODE - 1) + (MIN_CODE + dither + 0.5))
    codes = np.clip(codes, MIN_CODE, MAX_CODE).astype(np.int8)
    return codes.reshape(-1, dither.shape[2])


def _arange(like, n):
    if namespace(like) is np:
        return np.arange(n)
    return namespace(like).arange(n, device=like.device)


def _empty_codes(found, width):
    shape = (len(found), width)
    if namespace(found) is np:
        return np.empty(shape, found.dtype)
    return found.new_empty(shape, dtype=namespace(found).int64)
