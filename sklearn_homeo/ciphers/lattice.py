"""The lattice: rows as integers, in steps of 2**-27 standard deviations.

All of it is computed entry by entry with operations that IEEE 754 defines to the last
bit, so a row has the same integers on every machine, in every batch and on every
device.
"""

from dataclasses import dataclass, field

import numpy as np

from sklearn_homeo.ciphers.base import RowOutOfRange

__all__ = ["GRID_BITS", "MIN_WIDTH", "RANGE_BITS", "Lattice"]

# A standard deviation is 2**GRID_BITS steps, and integers are in
# [-2**RANGE_BITS, 2**RANGE_BITS): up to 8192 standard deviations.
GRID_BITS = 27
RANGE_BITS = 40
# In fewer columns than that, the hashes of a lock collide too often.
MIN_WIDTH = 5
N_RANDOM = 2
_ROWS_AT_ONCE, _COPIED_NUMBERS = 4096, 2**23
# Doubles from 2**52 to 2**53 are integers, and their bits count on with them.
_ROUNDING = 1.5 * 2.0**52
_ROUNDING_BITS = np.float64(_ROUNDING).view(np.int64)


@dataclass(frozen=True, eq=False)
class Lattice:
    """Centre and scale of each column, and the columns that are added.

    An integer row has the columns of the data, then zeros up to `MIN_WIDTH`, then, if
    randomized, two that are drawn anew for each row, then more zeros if any.

    Parameters
    ----------
    mean, scale : ndarray of shape (n_features,), dtype float64
        ``scale`` is positive.
    randomized : bool, default=False
        Whether two random columns are added, so that equal rows differ.
    whole : ndarray of shape (n_whole,), dtype int64, default=()
        Columns whose values are whole numbers, which come back whole.
    n_added : int, default=0
        Columns of zeros behind all others, which carry a view and nothing else.
    range_bits : int, default=40
        Smaller or larger in tests only: a ciphertext's redundancy is
        ``46 - range_bits`` bits in each column.
    """

    mean: np.ndarray
    scale: np.ndarray
    randomized: bool = False
    whole: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    n_added: int = 0
    range_bits: int = RANGE_BITS

    @classmethod
    def from_data(cls, X, randomized=False):
        """Take mean and standard deviation of the columns of ``X``.

        A constant column gets the scale 1, or the size of its value if that is less.
        """
        # Some columns at a time: copies of large data would not fit beside them.
        n_parts = int(np.clip(X.size // _COPIED_NUMBERS, 1, max(X.shape[1] // 2, 1)))
        parts = np.array_split(np.arange(X.shape[1]), n_parts)
        moments = [_moments(X[:, part[0] : part[-1] + 1]) for part in parts]
        mean, scale = np.concatenate(moments, axis=1)
        return cls(mean, scale, randomized, _whole_columns(X))

    @classmethod
    def from_state(cls, state):
        """Rebuild it from `state`."""
        arrays = (np.asarray(state[name]) for name in ("mean", "scale", "whole"))
        mean, scale, whole = arrays
        return cls(mean, scale, state["randomized"], whole, state.get("n_added", 0))

    def state(self):
        """Return what defines it, by name."""
        state = {
            "mean": self.mean,
            "scale": self.scale,
            "whole": self.whole,
            "randomized": self.randomized,
        }
        return state | {"n_added": self.n_added} if self.n_added else state

    @property
    def n_features(self):
        """Columns of the data."""
        return len(self.mean)

    @property
    def n_fixed(self):
        """Columns of the data and of zeros."""
        return max(self.n_features, MIN_WIDTH)

    @property
    def n_drawn(self):
        """Columns of the data, of zeros and of randomness: where more zeros begin."""
        return self.n_fixed + N_RANDOM * self.randomized

    @property
    def width(self):
        """Columns of an integer row."""
        return self.n_drawn + self.n_added

    @property
    def step(self):
        """One step of each column, in units of the data."""
        return np.maximum(self.scale * 2.0**-GRID_BITS, np.finfo(np.float64).tiny)

    def round(self, X, workspace):
        """Return the integers of rows.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
        workspace : Workspace

        Returns
        -------
        u : ndarray of shape (n_samples, n_features), dtype int64
            In `workspace`.

        Raises
        ------
        RowOutOfRange
            If a value is beyond the range, or no finite number.
        """
        real = workspace.array("numbers/1", X.shape, np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            np.subtract(X, self.mean, out=real)
            real /= self.step
            # Rounds to integers as rint does, and leaves them in the low bits.
            real += _ROUNDING
        end = 2.0**self.range_bits
        low, high = _ROUNDING - end, _ROUNDING + end
        # NaN is neither.
        if not (real.min(initial=_ROUNDING) >= low and real.max(initial=0.0) < high):
            self._raise_out_of_range(X, (real >= low) & (real < high))
        u = real.view(np.int64)
        u -= _ROUNDING_BITS
        return u

    def restore(self, u, out):
        """Write the rows of integers to ``out``.

        Parameters
        ----------
        u : ndarray of shape (n_samples, n_features), dtype int64
        out : ndarray of shape (n_samples, n_features), dtype float64
        """
        np.multiply(u, self.step, out=out)
        out += self.mean
        if len(self.whole) > 0:
            values = out[:, self.whole]
            nearest = np.rint(values)
            # A fraction that was not there in training stays one.
            near = np.abs(values - nearest) <= self.step[self.whole]
            out[:, self.whole] = np.where(near, nearest + 0.0, values)

    def widen(self, u, randoms, out):
        """Write integers of the data, zeros and random columns to ``out``.

        Parameters
        ----------
        u : ndarray of shape (n_samples, n_features), dtype int64
        randoms : bytes-like
            16 bytes a row if randomized, else none.
        out : ndarray of shape (n_samples, width), dtype int64
        """
        out[:, : self.n_features] = u
        out[:, self.n_features : self.n_fixed] = 0
        if self.randomized:
            drawn = np.frombuffer(randoms, "<i8").reshape(len(u), N_RANDOM)
            random = out[:, self.n_fixed : self.n_drawn]
            np.right_shift(drawn, 63 - self.range_bits, out=random)
        out[:, self.n_drawn :] = 0

    def covers(self, u):
        """Whether integer rows are in range and have zeros where they belong.

        Parameters
        ----------
        u : ndarray of shape (n_samples, width), dtype int64

        Returns
        -------
        inside : ndarray of shape (n_samples,), dtype bool
        """
        end = 2**self.range_bits
        inside = u.min(axis=1) >= -end
        inside &= u.max(axis=1) < end
        inside &= ~u[:, self.n_features : self.n_fixed].any(axis=1)
        inside &= ~u[:, self.n_drawn :].any(axis=1)
        return inside

    def _raise_out_of_range(self, X, inside):
        row, column = (int(i) for i in np.argwhere(~inside)[0])
        if not np.isfinite(X[row, column]):
            raise RowOutOfRange(row, "holds NaN or infinity", column)
        limit = 2 ** (self.range_bits - GRID_BITS)
        raise RowOutOfRange(
            row,
            f"lies more than {limit} standard deviations from the training mean",
            column,
        )


def _moments(X):
    """Mean and scale of columns; see `Lattice.from_data`."""
    size = np.abs(X).max(axis=0)
    # A power of two, so that dividing by it rounds nothing.
    unit = np.ldexp(1.0, np.frexp(size)[1])
    # From the smallest value on, so that little variation beside a large mean
    # is not lost to rounding.
    start = (X / unit).min(axis=0)
    above = X / unit - start
    mean = (start + above.mean(axis=0)) * unit
    deviation = above.std(axis=0) * unit
    constant = above.max(axis=0) == 0
    own = np.where(size > 0, np.minimum(size, 1.0), 1.0)
    mean = np.where(constant, X[0], mean)
    scale = np.where(constant, own, deviation)
    return mean, scale


def _whole_columns(X):
    """Columns of whole numbers only; a few rows at a time, to take little memory."""
    whole = np.arange(X.shape[1])
    for start in range(0, len(X), _ROWS_AT_ONCE):
        rows = X[start : start + _ROWS_AT_ONCE, whole]
        whole = whole[(rows == np.rint(rows)).all(axis=0)]
    return whole
